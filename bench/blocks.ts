import { Effect } from "effect"
import type { SqlClient } from "effect/sql"
import { type Exchange, runLoad } from "./load.ts"

/** Backends tell what they counted once a second at most. */
const untilCounted = Effect.sleep("1500 millis")

/** Blocks of 8 KiB that PostgreSQL read so far, from its memory or the disk. */
const blocksSoFar = (sql: SqlClient.SqlClient) =>
  Effect.map(
    sql<{ readonly blocks: number }>`
      select sum(heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read)::float8 as blocks from pg_statio_user_tables`,
    ([row]) => row?.blocks ?? Number.NaN
  ).pipe(Effect.orDie)

/** The rate of a load, and what PostgreSQL read for each request of it. */
export interface Counted {
  readonly perSecond: number
  readonly blocks: number
}

export const counted = Effect.fnUntraced(function* (
  sql: SqlClient.SqlClient,
  port: number,
  exchanges: ReadonlyArray<Exchange>
) {
  yield* untilCounted
  const before = yield* blocksSoFar(sql)
  const { perSecond } = yield* runLoad(port, exchanges, 32)
  yield* untilCounted
  const counted: Counted = { perSecond, blocks: ((yield* blocksSoFar(sql)) - before) / exchanges.length }
  return counted
})
