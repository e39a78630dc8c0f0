import { Array, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { type AuditFilter, AuditLog } from "../trail/AuditLog.ts"
import { Database } from "./Database.ts"
import { allRows } from "./Rows.ts"

/** The columns of `audit a` that make an entry. */
export const auditColumns =
  "a.id, a.at, a.event, a.outcome, a.reason, a.actor, a.administrator, a.user_id, a.request_id, a.client_address, a.device"

export const auditRows = allRows(
  Schema.Struct({
    id: Schema.BigInt,
    at: Schema.Date,
    event: Schema.String,
    outcome: Schema.String,
    reason: Schema.NullOr(Schema.String),
    actor: Schema.String,
    administrator: Schema.NullOr(Schema.String),
    userId: Schema.NullOr(Schema.String),
    requestId: Schema.NullOr(Schema.String),
    clientAddress: Schema.NullOr(Schema.String),
    device: Schema.NullOr(Schema.String)
  })
)

/** As many conditions as were given, so that each has its index. */
const fittingOf =
  (sql: SqlClient.SqlClient) =>
  ({ event, since, until, userId }: AuditFilter) =>
    sql.and([
      sql`true`,
      ...Option.toArray(userId).map((id) => sql`a.user_id = ${id}`),
      ...Option.toArray(event).map((name) => sql`(a.event = ${name} or starts_with(a.event, ${`${name}.`}))`),
      ...Option.toArray(since).map((date) => sql`a.at >= ${date.toISOString()}::timestamptz`),
      ...Option.toArray(until).map((date) => sql`a.at < ${date.toISOString()}::timestamptz`)
    ])

/** A page of the trail. */
export const auditPage = (sql: SqlClient.SqlClient, filter: AuditFilter, after: bigint, limit: number) =>
  auditRows(sql`
    select ${sql.literal(auditColumns)} from audit a where a.id > ${after}::bigint and ${fittingOf(sql)(filter)}
    order by a.id limit ${limit}::int`)

/** The table `audit`. */
export const layer = Layer.effect(
  AuditLog,
  Effect.gen(function* () {
    const database = yield* Database
    const sql = yield* SqlClient.SqlClient
    const columns = sql.literal(auditColumns)

    const fitting = fittingOf(sql)

    const last: AuditLog["Service"]["last"] = Effect.fn("AuditLog.last")((filter, limit) =>
      auditRows(
        sql`select ${columns} from audit a where ${fitting(filter)} order by a.id desc limit ${limit}::int`
      ).pipe(Effect.map(Array.reverse), database.run)
    )

    const page: AuditLog["Service"]["page"] = Effect.fn("AuditLog.page")((filter, after, limit) =>
      database.run(auditPage(sql, filter, after, limit))
    )

    return AuditLog.of({ last, page })
  })
)
