import { Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { type Gap, moved, type TrailPosition } from "../events/TrailPosition.ts"
import { type TrailPage, TrailReader } from "../events/TrailReader.ts"
import { auditColumns, auditRows } from "./AuditLogSql.ts"
import { Database } from "./Database.ts"
import { firstRow } from "./Rows.ts"

const GapRow = Schema.Struct({
  from: Schema.BigIntFromString,
  to: Schema.BigIntFromString,
  until: Schema.NullOr(Schema.BigIntFromString)
})

/** Gaps as JSON: the ids as texts, since JSON has no large integers. */
export const StoredGaps: Schema.Codec<ReadonlyArray<Gap>, ReadonlyArray<typeof GapRow.Encoded>> = Schema.Array(GapRow)
const gapsAsJson = Schema.encodeSync(StoredGaps)
export const gapsText = (gaps: ReadonlyArray<Gap>): string => JSON.stringify(gapsAsJson(gaps))

const openRow = firstRow(Schema.Struct({ transaction: Schema.BigIntFromString, oldestOpen: Schema.BigIntFromString }))
const beginRow = firstRow(Schema.Struct({ last: Schema.BigInt }))

/** Rows that one look shows at most: some milliseconds. */
const pageSize = 500

/** What the trail has beyond a position. */
export const readTrail = Effect.fnUntraced(function* (sql: SqlClient.SqlClient, position: TrailPosition) {
  const { gaps, last } = position
  // Before the look, so that whatever was over by then is seen by it. An xid8 as text, since it is no bigint to the client.
  const open =
    gaps.length === 0
      ? Option.none()
      : yield* openRow(sql`
          select pg_current_xact_id()::text as transaction, pg_snapshot_xmin(pg_current_snapshot())::text as oldest_open`)
  const columns = sql.literal(auditColumns)
  const behind = sql`(select ${columns} from audit a where a.id > ${last}::bigint order by a.id limit ${pageSize}::int)`
  // One statement, since it has to be one snapshot. Each gap is looked up by the primary key, whatever the planner thinks of the number of gaps.
  const entries = yield* auditRows(
    gaps.length === 0
      ? behind
      : sql`
          select * from (
            ${behind}
            union all
            (select a.* from jsonb_to_recordset(${gapsText(gaps)}::text::jsonb) as g ("from" bigint, "to" bigint)
              cross join lateral (
                select ${columns} from audit a where a.id between g."from" and g."to" order by a.id limit ${pageSize}::int) a)
          ) found order by id limit ${pageSize}::int`
  )
  const { oldestOpen, transaction } = Option.getOrElse(open, () => ({ oldestOpen: 0n, transaction: 0n }))
  const more = entries.length === pageSize
  const page: TrailPage = {
    entries,
    position: moved(position, { ids: entries.map(({ id }) => id), complete: !more, oldestOpen, transaction }),
    more
  }
  return page
})

/** The table `audit`, read on and on. Nothing is written. */
export const layer = Layer.effect(
  TrailReader,
  Effect.gen(function* () {
    const database = yield* Database
    const sql = yield* SqlClient.SqlClient

    const begin: TrailReader["Service"]["begin"] = Effect.fn("TrailReader.begin")((since) =>
      beginRow(
        Option.match(since, {
          onNone: () => sql`select coalesce(max(id), 0)::bigint as last from audit`,
          onSome: (date) => sql`
            select coalesce(
              (select min(id) - 1 from audit where at >= ${date.toISOString()}::timestamptz),
              (select max(id) from audit), 0)::bigint as last`
        })
      ).pipe(
        Effect.map(Option.match({ onNone: () => 0n, onSome: ({ last }) => last })),
        Effect.map((last): TrailPosition => ({ last, gaps: [] })),
        database.run
      )
    )

    return TrailReader.of({
      begin,
      // Without a span: it looks twice a second, and most looks find nothing.
      read: (position) => database.run(readTrail(sql, position))
    })
  })
)
