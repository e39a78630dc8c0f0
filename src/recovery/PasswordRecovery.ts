import { Context, Effect, Layer } from "effect"
import type { Email } from "../domain/Email.ts"
import { emailKey } from "../domain/Email.ts"
import type { Unavailable } from "../domain/Failure.ts"
import { RecoveryWorker } from "./RecoveryWorker.ts"
import { RecoveryRequests } from "./ResetCodes.ts"

/** "I forgot." */
export class PasswordRecovery extends Context.Service<
  PasswordRecovery,
  {
    /** Notes that somebody asks for a code. Never looks at an account, so that the answer tells nothing of one (C1 to C4). */
    request(email: Email): Effect.Effect<void, Unavailable>
  }
>()("rekey/recovery/PasswordRecovery") {
  static readonly layer = Layer.effect(
    PasswordRecovery,
    Effect.gen(function* () {
      const requests = yield* RecoveryRequests
      const worker = yield* RecoveryWorker
      const request = Effect.fn("PasswordRecovery.request")((email: Email) =>
        Effect.andThen(requests.add(emailKey(email)), worker.wake)
      )
      return PasswordRecovery.of({ request })
    })
  )
}
