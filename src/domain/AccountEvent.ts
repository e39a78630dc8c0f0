import { Schema } from "effect"

/** Where a page of events ends: the time of its last one, to the microsecond, in a form of no further meaning. */
export const EventCursor = Schema.String.pipe(Schema.check(Schema.isPattern(/^\d{1,16}$/)), Schema.brand("EventCursor"))
export type EventCursor = typeof EventCursor.Type

/** A step of an account's trail, as its owner may see it. */
export class AccountEvent extends Schema.Class<AccountEvent>("AccountEvent")({
  at: Schema.DateFromString,
  event: Schema.String,
  /** Whether it was done. */
  outcome: Schema.String,
  /** Why not, where it wasn't. */
  reason: Schema.NullOr(Schema.String),
  /** Who did it or tried to. */
  actor: Schema.String,
  /** In words of ours; none where nothing is known, or it was somebody who runs the service. */
  device: Schema.NullOr(Schema.String),
  /** As AUDIT_ADDRESS lets it be kept. */
  clientAddress: Schema.NullOr(Schema.String),
  /** Names the request in the service's log. */
  requestId: Schema.NullOr(Schema.String)
}) {}
