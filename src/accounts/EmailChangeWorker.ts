import { Context, Effect, Layer, Option } from "effect"
import { makeWorker } from "../background/Worker.ts"
import { OutboxWorker } from "../mail/OutboxWorker.ts"
import { EmailChangeCodeMint } from "../secrets/EmailChangeCodeMint.ts"
import { EmailChanges } from "./EmailChanges.ts"

/** Decides who gets which mail about a change of address, behind the door, where nobody can time it (C6). */
export class EmailChangeWorker extends Context.Service<
  EmailChangeWorker,
  {
    /** A request was written down in this process: look now. */
    readonly wake: Effect.Effect<void>
  }
>()("rekey/accounts/EmailChangeWorker") {
  static readonly layer = (limits: {
    readonly ttlMillis: number
    readonly cooldownMillis: number
    readonly hourlyCap: number
  }) =>
    Layer.effect(
      EmailChangeWorker,
      Effect.gen(function* () {
        const changes = yield* EmailChanges
        const mint = yield* EmailChangeCodeMint
        const outbox = yield* OutboxWorker
        // The pause finds what a dead process left.
        const worker = yield* makeWorker({ broken: "Taking a request to change an address broke.", every: "5 seconds" })

        const takeOne = Effect.fn("EmailChangeWorker.takeOne")(function* () {
          const taken = yield* changes.takeNext(yield* mint.fresh, limits)
          if (Option.isNone(taken)) return false
          const { language, outcome } = taken.value
          // Whoever gets no mail gets the same work, up to the mail server (C2).
          yield* outcome === "Queued" ? outbox.wake : outbox.rehearse(language)
          return true
        })

        yield* worker.start(takeOne())
        return EmailChangeWorker.of({ wake: worker.wake })
      })
    )
}
