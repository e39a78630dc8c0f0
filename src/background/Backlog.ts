import { Effect, Metric } from "effect"
import type { Unavailable } from "../domain/Failure.ts"

/** How it stands with what waits to be delivered. */
export interface Backlog {
  readonly waiting: number
  /** Of those that wait, the ones that were tried and not taken. */
  readonly retrying: number
  /** 0 where none waits. */
  readonly oldestSeconds: number
  /** Set aside, since they couldn't be delivered. */
  readonly dead: number
}

/** Sets gauges to what the store says now; while it doesn't answer, there are none. */
export const refreshGauges = (
  gauges: Readonly<Record<keyof Backlog, Metric.Gauge<number>>>,
  backlog: Effect.Effect<Backlog, Unavailable>
): Effect.Effect<void> => {
  const all = [gauges.waiting, gauges.retrying, gauges.oldestSeconds, gauges.dead]
  return Effect.matchEffect(backlog, {
    onFailure: () => Effect.forEach(all, Metric.remove, { discard: true }),
    onSuccess: ({ dead, oldestSeconds, retrying, waiting }) =>
      Effect.all(
        [
          Metric.update(gauges.waiting, waiting),
          Metric.update(gauges.retrying, retrying),
          Metric.update(gauges.oldestSeconds, oldestSeconds),
          Metric.update(gauges.dead, dead)
        ],
        { discard: true }
      )
  })
}
