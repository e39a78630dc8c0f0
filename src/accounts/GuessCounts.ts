import { Context, type Effect } from "effect"
import type { Unavailable } from "../domain/Failure.ts"

/** How often something happened in the window that runs, and for how long that window still runs. */
export interface Count {
  readonly count: number
  readonly remainingMillis: number
}

/** Counts of guesses as the use cases need them of a store. Time is the store's. */
export class GuessCounts extends Context.Service<
  GuessCounts,
  {
    /** Counts one more, atomically. The first of a window opens it. */
    add(key: string, windowMillis: number): Effect.Effect<Count, Unavailable>
    /** What was counted so far. */
    current(key: string): Effect.Effect<number, Unavailable>
    /** Takes one back that was no guess after all. */
    takeBack(key: string): Effect.Effect<void, Unavailable>
    forget(key: string): Effect.Effect<void, Unavailable>
  }
>()("rekey/accounts/GuessCounts") {}
