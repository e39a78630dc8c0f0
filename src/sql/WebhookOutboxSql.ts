import { Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { UserId } from "../domain/User.ts"
import { EventActor, EventType, eventId, eventIn, RekeyEvent, rowOf } from "../events/RekeyEvent.ts"
import { tellWithinMillis, WebhookOutbox } from "../events/WebhookOutbox.ts"
import { Database } from "./Database.ts"
import { queueIn } from "./queues.ts"
import { allRows, firstRow } from "./Rows.ts"
import { gapsText, readTrail, StoredGaps } from "./TrailReaderSql.ts"

/** The columns of `webhook_outbox` that make an event. */
export const eventFields = {
  id: Schema.BigInt,
  type: EventType,
  at: Schema.Date,
  userId: UserId,
  actor: EventActor,
  requestId: Schema.NullOr(Schema.String)
}

export const eventOf = ({ id, ...event }: Schema.Struct<typeof eventFields>["Type"]): RekeyEvent =>
  new RekeyEvent({ ...event, id: eventId(id, event.at) }, { disableChecks: true })

/** Events as rows to be queued, in JSON. */
export const eventRows = (events: ReadonlyArray<RekeyEvent>): string =>
  JSON.stringify(events.map((event) => ({ ...event, id: String(rowOf(event.id)) })))

const claimedRows = allRows(
  Schema.Struct({ ...eventFields, attempts: Schema.Int, claimedAt: Schema.Date, ageMillis: Schema.Finite })
)
const progressRow = firstRow(Schema.Struct({ lastSeen: Schema.BigInt, gaps: StoredGaps }))

/** Events in the table `webhook_outbox`, and how far they were taken from the trail in `webhook_progress`. */
export const layer = Layer.effect(
  WebhookOutbox,
  Effect.gen(function* () {
    const database = yield* Database
    const sql = yield* SqlClient.SqlClient
    const queue = queueIn(sql, "webhook_outbox")

    /** Asked first, without a lock or a write: mostly there is nothing. */
    const somethingNew = sql`
      select from webhook_progress p where p.gaps <> '[]' or exists (select from audit a where a.id > p.last_seen)`

    /**
     * One transaction: an event is queued if and only if the trail counts as read up to it, so none is lost or queued twice, whatever
     * dies when. Of several processes one reads on at a time; the others find the row locked and leave it to that one.
     */
    const readOn = Effect.fnUntraced(function* (types: ReadonlyArray<EventType>) {
      const progress = yield* progressRow(sql`select last_seen, gaps from webhook_progress for update skip locked`)
      if (Option.isNone(progress)) return { queued: 0, more: false }
      const { gaps, lastSeen: last } = progress.value
      const { entries, more, position } = yield* readTrail(sql, { last, gaps })
      const events = entries
        .flatMap((entry) => Option.toArray(eventIn(entry)))
        .filter(({ type }) => types.includes(type))
      const queued =
        events.length === 0
          ? []
          : yield* sql`
              insert into webhook_outbox (id, type, at, user_id, actor, request_id)
              select id, type, at, "userId", actor, "requestId"
              from jsonb_to_recordset(${eventRows(events)}::text::jsonb)
                as event (id bigint, type text, at timestamptz, "userId" uuid, actor text, "requestId" text)
              where at > now() - ${tellWithinMillis}::float8 * interval '1 millisecond'
              order by id
              -- The operator's replay may have been quicker.
              on conflict (id) do nothing
              returning id`
      yield* sql`
        update webhook_progress set last_seen = ${position.last}, gaps = ${gapsText(position.gaps)}::text::jsonb`
      return { queued: queued.length, more }
    }, sql.withTransaction)

    // Without a span: it looks twice a second, and most looks find nothing.
    const takeIn: WebhookOutbox["Service"]["takeIn"] = (types) =>
      Effect.flatMap(database.run(somethingNew), (found) =>
        found.length === 0 ? Effect.succeed({ queued: 0, more: false }) : database.run(readOn(types))
      ).pipe(Effect.withTracerEnabled(false))

    const claim: WebhookOutbox["Service"]["claim"] = Effect.fn("WebhookOutbox.claim")((receiver, limit, leaseMillis) =>
      claimedRows(sql`
        with due as (
          select o.id from webhook_outbox o
          where o.outcome is null and o.due_at <= now()
            and not exists (
              select from webhook_outbox e where e.user_id = o.user_id and e.id < o.id and e.outcome is null)
            and not exists (select from webhook_progress p where p.stopped_receiver = ${receiver}::bytea)
          order by o.due_at, o.id ${queue.upTo(limit)} for update of o skip locked
        )
        update webhook_outbox o set ${queue.leased(leaseMillis)} from due where o.id = due.id
        returning o.id, o.type, o.at, o.user_id, o.actor, o.request_id, o.attempts, clock_timestamp() as claimed_at,
          (extract(epoch from now() - o.created_at) * 1000)::float8 as age_millis`).pipe(
        Effect.map((rows) =>
          rows.map(({ ageMillis, attempts, claimedAt, ...row }) => ({
            id: row.id,
            event: eventOf(row),
            attempts,
            claimedAt,
            ageMillis
          }))
        ),
        database.run
      )
    )

    /** The next of the account was set back together with the one that ends here. */
    const settle = (id: bigint, outcome: "sent" | "dead", failure: string | null) =>
      sql`
        with settled as (
          update webhook_outbox o
          set outcome = ${outcome}, settled_at = now(), leased_until = null, failure = ${failure}
          where o.id = ${id}::bigint and o.outcome is null
          returning o.user_id
        ), next as (
          select e.id from settled s cross join lateral (
            select e.id from webhook_outbox e
            where e.user_id = s.user_id and e.id > ${id}::bigint and e.outcome is null order by e.id limit 1) e
        )
        update webhook_outbox o set due_at = now() from next n where o.id = n.id and o.due_at > now()`.pipe(
        Effect.asVoid,
        database.run
      )

    // The later ones of the account would be looked at by each claim, and there is none of them that may be claimed.
    const retry: WebhookOutbox["Service"]["retry"] = Effect.fn("WebhookOutbox.retry")((id, afterMillis, failure) =>
      sql`
        with back as (
          update webhook_outbox o set ${queue.setBack(afterMillis)}, failure = coalesce(${failure}::text, o.failure)
          where o.id = ${id}::bigint and o.outcome is null
          returning o.user_id, o.due_at
        )
        update webhook_outbox o set due_at = b.due_at from back b
        where o.user_id = b.user_id and o.id > ${id}::bigint and o.outcome is null and o.due_at < b.due_at`.pipe(
        Effect.asVoid,
        database.run
      )
    )

    const stop: WebhookOutbox["Service"]["stop"] = Effect.fn("WebhookOutbox.stop")((receiver) =>
      sql`update webhook_progress set stopped_receiver = ${receiver}::bytea, stopped_at = now()`.pipe(
        Effect.asVoid,
        database.run
      )
    )

    return WebhookOutbox.of({
      takeIn,
      claim,
      delivered: Effect.fn("WebhookOutbox.delivered")((id) => settle(id, "sent", null)),
      retry,
      setAside: Effect.fn("WebhookOutbox.setAside")((id, failure) => settle(id, "dead", failure)),
      stop
    })
  })
)
