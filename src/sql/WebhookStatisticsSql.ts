import { Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { WebhookStatistics } from "../events/WebhookStatistics.ts"
import { Database } from "./Database.ts"
import { queueIn } from "./queues.ts"
import { firstRow } from "./Rows.ts"

const unreadRow = firstRow(Schema.Struct({ oldestSeconds: Schema.Finite }))

/** Counts the table `webhook_outbox`, and looks at what of the trail isn't in it yet. */
export const layer = Layer.effect(
  WebhookStatistics,
  Effect.gen(function* () {
    const database = yield* Database
    const sql = yield* SqlClient.SqlClient
    const queue = queueIn(sql, "webhook_outbox")

    const unread = unreadRow(sql`
      select extract(epoch from now() - a.at)::float8 as oldest_seconds
      from webhook_progress p cross join lateral (
        select a.at from audit a where a.id > p.last_seen order by a.id limit 1) a`)

    return WebhookStatistics.of({
      backlog: Effect.gen(function* () {
        const queued = Option.getOrThrow(yield* queue.backlog)
        const { oldestSeconds } = Option.getOrElse(yield* unread, () => ({ oldestSeconds: 0 }))
        return { ...queued, oldestSeconds: Math.max(queued.oldestSeconds, oldestSeconds) }
      }).pipe(database.run)
    })
  })
)
