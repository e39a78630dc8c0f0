import { type Duration, Effect, FiberSet, Random, Schedule, type Scope } from "effect"
import type { Unavailable } from "../domain/Failure.ts"
import { makeWorker, type Worker } from "./Worker.ts"

/** What waits in a queue of the database, claimed under a lease. */
export interface InHand {
  readonly id: bigint
  /** How often it was tried, this time included. */
  readonly attempts: number
}

/** A queue of the database, as far as whoever empties it needs to know. */
export interface Queue<A extends InHand> {
  /** Claims what is due for `leaseMillis`, the oldest first; nobody else gets it meanwhile. */
  claim(limit: number, leaseMillis: number): Effect.Effect<ReadonlyArray<A>, Unavailable>
  /** Gives back what wasn't tried to its end, to be tried again at once. */
  handBack(id: bigint): Effect.Effect<void, Unavailable>
}

/** Deliveries out of a queue, in the background for as long as the scope lives. */
export interface Deliveries<A extends InHand> extends Pick<Worker, "wake"> {
  /** Does one piece of work as if it had been claimed: it takes a place, and is waited for at the end. */
  run(work: Effect.Effect<void>): Effect.Effect<void>
  /** A conversation; where the process ends meanwhile, another gets it at once. */
  attempt<B, E>(item: A, conversation: Effect.Effect<B, E>): Effect.Effect<B, E>
  /** Writes down what became of one, as soon as the store answers. */
  settle(outcome: Effect.Effect<void, Unavailable>): Effect.Effect<void>
  /** Looks once so much time has passed. */
  wakeAfter(pauseMillis: number): Effect.Effect<void>
  /** Writes down that one is to be tried again after a pause, and looks then. */
  setBack(pauseMillis: number, outcome: Effect.Effect<void, Unavailable>): Effect.Effect<void>
  /** Starts to look. `room` says how many more may be in hand, where there are others in hand already. */
  start(options: {
    deliver(item: A): Effect.Effect<void>
    readonly room?: (inHand: number) => Effect.Effect<number>
    /** Done at each look, beside what was claimed. */
    readonly beside?: Effect.Effect<void>
  }): Effect.Effect<void, never, Scope.Scope>
}

/** So many conversations at once, each with a fiber of its own: one that hangs holds nobody else up (G3). */
export const concurrency = 10

/** Longer than a conversation (20 s) and the writing of its outcome together: nobody delivers what is being delivered (G1). */
const leaseMillis = 60_000
const settleWithin = "30 seconds"

/** How soon what a process that died had in hand is found. */
const lookEvery: Duration.Input = "5 seconds"

/** How long stopping waits for what is in hand, and then for giving the rest back. */
const finishWithin = "3 seconds"
const releaseWithin = "1 second"

/** While the store doesn't answer. */
const whileUnavailable = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("5 seconds")])

/** Doubles from the first, and up to half of it is taken off by chance: what failed together doesn't come back together. */
export const growingPause = (
  { attempts }: InHand,
  { firstMillis, longestMillis }: { readonly firstMillis: number; readonly longestMillis: number }
): Effect.Effect<number> =>
  Effect.map(Random.next, (chance) =>
    Math.round(Math.min(firstMillis * 2 ** (attempts - 1), longestMillis) * (1 - chance / 2))
  )

/** What empties a queue: how it claims, how many it has in hand, how it ends. What a delivery is its user says. */
export const makeDeliveries = Effect.fnUntraced(function* <A extends InHand>(options: {
  readonly queue: Queue<A>
  /** What the log says where a look breaks. */
  readonly broken: string
  /** Logs that what became of one couldn't be written down. */
  lost(defect: unknown): Effect.Effect<void>
  readonly gatherMillis?: number
}): Effect.fn.Return<Deliveries<A>, never, Scope.Scope> {
  const { queue } = options
  const scope = yield* Effect.scope
  const inHand = yield* FiberSet.make<void>()
  const worker = yield* makeWorker({
    broken: options.broken,
    every: lookEvery,
    ...(options.gatherMillis !== undefined && { gatherMillis: options.gatherMillis })
  })

  // Runs when the worker has ended its last look, before the set of those in hand is closed, which interrupts them.
  yield* Effect.addFinalizer(() => FiberSet.awaitEmpty(inHand).pipe(Effect.timeoutOption(finishWithin)))

  // Whoever ends makes room for one that waits, and for the next of its account.
  const run = (work: Effect.Effect<void>) => Effect.asVoid(FiberSet.run(inHand, Effect.ensuring(work, worker.wake)))

  const settle = (outcome: Effect.Effect<void, Unavailable>) =>
    outcome.pipe(
      Effect.retry(whileUnavailable),
      Effect.orDie,
      Effect.timeoutOrElse({ duration: settleWithin, orElse: () => Effect.die(new Error("The store is away.")) }),
      Effect.catchDefect(options.lost)
    )

  const wakeAfter = (pauseMillis: number) => Effect.asVoid(Effect.forkIn(Effect.delay(worker.wake, pauseMillis), scope))

  return {
    wake: worker.wake,
    wakeAfter,
    run,
    attempt: (item, conversation) =>
      Effect.onInterrupt(conversation, () =>
        queue.handBack(item.id).pipe(Effect.timeoutOption(releaseWithin), Effect.ignore)
      ),
    settle,
    setBack: (pauseMillis, outcome) => Effect.andThen(settle(outcome), wakeAfter(pauseMillis)),
    start: ({ beside = Effect.void, deliver, room = (taken) => Effect.succeed(concurrency - taken) }) =>
      worker.start(
        Effect.gen(function* () {
          const free = yield* room(yield* FiberSet.size(inHand))
          if (free <= 0) return false
          const items = yield* queue.claim(free, leaseMillis)
          for (const item of items) yield* run(deliver(item))
          yield* beside
          return items.length === free
        })
      )
  }
})
