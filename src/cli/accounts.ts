import { Effect, Option, Redacted, Schema } from "effect"
import { Argument } from "effect/cli"
import { AccountDirectory } from "../accounts/AccountDirectory.ts"
import { identify } from "../accounts/Identifier.ts"
import type { Password } from "../domain/Password.ts"
import { UserId } from "../domain/User.ts"
import { PasswordHasher } from "../passwords/PasswordHasher.ts"
import { freshSecret } from "../secrets/GeneratedSecret.ts"
import { failed } from "./endings.ts"

/** An account as an operator names it. */
export const account = Argument.String("user").pipe(
  Argument.withDescription("The address, the user name or the id of an account")
)

const decodeId = Schema.decodeUnknownOption(UserId)

/** What looks like an id is one, whoever may have chosen it for a user name. */
export const findAccount = Effect.fnUntraced(function* (typed: string) {
  const directory = yield* AccountDirectory
  const found = yield* directory.describe(
    Option.match(decodeId(typed.trim().toLowerCase()), {
      onNone: () => identify(typed),
      onSome: (id) => ({ _tag: "UserId" as const, id })
    })
  )
  return Option.isSome(found) ? found.value : yield* failed(`Nobody has this address, user name or id: ${typed}`)
})

/** The id of an account as an operator names it. One that nobody has any more is taken as it is: trail and events outlive an account. */
const idOf = Effect.fnUntraced(function* (typed: string) {
  const id = decodeId(typed.trim().toLowerCase())
  return Option.isSome(id) ? id.value : (yield* findAccount(typed)).user.id
})

export const accountIdIn = (typed: Option.Option<string>) => Effect.transposeOption(Option.map(typed, idOf))

/**
 * The hash of a password that nobody knows: its account is opened by a reset alone, and a guess at it takes as long as at any other (C5).
 */
export const unknownPassword = Effect.gen(function* () {
  const hasher = yield* PasswordHasher
  const nobodys: Password = Redacted.make(Redacted.value(yield* freshSecret), { label: "password" })
  return yield* hasher.hash(nobodys)
})
