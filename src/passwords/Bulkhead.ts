import { Effect, Semaphore } from "effect"
import { Busy } from "../domain/Failure.ts"

/**
 * Room for `concurrency` pieces of native work at once and `queueLimit` that wait, in order of arrival. Past that: `Busy` at once,
 * since an answer that comes too late helps nobody (E7).
 *
 * Waiting can be interrupted, the work can't: native work goes on when its client has hung up, and a permit that is given back
 * early would let it pile up.
 */
export const makeBulkhead = Effect.fnUntraced(function* (limits: {
  readonly concurrency: number
  readonly queueLimit: number
}) {
  const permits = yield* Semaphore.make(limits.concurrency)
  const capacity = limits.concurrency + limits.queueLimit
  let inside = 0

  return <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E | Busy, R> =>
    Effect.suspend((): Effect.Effect<A, E | Busy, R> => {
      if (inside >= capacity) return Effect.fail(new Busy())
      inside++
      return permits.withPermit(Effect.uninterruptible(work)).pipe(
        Effect.ensuring(
          Effect.sync(() => {
            inside--
          })
        )
      )
    })
})
