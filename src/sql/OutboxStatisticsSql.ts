import { Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { OutboxStatistics } from "../mail/OutboxStatistics.ts"
import { Database } from "./Database.ts"
import { queueIn } from "./queues.ts"

/** Counts the table `outbox`. */
export const layer = Layer.effect(
  OutboxStatistics,
  Effect.gen(function* () {
    const database = yield* Database
    const sql = yield* SqlClient.SqlClient
    return OutboxStatistics.of({
      backlog: Effect.map(queueIn(sql, "outbox").backlog, Option.getOrThrow).pipe(database.run)
    })
  })
)
