import { Context, Effect, Layer, Option } from "effect"
import { makeWorker } from "../background/Worker.ts"
import { OutboxWorker } from "../mail/OutboxWorker.ts"
import { ConfirmationCodeMint } from "../secrets/ConfirmationCodeMint.ts"
import { Confirmations } from "./Confirmations.ts"

/** Decides who gets which mail, behind the door, where nobody can time it (C6). */
export class ConfirmationWorker extends Context.Service<
  ConfirmationWorker,
  {
    /** A request was written down in this process: look now. */
    readonly wake: Effect.Effect<void>
  }
>()("rekey/accounts/ConfirmationWorker") {
  static readonly layer = (limits: {
    readonly ttlMillis: number
    readonly cooldownMillis: number
    readonly hourlyCap: number
  }) =>
    Layer.effect(
      ConfirmationWorker,
      Effect.gen(function* () {
        const confirmations = yield* Confirmations
        const mint = yield* ConfirmationCodeMint
        const outbox = yield* OutboxWorker
        // The pause finds what a dead process left.
        const worker = yield* makeWorker({ broken: "Taking a confirmation request broke.", every: "5 seconds" })

        const takeOne = Effect.fn("ConfirmationWorker.takeOne")(function* () {
          const taken = yield* confirmations.takeNext(yield* mint.fresh, limits)
          if (Option.isNone(taken)) return false
          const { language, outcome } = taken.value
          // Whoever gets no mail gets the same work, up to the mail server (C2).
          yield* outcome === "Queued" ? outbox.wake : outbox.rehearse(language)
          return true
        })

        yield* worker.start(takeOne())
        return ConfirmationWorker.of({ wake: worker.wake })
      })
    )
}
