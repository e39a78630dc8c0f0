import { Array, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { eventId, eventIn, type RekeyEvent, rowOf } from "../events/RekeyEvent.ts"
import { WebhookKeeping } from "../events/WebhookKeeping.ts"
import { auditColumns, auditPage, auditRows } from "./AuditLogSql.ts"
import { Database } from "./Database.ts"
import { QueueState, queueIn } from "./queues.ts"
import { allRows } from "./Rows.ts"
import { eventFields, eventOf, eventRows } from "./WebhookOutboxSql.ts"

const keptRows = allRows(
  Schema.Struct({
    ...eventFields,
    state: QueueState,
    attempts: Schema.Int,
    failure: Schema.NullOr(Schema.String),
    dueAt: Schema.Date,
    settledAt: Schema.NullOr(Schema.Date)
  })
)
const idRows = allRows(Schema.Struct({ id: Schema.BigInt, at: Schema.Date }))

/** Rows of the trail that are replayed in one transaction: some milliseconds. */
const pageSize = 500

/** The table `webhook_outbox`, as its operator sees it. */
export const layer = Layer.effect(
  WebhookKeeping,
  Effect.gen(function* () {
    const database = yield* Database
    const sql = yield* SqlClient.SqlClient
    const { chosen, state } = queueIn(sql, "webhook_outbox")

    const list: WebhookKeeping["Service"]["list"] = Effect.fn("WebhookKeeping.list")(
      ({ after, limit, states, userId }) =>
        keptRows(sql`
          select o.id, o.type, o.at, o.user_id, o.actor, o.request_id, ${state} as state, o.attempts, o.failure, o.due_at, o.settled_at
          from webhook_outbox o
          where o.id > ${after}::bigint and ${state} in (select jsonb_array_elements_text(${JSON.stringify(states)}::text::jsonb))
            and (${Option.getOrNull(userId)}::uuid is null or o.user_id = ${Option.getOrNull(userId)}::uuid)
          order by o.id limit ${limit}::int`).pipe(
          Effect.map(
            Array.map(({ attempts, dueAt, failure, settledAt, state, ...row }) => ({
              event: eventOf(row),
              state,
              attempts,
              failure: Option.fromNullOr(failure),
              dueAt,
              settledAt: Option.fromNullOr(settledAt)
            }))
          ),
          database.run
        )
    )

    /** As if they had just happened, but with the ids and times that they have. */
    const requeue = Effect.fnUntraced(function* (events: ReadonlyArray<RekeyEvent>) {
      yield* sql`update webhook_progress set stopped_receiver = null, stopped_at = null where stopped_receiver is not null`
      if (events.length === 0) return []
      return yield* idRows(sql`
        insert into webhook_outbox as o (id, type, at, user_id, actor, request_id)
        select id, type, at, "userId", actor, "requestId"
        from jsonb_to_recordset(${eventRows(events)}::text::jsonb)
          as event (id bigint, type text, at timestamptz, "userId" uuid, actor text, "requestId" text)
        order by id
        on conflict (id) do update
        set outcome = null, settled_at = null, leased_until = null, due_at = now(), created_at = now(), attempts = 0
        where o.leased_until is null or o.leased_until <= now()
        returning o.id, o.at`)
    })

    const replay: WebhookKeeping["Service"]["replay"] = Effect.fn("WebhookKeeping.replay")(
      function* (ids) {
        const entries = yield* auditRows(sql`
          select ${sql.literal(auditColumns)} from audit a where a.id in (
            select value::bigint from jsonb_array_elements_text(${JSON.stringify(ids.map((id) => String(rowOf(id))))}::text::jsonb))`)
        // A number alone may be that of another event, where the trail was restored from a backup.
        const events = entries.flatMap((entry) => Option.toArray(eventIn(entry))).filter(({ id }) => ids.includes(id))
        return (yield* requeue(events)).map(({ at, id }) => eventId(id, at))
      },
      sql.withTransaction,
      database.run
    )

    const replaySome: WebhookKeeping["Service"]["replaySome"] = Effect.fn("WebhookKeeping.replaySome")(
      function* ({ types, ...filter }, after) {
        const entries = yield* auditPage(sql, { ...filter, event: Option.none() }, after, pageSize)
        const events = entries
          .flatMap((entry) => Option.toArray(eventIn(entry)))
          .filter(({ type }) => types.includes(type))
        const replayed = yield* requeue(events)
        const last = entries.length === pageSize ? entries.at(-1)?.id : undefined
        return { replayed: replayed.length, after: Option.fromUndefinedOr(last) }
      },
      sql.withTransaction,
      database.run
    )

    const drop: WebhookKeeping["Service"]["drop"] = Effect.fn("WebhookKeeping.drop")((ids) =>
      idRows(sql`
        with ${chosen(ids.map(rowOf))}, dropped as (
          update webhook_outbox o set outcome = 'dropped', settled_at = now(), leased_until = null
          from chosen c where o.id = c.id
          returning o.id, o.at, o.user_id, o.request_id
        ), next as (
          -- Those that waited for one of them.
          update webhook_outbox o set due_at = now()
          where o.outcome is null and o.leased_until is null and o.user_id in (select d.user_id from dropped d)
            and o.id not in (select d.id from dropped d) and o.due_at > now()
        ), trail as (
          insert into audit (event, outcome, reason, actor, user_id, request_id)
          select 'webhook', 'dropped', 'operator', 'cli', user_id, request_id from dropped
        )
        select id, at from dropped order by id`).pipe(
        Effect.map(Array.map(({ at, id }) => eventId(id, at))),
        database.run
      )
    )

    return WebhookKeeping.of({ list, replay, replaySome, drop })
  })
)
