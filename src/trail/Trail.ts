import { Clock, Context, Effect, Layer, type Option } from "effect"
import { makeWorker } from "../background/Worker.ts"
import type { Unavailable } from "../domain/Failure.ts"
import { type Trace, traces } from "../domain/Origin.ts"
import type { UserId } from "../domain/User.ts"

/** A step that no statement of its own writes down: something was refused. */
export interface Refusal {
  readonly event:
    | "sign-in"
    | "password.reset"
    | "password.changed"
    | "email.confirmed"
    | "email-change.requested"
    | "email.changed"
    | "email.restored"
    | "account.deleted"
  readonly reason: string
  /** Who tried: nobody knows, or the owner, who is signed in. */
  readonly actor: "anonymous" | "owner"
  readonly userId: Option.Option<UserId>
}

/** A refusal on its way into the trail. */
export interface TrailRow extends Refusal, Trace {
  /** How long ago it was, in milliseconds: the time itself is the store's to say (B5). */
  readonly ageMillis: number
}

/** The audit trail, as the background writer needs it of a store. */
export class TrailStore extends Context.Service<
  TrailStore,
  {
    append(rows: ReadonlyArray<TrailRow>): Effect.Effect<void, Unavailable>
  }
>()("rekey/trail/TrailStore") {}

/** So many rows wait at most, some 3 MB: minutes of refusals, since each costs a hash. */
const capacity = 10_000

/** Rows a statement. */
const batchSize = 200

const flushWithin = "1 second"

/**
 * Writes refusals into the audit trail, in batches behind the answers: an attempt at an unknown account and one at a known account
 * cost the same, and no time (C5). What is done, and not refused, is written by the statement that does it.
 */
export class Trail extends Context.Service<
  Trail,
  {
    /** Takes a refusal in with the current origin; returns at once, and never fails. */
    refused(refusal: Refusal): Effect.Effect<void>
  }
>()("rekey/trail/Trail") {
  static readonly layer: Layer.Layer<Trail, never, TrailStore> = Layer.effect(
    Trail,
    Effect.gen(function* () {
      const store = yield* TrailStore
      const trace = yield* traces
      const waiting: Array<Omit<TrailRow, "ageMillis"> & { readonly since: number }> = []
      let lost = 0

      const tellLost = Effect.suspend(() => {
        if (lost === 0) return Effect.void
        const rows = lost
        lost = 0
        return Effect.logWarning("Refusals are missing in the audit trail: more came than could be written.", { rows })
      })

      /** At least once: where the connection is lost right after the commit, a batch is written again. */
      const writeSome = Effect.gen(function* () {
        const batch = waiting.slice(0, batchSize)
        if (batch.length === 0) return false
        const now = yield* Clock.currentTimeMillis
        yield* store.append(batch.map(({ since, ...row }) => ({ ...row, ageMillis: Math.max(0, now - since) }))).pipe(
          // What can't be written holds nothing else up.
          Effect.tapDefect(() => Effect.sync(() => waiting.splice(0, batch.length)))
        )
        waiting.splice(0, batch.length)
        yield* tellLost
        return waiting.length > 0
      })

      // Runs after the writer has ended its last look.
      yield* Effect.addFinalizer(() =>
        Effect.repeat(writeSome, { while: (more) => more }).pipe(
          Effect.timeoutOption(flushWithin),
          Effect.ignoreCause,
          Effect.andThen(Effect.sync(() => (lost += waiting.length))),
          Effect.andThen(tellLost)
        )
      )
      const writer = yield* makeWorker({ broken: "Writing the audit trail broke.", every: "1 minute" })
      yield* writer.start(writeSome)

      const refused = Effect.fnUntraced(function* (refusal: Refusal) {
        if (waiting.length >= capacity) {
          lost++
          return
        }
        const origin = yield* trace
        const since = yield* Clock.currentTimeMillis
        waiting.push({ ...refusal, ...origin, since })
        yield* writer.wake
      })

      return Trail.of({ refused })
    })
  )
}
