import { Effect, Metric } from "effect"

/** Counts how a piece of work ends: `done`, or the reason why not. A counter of each is made once: to name one costs more than to count. */
export const countedBy = (id: string, description: string) => {
  const counters = new Map<string, Metric.Counter<number>>()
  const counterOf = (outcome: string) => {
    const counter =
      counters.get(outcome) ?? Metric.counter(id, { description, attributes: { outcome }, incremental: true })
    counters.set(outcome, counter)
    return counter
  }
  return <A, E extends { readonly _tag: string }, R>(work: Effect.Effect<A, E, R>) =>
    work.pipe(
      Effect.tap(() => Metric.update(counterOf("done"), 1)),
      Effect.tapError(({ _tag }) => Metric.update(counterOf(_tag), 1))
    )
}
