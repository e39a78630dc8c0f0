import { type Array, Effect, Latch, type Request, RequestResolver } from "effect"
import { gatherFor } from "../background/Gathering.ts"

/** Statements of one kind that are under way at once. What comes meanwhile goes along with the next one. */
const atOnce = 2

/** A database that hangs holds nobody up for longer than this, before the statement's own patience. */
const longestWaitMillis = 300

/**
 * Runs a statement for all that ask at about the same time: those whose requests were read together, and those who came while
 * other statements were under way. Nobody waits on an idle machine. So a flood costs a few statements and takes no more of
 * the pool than they need, and a round trip is shared where round trips cost most.
 */
export const makeBatched = <A extends Request.Any>(
  run: (entries: Array.NonEmptyArray<Request.Entry<A>>) => Effect.Effect<void, Request.Error<A>>
): RequestResolver.RequestResolver<A> => {
  let underWay = 0
  const ended = Latch.makeUnsafe(false)
  const end = Effect.suspend(() => {
    underWay--
    return ended.release
  })
  return RequestResolver.make<A>((entries) =>
    Effect.suspend(() => {
      underWay++
      return Effect.ensuring(run(entries), end)
    })
  ).pipe(
    RequestResolver.setDelayEffect(
      Effect.suspend(() =>
        underWay < atOnce ? Effect.yieldNow : Effect.raceFirst(ended.await, gatherFor(longestWaitMillis))
      )
    )
  )
}
