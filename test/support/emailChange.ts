import { Effect } from "effect"
import { type Answer, bearer, type Client, type Somebody } from "./client.ts"
import { codeIn, holdsCode } from "./service.ts"
import { MailServer } from "./smtp.ts"

/** Asks for another address. */
export const askForEmail = (
  { post }: Pick<Client, "post">,
  { jwt, password }: Pick<Somebody, "jwt" | "password">,
  email: string
): Effect.Effect<Answer> => post("/auth/change-email", { email, currentPassword: password }, bearer(jwt))

export const confirmEmail = ({ post }: Pick<Client, "post">, code: string) =>
  post("/auth/change-email/confirm", { code })

export const undoEmail = ({ post }: Pick<Client, "post">, code: string) => post("/auth/change-email/undo", { code })

/** The code of the next mail to an address whose subject has these words. */
export const mailedCode = Effect.fnUntraced(function* (email: string, words: string) {
  const { next } = yield* MailServer
  const mail = yield* Effect.repeat(next(email), {
    until: ({ parsed }) => parsed.subject?.includes(words) === true && holdsCode(parsed.text ?? "")
  })
  return codeIn(mail.parsed.text ?? "")
})

/** The code that changes an address to this one, and the one that leads back to it. */
export const changeCode = (email: string) => mailedCode(email, "Confirm your new address")
export const wayBackCode = (email: string) => mailedCode(email, "has a new address")

/** Changes an address all the way; gives the way back. */
export const changeEmail = Effect.fnUntraced(function* (
  client: Pick<Client, "post">,
  somebody: Pick<Somebody, "jwt" | "password" | "email">,
  email: string
) {
  yield* askForEmail(client, somebody, email)
  yield* confirmEmail(client, yield* changeCode(email))
  return yield* wayBackCode(somebody.email)
})
