import { Context, Deferred, Effect, Layer, Option, Schedule, Stream } from "effect"
import type { Unavailable } from "../domain/Failure.ts"
import { eventIn, type RekeyEvent } from "./RekeyEvent.ts"
import { TrailReader } from "./TrailReader.ts"

/** How soon what another process did is seen, and this one's. */
const lookEvery = "500 millis"

/** From where a stream begins. */
export interface EventsFrom {
  /** With what happened since then, as far as the trail is kept (`AUDIT_RETENTION`); else with what happens from now on. */
  readonly since?: Date | undefined
}

/** What happens to accounts, for an application that embeds Rekey. */
export class Events extends Context.Service<
  Events,
  {
    /**
     * Each event once, within a second: of every process on this database, the command line too, and only of what was committed. An event
     * comes after those that led to it, so those of one account are in order; of two that happened at once either comes first. The
     * stream reads the trail, at the pace of its reader, through outages of the database; it ends when Rekey is closed.
     *
     * It remembers nothing: what happens while nobody listens is missed, unless the next stream begins `since` some time before.
     * That one may tell again what was told, by the same `id`.
     */
    stream(from?: EventsFrom): Stream.Stream<RekeyEvent>
  }
>()("rekey/events/Events") {
  static readonly layer: Layer.Layer<Events, never, TrailReader> = Layer.effect(
    Events,
    Effect.gen(function* () {
      const reader = yield* TrailReader
      const closed = yield* Deferred.make<void>()
      yield* Effect.addFinalizer(() => Deferred.succeed(closed, undefined))
      const untilAvailable = <A>(reading: Effect.Effect<A, Unavailable>) =>
        reading.pipe(Effect.retry(Schedule.spaced("1 second")), Effect.orDie, Effect.withTracerEnabled(false))

      const stream = ({ since }: EventsFrom = {}) =>
        Stream.unwrap(
          Effect.gen(function* () {
            let position = yield* untilAvailable(reader.begin(Option.fromUndefinedOr(since)))
            const next = Effect.gen(function* () {
              const page = yield* untilAvailable(reader.read(position))
              position = page.position
              if (!page.more && page.entries.length === 0) yield* Effect.sleep(lookEvery)
              return page.entries.flatMap((entry) => Option.toArray(eventIn(entry)))
            })
            return Stream.fromIterableEffectRepeat(next)
          })
        ).pipe(Stream.interruptWhen(Deferred.await(closed)))

      return Events.of({ stream })
    })
  )
}
