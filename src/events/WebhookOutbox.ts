import { Context, type Effect } from "effect"
import type { InHand } from "../background/Deliveries.ts"
import type { Unavailable } from "../domain/Failure.ts"
import type { EventType, RekeyEvent } from "./RekeyEvent.ts"

/** An event in hand, on its way to the receiver. */
export interface ClaimedWebhook extends InHand {
  readonly event: RekeyEvent
  /** When it was claimed, by the store's clock: what its signature says. */
  readonly claimedAt: Date
  /** Since it was queued, by the store's clock, in milliseconds. */
  readonly ageMillis: number
}

/** Events between the audit trail, which is written with what happened, and the receiver of webhooks. */
export class WebhookOutbox extends Context.Service<
  WebhookOutbox,
  {
    /**
     * Reads the trail on from where any process came to, and queues the events of these types, each once. Those of more than
     * `tellWithinMillis` ago are passed over: webhooks were off then. `true` where there may be more.
     */
    takeIn(
      types: ReadonlyArray<EventType>
    ): Effect.Effect<{ readonly queued: number; readonly more: boolean }, Unavailable>
    /**
     * Claims due events for `leaseMillis`, the oldest first; no other worker gets them meanwhile (G1). An event waits for each older one of
     * its account, however long that takes. None where the receiver told to stop.
     */
    claim(
      receiver: ReceiverHash,
      limit: number,
      leaseMillis: number
    ): Effect.Effect<ReadonlyArray<ClaimedWebhook>, Unavailable>
    delivered(id: bigint): Effect.Effect<void, Unavailable>
    /** Sets an event back, and with it the later ones of its account. */
    retry(id: bigint, afterMillis: number, failure: string | null): Effect.Effect<void, Unavailable>
    /** Gives an event up, for the operator to see (G3). */
    setAside(id: bigint, failure: string): Effect.Effect<void, Unavailable>
    /** The receiver wants none any more (410): nobody tells it any, until the operator replays some or names another. */
    stop(receiver: ReceiverHash): Effect.Effect<void, Unavailable>
  }
>()("rekey/events/WebhookOutbox") {}

/** What tells one WEBHOOK_URL from another, without showing it. */
export type ReceiverHash = Uint8Array

/** How long an event is told for, from when it was queued; and from when it happened, where nobody queued it then. */
export const tellWithinMillis = 3 * 86_400_000
