import { Schema } from "effect"
import type { SqlClient } from "effect/sql"
import { firstRow } from "./Rows.ts"

/** Where a row of a queue stands: it waits for its first or next try, a worker has it in hand, or how it ended. */
export const QueueState = Schema.Literals(["waiting", "in hand", "sent", "dropped", "dead"])

const backlogRow = firstRow(
  Schema.Struct({ waiting: Schema.Int, retrying: Schema.Int, oldestSeconds: Schema.Finite, dead: Schema.Int })
)

/**
 * What statements about a table have in common whose rows wait to be delivered: `id`, `created_at`, `due_at`, `leased_until`, `attempts`,
 * `outcome` and `settled_at`. In all of them it is `o`.
 */
export const queueIn = (sql: SqlClient.SqlClient, name: "outbox" | "webhook_outbox") => {
  const table = sql.literal(name)
  const state = sql.literal("coalesce(o.outcome, case when o.leased_until > now() then 'in hand' else 'waiting' end)")
  const inMillis = (millis: number) => sql`${millis}::float8 * interval '1 millisecond'`

  return {
    state,

    /** How many a claim takes at most. It stands in the text: of a parameter the server would see only that it is small, and plan for it anew each time. */
    upTo: (limit: number) => sql.literal(`limit ${limit.toFixed(0)}`),

    /** What a claim sets: nobody else claims the row until the lease ends (G1), or its worker has surely died (G2). */
    leased: (leaseMillis: number) => sql`
      leased_until = clock_timestamp() + ${inMillis(leaseMillis)}, due_at = clock_timestamp() + ${inMillis(leaseMillis)},
      attempts = o.attempts + 1`,

    /** What puts a row back, to be claimed again after a pause. */
    setBack: (afterMillis: number) => sql`due_at = now() + ${inMillis(afterMillis)}, leased_until = null`,

    /** The head of an operator's statement: rows that wait or are dead, locked, so that no worker claims one of them meanwhile. */
    chosen: (ids: ReadonlyArray<bigint>) => sql`
      chosen as materialized (
        select o.id, o.outcome from ${table} o
        where o.id in (select value::bigint from jsonb_array_elements_text(${JSON.stringify(ids.map(String))}::text::jsonb))
          and (o.outcome = 'dead' or o.outcome is null and (o.leased_until is null or o.leased_until <= now()))
        order by o.id for update of o skip locked
      )`,

    /** How it stands with what waits, by the indexes of what waits and of what was set aside. */
    backlog: backlogRow(sql`
      select count(*)::int as waiting, (count(*) filter (where o.attempts > 0))::int as retrying,
        coalesce(extract(epoch from now() - min(o.created_at)), 0)::float8 as oldest_seconds,
        (select count(*)::int from ${table} where outcome = 'dead') as dead
      from ${table} o where o.outcome is null`)
  }
}
