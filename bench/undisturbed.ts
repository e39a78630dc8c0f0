import { Effect } from "effect"
import { withStrangers } from "./cpu.ts"

/** More than that of a core, and a round doesn't count. */
const mostStrangers = 0.12

/** Rounds that may be measured again; past these, disturbed ones count, and `strangers` tells. */
export const mostRepeats = 5

/** Measures again what strangers disturbed. */
export const makeUndisturbed = (progress: (text: string) => Effect.Effect<void>) => {
  let repeated = 0
  let strangers = 0
  const undisturbed = Effect.fnUntraced(function* <A, E, R>(work: Effect.Effect<A, E, R>) {
    for (;;) {
      const [result, seen] = yield* withStrangers(work)
      if (!(seen > mostStrangers) || repeated === mostRepeats) {
        strangers = Math.max(strangers, seen)
        return result
      }
      repeated++
      yield* progress(`  disturbed: strangers kept ${seen.toFixed(2)} cores busy; again...`)
    }
  })
  return {
    undisturbed,
    /** How many were measured again, and how many cores strangers kept busy in those that count, at most. */
    disturbances: () => ({ repeated, strangers })
  }
}
