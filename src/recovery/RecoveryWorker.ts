import { Context, Effect, Layer, Option } from "effect"
import { ConfirmationWorker } from "../accounts/ConfirmationWorker.ts"
import { makeWorker } from "../background/Worker.ts"
import { OutboxWorker } from "../mail/OutboxWorker.ts"
import { ResetCodeMint } from "../secrets/ResetCodeMint.ts"
import { RecoveryRequests } from "./ResetCodes.ts"

/** Turns requests into codes and mails, behind the door, where nobody can time it. */
export class RecoveryWorker extends Context.Service<
  RecoveryWorker,
  {
    /** A request was written down in this process: look now. */
    readonly wake: Effect.Effect<void>
  }
>()("rekey/recovery/RecoveryWorker") {
  static readonly layer = (limits: {
    readonly codeTtlMillis: number
    readonly cooldownMillis: number
    readonly hourlyCap: number
  }) =>
    Layer.effect(
      RecoveryWorker,
      Effect.gen(function* () {
        const requests = yield* RecoveryRequests
        const mint = yield* ResetCodeMint
        const outbox = yield* OutboxWorker
        const confirmations = yield* ConfirmationWorker
        // The pause finds what a dead process left.
        const worker = yield* makeWorker({ broken: "Taking a recovery request broke.", every: "5 seconds" })

        const takeOne = Effect.fn("RecoveryWorker.takeOne")(function* () {
          const taken = yield* requests.takeNext(yield* mint.fresh, limits)
          if (Option.isNone(taken)) return false
          const { language, outcome } = taken.value
          // An address without an account gets the same work, up to the mail server (C2).
          yield* outcome === "Issued" ? outbox.wake : outbox.rehearse(language)
          // Where no account has the address a registration may wait with it, which is that worker's to see.
          yield* confirmations.wake
          return true
        })

        yield* worker.start(takeOne())
        return RecoveryWorker.of({ wake: worker.wake })
      })
    )
}
