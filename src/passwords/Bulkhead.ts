import { Effect, Metric, Semaphore } from "effect"
import { Busy } from "../domain/Failure.ts"
import { makeGroupedRelease } from "./GroupedRelease.ts"

const queueLength = Metric.gauge("rekey_hash_queue_length", {
  description: "Passwords that wait to be hashed or verified."
})

const waits = Metric.histogram("rekey_hash_wait_seconds", {
  description: "How long a password waited before it was hashed or verified.",
  boundaries: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
})

/** What is done under load goes on in groups of so many, or of those that came within so many milliseconds. */
const groups = { size: 16, longestMillis: 100 }

/**
 * Room for `concurrency` pieces of native work at once and `queueLimit` that wait, in order of arrival. Past that: `Busy` at once,
 * since an answer that comes too late helps nobody (E7).
 *
 * Waiting can be interrupted, the work can't: native work goes on when its client has hung up, and a permit that is given back
 * early would let it pile up.
 *
 * While others wait, what is done goes on in groups: each hash empties the caches of its core, and what follows it, here and in the
 * database, takes half the time where one finds in them what the one before has fetched. The native work doesn't wait for that.
 */
export const makeBulkhead = Effect.fnUntraced(function* (limits: {
  readonly concurrency: number
  readonly queueLimit: number
}) {
  const permits = yield* Semaphore.make(limits.concurrency)
  const capacity = limits.concurrency + limits.queueLimit
  const releasedInGroups = makeGroupedRelease(groups)
  let inside = 0
  const nobodyWaits = () => inside <= limits.concurrency
  const measureQueue = Effect.suspend(() => Metric.update(queueLength, Math.max(0, inside - limits.concurrency)))

  return <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E | Busy, R> =>
    Effect.suspend((): Effect.Effect<A, E | Busy, R> => {
      if (inside >= capacity) return Effect.fail(new Busy())
      inside++
      const entered = performance.now()
      const measureWait = Effect.suspend(() => Metric.update(waits, (performance.now() - entered) / 1000))
      return permits.withPermit(Effect.uninterruptible(Effect.andThen(measureWait, work))).pipe(
        Effect.ensuring(
          Effect.suspend(() => {
            inside--
            return measureQueue
          })
        ),
        (queued) => Effect.andThen(measureQueue, queued),
        Effect.tap(() => releasedInGroups(nobodyWaits))
      )
    })
})
