import { Context, Effect, Layer } from "effect"
import type { Unavailable } from "../domain/Failure.ts"
import { makeWorker } from "./Worker.ts"

/** What nobody needs any more, wherever it is stored. */
export class Leftovers extends Context.Service<
  Leftovers,
  {
    /** Deletes a small batch of each kind, the oldest first; `true` where there may be more. */
    readonly deleteSome: Effect.Effect<boolean, Unavailable>
  }
>()("rekey/background/Leftovers") {}

/** Deletes what nobody needs any more, in small batches with pauses, so that nothing else waits for it. */
export const layer: Layer.Layer<never, never, Leftovers> = Layer.effectDiscard(
  Effect.gen(function* () {
    const { deleteSome } = yield* Leftovers
    const worker = yield* makeWorker({ broken: "Cleaning up broke.", every: "1 minute", between: "100 millis" })
    yield* worker.start(deleteSome)
  })
)
