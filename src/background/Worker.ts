import { type Duration, Effect, Latch, type Scope } from "effect"
import { Unavailable } from "../domain/Failure.ts"
import { gatherFor } from "./Gathering.ts"

/** Work that goes on behind the doors. */
export interface Worker {
  /** Says that there is something to do; returns at once. A wake that comes during a look makes another one happen. */
  readonly wake: Effect.Effect<void>
  /**
   * Looks at once, when woken, and else after each `every`, until the scope ends. A look that found work says `true` and is taken
   * again, after the pause `between`. A look that breaks is logged, and the next is taken: nobody else would notice that the work
   * has stopped. Ending the scope waits for the look that is under way.
   */
  start(look: Effect.Effect<boolean, Unavailable>): Effect.Effect<void, never, Scope.Scope>
}

/** After a look that failed; a wake cuts it short, so that the first request after an outage doesn't wait. */
const pauseAfterFailure = "1 second"

/** The one loop of all background work: what it is woken for, and how often it looks unasked. */
export const makeWorker = Effect.fnUntraced(function* (options: {
  /** What the log says where a look breaks. */
  readonly broken: string
  readonly every: Duration.Input
  readonly between?: Duration.Input
  /** After a look that found no more, no other is taken for so many milliseconds: what comes meanwhile is taken together. */
  readonly gatherMillis?: number
}): Effect.fn.Return<Worker> {
  // Open from the start: there may be work from before.
  const awake = yield* Latch.make(true)
  const { between = 0, gatherMillis = 0 } = options
  const gather = gatherMillis > 0 ? gatherFor(gatherMillis) : Effect.void
  const awakeWithin = (pause: Duration.Input) => Effect.raceFirst(awake.await, Effect.sleep(pause))

  const start: Worker["start"] = (look) => {
    const lookUntilDone = look.pipe(
      Effect.uninterruptible,
      Effect.tap((more) => Effect.when(Effect.sleep(between), Effect.succeed(more))),
      Effect.repeat({ while: (more) => more }),
      Effect.catchDefect((defect) =>
        Effect.andThen(Effect.logError(options.broken, defect), Effect.fail(new Unavailable()))
      )
    )
    // Closed before looking: who wakes from here on makes another look happen.
    return awake.close.pipe(
      Effect.andThen(lookUntilDone),
      Effect.matchEffect({
        onFailure: () => awakeWithin(pauseAfterFailure),
        onSuccess: () => Effect.andThen(gather, awakeWithin(options.every))
      }),
      Effect.forever,
      Effect.forkScoped,
      Effect.asVoid
    )
  }
  return { wake: Effect.asVoid(awake.open), start }
})
