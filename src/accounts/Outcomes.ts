import { Effect, Metric } from "effect"

/** Counts how a piece of work ends: `done`, or the reason why not. */
export const countedBy =
  (counter: Metric.Counter<number>) =>
  <A, E extends { readonly _tag: string }, R>(work: Effect.Effect<A, E, R>) => {
    const count = (outcome: string) => Metric.update(Metric.withAttributes(counter, { outcome }), 1)
    return work.pipe(
      Effect.tap(() => count("done")),
      Effect.tapError(({ _tag }) => count(_tag))
    )
  }
