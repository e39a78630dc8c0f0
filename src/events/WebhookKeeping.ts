import { Context, type Effect, type Option } from "effect"
import type { Unavailable } from "../domain/Failure.ts"
import type { UserId } from "../domain/User.ts"
import type { EventId, EventType, RekeyEvent } from "./RekeyEvent.ts"

/** Where an event stands: it waits for its first or next try, a worker has it in hand, or how it ended. */
export type WebhookState = "waiting" | "in hand" | "sent" | "dropped" | "dead"

/** An event on its way to the receiver of webhooks, as an operator sees it. */
export interface KeptWebhook {
  readonly event: RekeyEvent
  readonly state: WebhookState
  readonly attempts: number
  /** Why the last try failed. */
  readonly failure: Option.Option<string>
  /** When it may be tried next. */
  readonly dueAt: Date
  readonly settledAt: Option.Option<Date>
}

/** What is replayed; of several conditions all hold. */
export interface ReplayFilter {
  readonly types: ReadonlyArray<EventType>
  readonly userId: Option.Option<UserId>
  readonly since: Option.Option<Date>
  readonly until: Option.Option<Date>
}

/** Webhooks as their operator needs them. The trail has what was dropped, with the actor `cli`. */
export class WebhookKeeping extends Context.Service<
  WebhookKeeping,
  {
    /** In the order in which it happened. */
    list(page: {
      readonly states: ReadonlyArray<WebhookState>
      readonly userId: Option.Option<UserId>
      readonly after: bigint
      readonly limit: number
    }): Effect.Effect<ReadonlyArray<KeptWebhook>, Unavailable>

    /**
     * Has events of the trail told once more, however they ended, and lets a receiver that wanted no more be asked again. Gives
     * those that will be: not those that a worker has in hand.
     */
    replay(ids: ReadonlyArray<EventId>): Effect.Effect<ReadonlyArray<EventId>, Unavailable>

    /** The same for a page of the trail, in the order of its rows, beyond the one numbered `after`; none where that was the last. */
    replaySome(
      filter: ReplayFilter,
      after: bigint
    ): Effect.Effect<{ readonly replayed: number; readonly after: Option.Option<bigint> }, Unavailable>

    /** Takes events out that wait or are dead; gives their ids. One that a worker has in hand stays. */
    drop(ids: ReadonlyArray<EventId>): Effect.Effect<ReadonlyArray<EventId>, Unavailable>
  }
>()("rekey/events/WebhookKeeping") {}
