import { PgClient } from "@effect/sql-pg"
import { layer, type Vitest } from "@effect/vitest"
import { Effect, Layer, Logger, Redacted, type Scope } from "effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import type { SqlClient } from "effect/sql"
import { inject } from "vitest"
import { Database } from "../../src/sql/Database.ts"
import * as PgliteClient from "../../src/sql/PgliteClient.ts"
import * as PostgresClient from "../../src/sql/PostgresClient.ts"

export { timePasses } from "../../src/sql/timePasses.ts"

/** The URL of an empty database of its own on the PostgreSQL of this run, dropped with the scope. */
export const emptyPostgres: Effect.Effect<Redacted.Redacted, never, Scope.Scope> = Effect.gen(function* () {
  const server = inject("postgresUrl")
  const name = `rekey_test_${crypto.randomUUID().replaceAll("-", "")}`
  const asOwner = (statement: string) =>
    PgClient.makeClient({ url: Redacted.make(server) }).pipe(
      Effect.flatMap((sql) => sql.unsafe(statement)),
      Effect.scoped,
      Effect.provide(Reactivity.layer),
      Effect.orDie
    )
  yield* Effect.acquireRelease(asOwner(`create database ${name}`), () => asOwner(`drop database ${name} with (force)`))
  const url = new URL(server)
  url.pathname = name
  return Redacted.make(url.href)
})

/** The URL of the same database for another role, which may sign in and nothing else, and is dropped with the scope. */
export const roleOn = Effect.fnUntraced(function* (url: Redacted.Redacted) {
  const name = `rekey_test_role_${crypto.randomUUID().replaceAll("-", "")}`
  const asOwner = (...statements: ReadonlyArray<string>) =>
    PgClient.makeClient({ url }).pipe(
      Effect.flatMap((sql) => Effect.forEach(statements, (statement) => sql.unsafe(statement))),
      Effect.scoped,
      Effect.provide(Reactivity.layer),
      Effect.orDie
    )
  yield* Effect.acquireRelease(asOwner(`create role ${name} login password 'password'`), () =>
    asOwner(`drop owned by ${name} cascade`, `drop role ${name}`)
  )
  const its = new URL(Redacted.value(url))
  its.username = name
  its.password = "password"
  return { name, url: Redacted.make(its.href) }
})

/** A client of such a database. */
export const postgresClient: Layer.Layer<SqlClient.SqlClient> = Layer.unwrap(
  Effect.map(emptyPostgres, (url) => PostgresClient.layer({ url, poolSize: 10, prepare: true }))
)

/** A client of an embedded database in memory. */
export const embeddedClient: Layer.Layer<SqlClient.SqlClient> = PgliteClient.layerMemory

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
