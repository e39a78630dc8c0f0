import { Context, Effect, Layer } from "effect"
import { identify } from "../accounts/Identifier.ts"
import type { Helper } from "../domain/Administrator.ts"
import type { Email } from "../domain/Email.ts"
import { emailKey } from "../domain/Email.ts"
import type { Unavailable } from "../domain/Failure.ts"
import type { AccountBlocked, AccountNotFound } from "../domain/User.ts"
import { RecoveryWorker } from "./RecoveryWorker.ts"
import { RecoveryRequests } from "./ResetCodes.ts"

/** "I forgot." */
export class PasswordRecovery extends Context.Service<
  PasswordRecovery,
  {
    /** Notes that somebody asks for a code. Never looks at an account, so that the answer tells nothing of one (C1 to C4). */
    request(email: Email): Effect.Effect<void, Unavailable>

    /**
     * Notes that an administrator, or the operator, asks for somebody, by their address or user name. From there on it is a request like any other:
     * the code goes to the owner alone, under the same limits, and the trail names who asked (F7).
     */
    requestFor(identifier: string, helper: Helper): Effect.Effect<void, AccountNotFound | AccountBlocked | Unavailable>
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
      const requestFor = Effect.fn("PasswordRecovery.requestFor")((identifier: string, helper: Helper) =>
        Effect.andThen(requests.addFor(identify(identifier), helper), worker.wake)
      )
      return PasswordRecovery.of({ request, requestFor })
    })
  )
}
