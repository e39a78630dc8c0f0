import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * Lets time pass for all that is stored, by shifting it back: the database's clock decides, and no test clock moves it. `duration`
 * is an interval as PostgreSQL reads it, such as `61 seconds`. For tests alone: it shifts every time in the schema.
 */
export const timePasses = Effect.fnUntraced(function* (duration: string) {
  const sql = yield* SqlClient.SqlClient
  const columns = yield* sql<{ readonly relation: string; readonly attribute: string }>`
    select table_name as relation, column_name as attribute from information_schema.columns
    where table_schema = current_schema() and data_type = 'timestamp with time zone'`
  for (const { relation, attribute } of columns) {
    yield* sql`update ${sql(relation)} set ${sql(attribute)} = ${sql(attribute)} - ${duration}::interval`
  }
})
