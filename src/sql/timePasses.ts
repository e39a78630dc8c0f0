import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { isRolledBack } from "./SqlState.ts"

/**
 * Lets time pass for all that is stored, by shifting it back: the database's clock decides, and no test clock moves it. `duration`
 * is an interval as PostgreSQL reads it, such as `61 seconds`. For tests alone: it shifts every time in the schema, in one statement.
 */
export const timePasses = Effect.fnUntraced(function* (duration: string) {
  const sql = yield* SqlClient.SqlClient
  const updates = yield* sql<{ readonly text: string }>`
    select format('update %I set %s', table_name,
      string_agg(format('%1$I = %1$I - %2$L::interval', column_name, ${duration}::text), ', ')) as text
    from information_schema.columns
    where table_schema = current_schema() and data_type = 'timestamp with time zone'
    group by table_name`
  // A worker that has some of the rows in hand may want others: the database then rolls one of both back.
  yield* sql
    .unsafe(`with ${updates.map(({ text }, at) => `table${at} as (${text})`).join()} select`)
    .pipe(Effect.retry({ times: 5, while: isRolledBack }))
})
