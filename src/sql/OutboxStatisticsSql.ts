import { Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { OutboxStatistics } from "../mail/OutboxStatistics.ts"
import { Database } from "./Database.ts"
import { firstRow } from "./Rows.ts"

const backlogRow = firstRow(
  Schema.Struct({ waiting: Schema.Int, retrying: Schema.Int, oldestSeconds: Schema.Finite, dead: Schema.Int })
)

/** Counts the table `outbox`, by the indexes of what waits and of what was set aside. */
export const layer = Layer.effect(
  OutboxStatistics,
  Effect.gen(function* () {
    const database = yield* Database
    const sql = yield* SqlClient.SqlClient
    return OutboxStatistics.of({
      backlog: backlogRow(sql`
        select count(*)::int as waiting, (count(*) filter (where attempts > 0))::int as retrying,
          coalesce(extract(epoch from now() - min(created_at)), 0)::float8 as oldest_seconds,
          (select count(*)::int from outbox where outcome = 'dead') as dead
        from outbox where outcome is null`).pipe(
        Effect.flatMap(Effect.fromOption),
        Effect.catchTag("NoSuchElementError", Effect.die),
        database.run
      )
    })
  })
)
