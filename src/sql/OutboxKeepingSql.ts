import { Array, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { OutboxKeeping } from "../mail/OutboxKeeping.ts"
import { Database } from "./Database.ts"
import { QueueState, queueIn } from "./queues.ts"
import { allRows } from "./Rows.ts"

const keptRows = allRows(
  Schema.Struct({
    id: Schema.BigInt,
    kind: Schema.String,
    recipient: Schema.String,
    state: QueueState,
    attempts: Schema.Int,
    createdAt: Schema.Date,
    dueAt: Schema.Date,
    settledAt: Schema.NullOr(Schema.Date)
  })
)
const idRows = allRows(Schema.Struct({ id: Schema.BigInt }))

/** The table `outbox`, as its operator sees it. */
export const layer = Layer.effect(
  OutboxKeeping,
  Effect.gen(function* () {
    const database = yield* Database
    const sql = yield* SqlClient.SqlClient
    const { chosen, state } = queueIn(sql, "outbox")

    const list: OutboxKeeping["Service"]["list"] = Effect.fn("OutboxKeeping.list")(({ after, limit, states }) =>
      keptRows(sql`
        select o.id, o.kind, o.recipient, ${state} as state, o.attempts, o.created_at, o.due_at, o.settled_at
        from outbox o where o.id > ${after}::bigint and ${state} in (select jsonb_array_elements_text(${JSON.stringify(states)}::text::jsonb))
        order by o.id limit ${limit}::int`).pipe(
        Effect.map(Array.map((row) => ({ ...row, settledAt: Option.fromNullOr(row.settledAt) }))),
        database.run
      )
    )

    const retry: OutboxKeeping["Service"]["retry"] = Effect.fn("OutboxKeeping.retry")((ids) =>
      idRows(sql`
        with ${chosen(ids)}
        update outbox o set outcome = null, settled_at = null, due_at = now(), leased_until = null
        from chosen c
        where o.id = c.id and (c.outcome is null and o.attempts > 0
          or c.outcome = 'dead' and o.kind in ('password-reset', 'password-changed', 'registration-attempted',
            'email-change-attempted', 'email-restored', 'email-withdrawn', 'account-deleted'))
        returning o.id`).pipe(Effect.map(Array.map(({ id }) => id)), database.run)
    )

    const drop: OutboxKeeping["Service"]["drop"] = Effect.fn("OutboxKeeping.drop")((ids) =>
      idRows(sql`
        with ${chosen(ids)}, dropped as (
          update outbox o set outcome = 'dropped', settled_at = now(), nonce = null, leased_until = null
          from chosen c where o.id = c.id
          returning o.id, o.kind, o.user_id, o.request_id
        ), trail as (
          insert into audit (event, outcome, reason, actor, user_id, request_id)
          select 'mail.' || kind, 'dropped', 'operator', 'cli', user_id, request_id from dropped
        )
        select id from dropped order by id`).pipe(Effect.map(Array.map(({ id }) => id)), database.run)
    )

    return OutboxKeeping.of({ list, retry, drop })
  })
)
