import { Context, Effect, Layer } from "effect"
import type { ConfirmationCode, ConfirmationCodeRefused } from "../domain/ConfirmationCode.ts"
import { type Email, emailKey } from "../domain/Email.ts"
import type { Unavailable } from "../domain/Failure.ts"
import type { AccountBlocked, AccountExists, User } from "../domain/User.ts"
import { ConfirmationCodeMint } from "../secrets/ConfirmationCodeMint.ts"
import { Confirmations } from "./Confirmations.ts"
import { ConfirmationWorker } from "./ConfirmationWorker.ts"
import { countedBy } from "./Outcomes.ts"

const countConfirmations = countedBy(
  "rekey_confirmations_total",
  "Confirmations of an address by outcome: done, or the reason why not."
)

/** Showing that mail to an address arrives. */
export class EmailConfirmation extends Context.Service<
  EmailConfirmation,
  {
    /** Notes that somebody asks for the mail once more. Never looks at an account (C1). */
    request(email: Email): Effect.Effect<void, Unavailable>

    /** No session comes of it: whoever reads the mails needn't be who chose the password. */
    confirm(
      code: ConfirmationCode
    ): Effect.Effect<User, ConfirmationCodeRefused | AccountBlocked | AccountExists | Unavailable>
  }
>()("rekey/accounts/EmailConfirmation") {
  static readonly layer = Layer.effect(
    EmailConfirmation,
    Effect.gen(function* () {
      const repository = yield* Confirmations
      const mint = yield* ConfirmationCodeMint
      const worker = yield* ConfirmationWorker

      const request = Effect.fn("EmailConfirmation.request")((email: Email) =>
        Effect.andThen(repository.askAgain(emailKey(email)), worker.wake)
      )

      const confirm = Effect.fn("EmailConfirmation.confirm")(function* (code: ConfirmationCode) {
        return yield* repository.confirm(yield* mint.hash(code))
      }, countConfirmations)

      return EmailConfirmation.of({ request, confirm })
    })
  )
}
