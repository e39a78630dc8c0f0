import { Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { OutboxStatistics } from "../mail/OutboxStatistics.ts"
import { Database } from "./Database.ts"
import { firstRow } from "./Rows.ts"

const backlogRow = firstRow(Schema.Struct({ waiting: Schema.Int, retrying: Schema.Int, oldestSeconds: Schema.Finite }))

/** Counts the table `outbox`, by the index of what waits. */
export const layer = Layer.effect(
  OutboxStatistics,
  Effect.gen(function* () {
    const database = yield* Database
    const sql = yield* SqlClient.SqlClient
    return OutboxStatistics.of({
      backlog: backlogRow(sql`
        select count(*)::int as waiting, (count(*) filter (where o.attempts > 0))::int as retrying,
          coalesce(extract(epoch from now() - min(c.issued_at)), 0)::float8 as oldest_seconds
        from outbox o join reset_codes c on c.code_hash = o.code_hash where o.sent_at is null`).pipe(
        Effect.flatMap(Effect.fromOption),
        Effect.catchTag("NoSuchElementError", Effect.die),
        database.run
      )
    })
  })
)
