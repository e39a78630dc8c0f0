import { Option, Schema } from "effect"
import { UserId } from "../domain/User.ts"
import type { AuditEntry } from "../trail/AuditLog.ts"

/** What can happen to an account, by the names that the audit trail has for it; signing in alone is called otherwise there. */
export const eventTypes = [
  "account.registered",
  "account.created",
  "account.imported",
  "account.blocked",
  "account.unblocked",
  "account.deleted",
  "account.exported",
  "email.changed",
  "email.confirmed",
  "email.restored",
  "language.changed",
  "password.changed",
  "password.reset",
  "recovery.requested",
  "session.opened",
  "session.ended",
  "sessions.ended"
] as const

export const EventType = Schema.Literals(eventTypes)
export type EventType = typeof EventType.Type

/** Who did it: the account's owner, somebody whom nobody knows, or for the operator an administrator or a command. */
export const EventActor = Schema.Literals(["owner", "anonymous", "administrator", "cli"])

/** The number of the trail's row, and when that was written: a restored backup gives numbers once more, for other things. */
const idPattern = /^evt_(\d{1,18})_([0-9a-z]{1,11})$/

/** Of what happened, always the same, however often and by which way it is told. */
export const EventId = Schema.String.pipe(Schema.check(Schema.isPattern(idPattern)), Schema.brand("EventId"))
export type EventId = typeof EventId.Type

export const eventId = (row: bigint, at: Date): EventId => EventId.make(`evt_${row}_${at.getTime().toString(36)}`)

/** The number of the trail's row. */
export const rowOf = (id: EventId): bigint => BigInt(idPattern.exec(id)?.[1] ?? 0)

/** What happened to an account. No secret, no address of a mailbox, and none of a client. */
export class RekeyEvent extends Schema.Class<RekeyEvent>("RekeyEvent")({
  id: EventId,
  type: EventType,
  /** By the database's clock. */
  at: Schema.Date,
  userId: UserId,
  actor: EventActor,
  /** The `x-request-id` of the answer to whoever did it; null where no request did, or nobody noted it. */
  requestId: Schema.NullOr(Schema.String)
}) {}

const typeOf: ReadonlyMap<string, EventType> = new Map([
  ...eventTypes.filter((type) => type !== "session.opened").map((type) => [type, type] as const),
  ["sign-in", "session.opened"]
])

/** The names that the trail has for events. */
export const trailNames: ReadonlyArray<string> = [...typeOf.keys()]

/** What a row of the trail tells of: nothing where it is of a refusal, of nobody's account, or of a step on the way. */
export const eventIn = (entry: AuditEntry): Option.Option<RekeyEvent> => {
  const type = typeOf.get(entry.event)
  const userId = Schema.decodeUnknownOption(UserId)(entry.userId)
  const actor = Schema.decodeUnknownOption(EventActor)(entry.actor)
  if (type === undefined || entry.outcome !== "done" || Option.isNone(userId) || Option.isNone(actor)) {
    return Option.none()
  }
  const { at, id, requestId } = entry
  return Option.some(
    new RekeyEvent(
      { id: eventId(id, at), type, at, userId: userId.value, actor: actor.value, requestId },
      { disableChecks: true }
    )
  )
}
