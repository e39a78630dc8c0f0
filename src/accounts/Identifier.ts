import { Option, Schema } from "effect"
import { Email, type EmailKey, emailKey } from "../domain/Email.ts"
import { type UserId, type UsernameKey, usernameKey } from "../domain/User.ts"

/** How an account is named. */
export type Identifier =
  | { readonly _tag: "Email"; readonly key: EmailKey }
  | { readonly _tag: "Username"; readonly key: UsernameKey }
  | { readonly _tag: "UserId"; readonly id: UserId }

/** An account as a person names it: by its address or its user name. */
export type TypedIdentifier = Exclude<Identifier, { readonly _tag: "UserId" }>

const decodeEmail = Schema.decodeOption(Email)

/** A string that is no address is looked up as a user name, of which none has an `@`. */
export const identify = (typed: string): TypedIdentifier =>
  Option.match(decodeEmail(typed), {
    onNone: () => ({ _tag: "Username", key: usernameKey(typed) }),
    onSome: (email) => ({ _tag: "Email", key: emailKey(email) })
  })
