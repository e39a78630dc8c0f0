import { Effect, Metric } from "effect"

const resets = Metric.counter("rekey_resets_total", {
  description: "Resets by outcome: done, or the reason why not.",
  incremental: true
})

/** Counts how a reset ends. */
export const counted = <A, E extends { readonly _tag: string }, R>(reset: Effect.Effect<A, E, R>) => {
  const count = (outcome: string) => Metric.update(Metric.withAttributes(resets, { outcome }), 1)
  return reset.pipe(
    Effect.tap(() => count("done")),
    Effect.tapError(({ _tag }) => count(_tag))
  )
}
