import { layer, type Vitest } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Logger, Option, Redacted, Scope } from "effect"
import { SqlClient } from "effect/sql"
import { inject } from "vitest"
import { Database } from "../../src/sql/Database.ts"
import * as PgliteClient from "../../src/sql/PgliteClient.ts"
import * as PostgresClient from "../../src/sql/PostgresClient.ts"

import { databaseOn, runOn } from "./statements.ts"

export { timePasses } from "../../src/sql/timePasses.ts"

/** One connection of a process to its PostgreSQL for what makes and drops databases, for as long as the process lives. */
const makeOwner = () =>
  Layer.build(PostgresClient.layer({ url: Redacted.make(inject("postgresUrl")), poolSize: 1, prepare: false })).pipe(
    Effect.provideService(Scope.Scope, Scope.makeUnsafe()),
    Effect.map(Context.get(SqlClient.SqlClient)),
    Effect.runSync
  )
let owner: SqlClient.SqlClient | undefined
const asOwner = (statement: string) =>
  Effect.suspend(() => {
    owner ??= makeOwner()
    return Effect.orDie(owner.unsafe(statement))
  })

const ownDatabase = (made: string): Effect.Effect<Redacted.Redacted, never, Scope.Scope> =>
  Effect.gen(function* () {
    const name = `rekey_test_${crypto.randomUUID().replaceAll("-", "")}`
    // Files are copied faster than pages are written down one by one.
    yield* Effect.acquireRelease(asOwner(`create database ${name} ${made} strategy file_copy`), () =>
      asOwner(`drop database ${name} with (force)`)
    )
    return Redacted.make(databaseOn(inject("postgresUrl"), name))
  })

/** The URL of an empty database of its own on the PostgreSQL of this run, dropped with the scope. */
export const emptyPostgres = ownDatabase("")

/** The same with our tables in it, as the migrations make them. */
export const migratedPostgres = Effect.suspend(() => ownDatabase(`template ${inject("postgresTemplate")}`))

/** The URL of the same database for another role, which may sign in and nothing else, and is dropped with the scope. */
export const roleOn = Effect.fnUntraced(function* (url: Redacted.Redacted) {
  const name = `rekey_test_role_${crypto.randomUUID().replaceAll("-", "")}`
  yield* Effect.acquireRelease(runOn(url, `create role ${name} login password 'password'`), () =>
    runOn(url, `drop owned by ${name} cascade`, `drop role ${name}`)
  )
  const its = new URL(Redacted.value(url))
  its.username = name
  its.password = "password"
  return { name, url: Redacted.make(its.href) }
})

/** A client of a migrated database. */
export const postgresClient: Layer.Layer<SqlClient.SqlClient> = Layer.unwrap(
  Effect.map(migratedPostgres, (url) => PostgresClient.layer({ url, poolSize: 10, prepare: true }))
)

/** What of the structure a test may have changed: new versions of the catalogue's rows are seen by their transactions. */
const structure = (sql: SqlClient.SqlClient) =>
  Effect.map(
    sql<{ readonly structure: string }>`
      select concat_ws(' ',
        (select md5(string_agg(oid::text || relname, ' ' order by oid)) from pg_class),
        (select max(xmin::text::bigint) from pg_attribute), (select max(xmin::text::bigint) from pg_proc),
        (select max(xmin::text::bigint) from pg_trigger), (select max(xmin::text::bigint) from pg_constraint),
        (select max(xmin::text::bigint) from pg_namespace), (select max(xmin::text::bigint) from pg_authid),
        (select count(*) from pg_db_role_setting)) as structure`,
    ([row]) => String(row?.structure)
  )

/** Takes out what tests put in; what the migrations put in is there again. */
const emptied = Effect.fnUntraced(function* (sql: SqlClient.SqlClient) {
  const tables = yield* sql<{ readonly name: string }>`
    select quote_ident(tablename) as name from pg_tables where schemaname = 'public' and tablename <> 'rekey_migrations'`
  yield* sql.unsafe(`truncate ${tables.map(({ name }) => name).join()} restart identity`)
  yield* sql`insert into webhook_progress (last_seen) values (0)`
})

const openEmbedded = Effect.gen(function* () {
  const scope = yield* Scope.make()
  const client = yield* Layer.buildWithScope(Layer.provide(PgliteClient.layerMemory, Logger.layer([])), scope)
  const sql = Context.get(client, SqlClient.SqlClient)
  return { sql, scope, structure: yield* structure(sql) }
})

let idle: Option.Option<Effect.Success<typeof openEmbedded>> = Option.none()

/** A client of an embedded database in memory, as it comes. Opening one costs a second, so a process uses one again whose structure no test changed. */
export const embeddedClient: Layer.Layer<SqlClient.SqlClient> = Layer.effect(
  SqlClient.SqlClient,
  Effect.acquireRelease(
    Effect.suspend(() => {
      const taken = idle
      idle = Option.none()
      return Option.match(taken, { onNone: () => openEmbedded, onSome: Effect.succeed })
    }),
    Effect.fnUntraced(function* (opened) {
      if ((yield* structure(opened.sql)) !== opened.structure || Option.isSome(idle)) {
        return yield* Scope.close(opened.scope, Exit.void)
      }
      yield* emptied(opened.sql)
      idle = Option.some(opened)
    }, Effect.orDie)
  ).pipe(
    Effect.map(({ sql }) => sql),
    Effect.orDie
  )
)

/** The tables in place, and no log. */
export const migrated = <E>(client: Layer.Layer<SqlClient.SqlClient, E>) =>
  Layer.effectDiscard(Effect.flatMap(Database, ({ started }) => started)).pipe(
    Layer.provideMerge(Database.layer),
    Layer.provideMerge(client),
    Layer.provideMerge(Logger.layer([]))
  )

type Tables = Database | SqlClient.SqlClient

/** Runs the same tests on an embedded database and on a PostgreSQL one, with the real clock. */
export const onEachDatabase = <A, E>(
  name: string,
  repositories: Layer.Layer<A, E, Tables>,
  tests: (it: Vitest.MethodsNonLive<A | Tables>) => void
): void => {
  const on = (client: Layer.Layer<SqlClient.SqlClient>) => Layer.provideMerge(repositories, migrated(client))
  layer(on(embeddedClient), { excludeTestServices: true })(`${name}, embedded`, tests)
  layer(on(postgresClient), { excludeTestServices: true })(`${name}, PostgreSQL`, tests)
}

/** The same on PostgreSQL alone, for what needs two transactions open at once. */
export const onPostgres = <A, E>(
  name: string,
  repositories: Layer.Layer<A, E, Tables>,
  tests: (it: Vitest.MethodsNonLive<A | Tables>) => void
): void => {
  layer(Layer.provideMerge(repositories, migrated(postgresClient)), { excludeTestServices: true })(name, tests)
}
