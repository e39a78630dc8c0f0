import { Effect } from "effect"

/**
 * Lets so many milliseconds pass, in which more may come that can be done together. In real time: what is gathered comes from
 * sockets, which no test clock moves.
 */
export const gatherFor = (millis: number): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const timer = setTimeout(() => resume(Effect.void), millis)
    return Effect.sync(() => clearTimeout(timer))
  })
