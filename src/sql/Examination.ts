import { readdirSync, readFileSync } from "node:fs"
import { Effect, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { ReceiverHash } from "../events/WebhookOutbox.ts"
import { shippedMigrations } from "./Migrations.ts"
import { allRows, firstRow } from "./Rows.ts"

const ServerRow = Schema.Struct({
  version: Schema.String,
  versionNumber: Schema.Int,
  encoding: Schema.String,
  readOnly: Schema.Boolean,
  role: Schema.String,
  isSuperuser: Schema.Boolean,
  mayCreate: Schema.Boolean,
  clockMillis: Schema.Finite,
  maxConnections: Schema.Int
})
const serverRow = firstRow(ServerRow)

/** What a database says of itself and of our role in it. */
export type DatabaseServer = typeof ServerRow.Type

const lackRows = allRows(Schema.Struct({ table: Schema.String, privilege: Schema.String }))

/** Asks it once; a `SqlError` where it doesn't answer. */
export const examineServer = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const row = yield* serverRow(sql`
    select current_setting('server_version') as version, current_setting('server_version_num')::int as version_number,
      current_setting('server_encoding') as encoding, current_setting('transaction_read_only') = 'on' as read_only,
      current_user::text as role,
      coalesce((select rolsuper from pg_roles where rolname = current_user), false) as is_superuser,
      coalesce(has_schema_privilege(current_schema(), 'create'), false) as may_create,
      (extract(epoch from clock_timestamp()) * 1000)::float8 as clock_millis,
      current_setting('max_connections')::int as max_connections`)
  return Option.getOrThrow(row)
})

const webhooksRow = firstRow(Schema.Struct({ stoppedAt: Schema.NullOr(Schema.Date), dead: Schema.Int }))

/** Since when this receiver of webhooks wants no more, and how many events couldn't be told; none before the tables are there. */
export const examineWebhooks = Effect.fnUntraced(function* (receiver: ReceiverHash) {
  const sql = yield* SqlClient.SqlClient
  const [there] = yield* sql`select where to_regclass('webhook_progress') is not null`
  if (there === undefined) return Option.none()
  return yield* webhooksRow(sql`
    select (select stopped_at from webhook_progress where stopped_receiver = ${receiver}::bytea) as stopped_at,
      (select count(*)::int from webhook_outbox where outcome = 'dead') as dead`)
})

/** The tables that the migrations make. */
const ourTables: Effect.Effect<ReadonlyArray<string>> = Effect.sync(() =>
  readdirSync(shippedMigrations)
    .filter((file) => file.endsWith(".sql"))
    .flatMap((file) => [
      ...readFileSync(new URL(file, shippedMigrations), "utf8").matchAll(/^create (?:unlogged )?table (\w+)/gm)
    ])
    .flatMap(([, name]) => (name === undefined ? [] : [name]))
)

/** Which rights to a table that is there our role lacks. */
export const lackingRights = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const tables = yield* ourTables
  return yield* lackRows(sql`
    select t.name as table, p.privilege
    from jsonb_array_elements_text(${JSON.stringify(tables)}::text::jsonb) as t (name)
      cross join unnest(array['select', 'insert', 'update', 'delete']) as p (privilege)
    where to_regclass(t.name) is not null and not has_table_privilege(to_regclass(t.name), p.privilege)
    order by 1, 2`)
})
