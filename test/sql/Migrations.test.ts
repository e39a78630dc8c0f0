import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Logger, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { migrate, shippedMigrations } from "../../src/sql/Migrations.ts"
import * as PostgresClient from "../../src/sql/PostgresClient.ts"
import { embeddedClient, emptyPostgres, postgresClient } from "../support/databases.ts"

const quiet = Logger.layer([])

/** The client, once its database is open. */
const opened = (client: Layer.Layer<SqlClient.SqlClient>) =>
  Layer.effectDiscard(Effect.flatMap(SqlClient.SqlClient, (sql) => sql`select 1`)).pipe(
    Layer.provideMerge(client),
    Layer.provideMerge(quiet)
  )

/** A folder of migrations, gone with the scope. */
const folderOf = (files: Readonly<Record<string, string>>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const folder = mkdtempSync(join(tmpdir(), "rekey-migrations-"))
      for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text)
      return { path: folder, url: pathToFileURL(`${folder}/`) }
    }),
    ({ path }) => Effect.sync(() => rmSync(path, { recursive: true }))
  )

const emptied = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`drop schema public cascade`
  yield* sql`create schema public`
})

const tables = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ readonly name: string }>`
    select table_name as name from information_schema.tables where table_schema = 'public' order by 1`
  return rows.map(({ name }) => name)
})

const two = {
  "0001_first.sql": "-- The first.\ncreate table first (id int);\ncreate index first_id on first (id);\n",
  "0002_second.sql": "create table second (id int);\n"
}

for (const [database, client] of [
  ["embedded", embeddedClient],
  ["PostgreSQL", postgresClient]
] as const) {
  layer(opened(client), { excludeTestServices: true })(`migrations, ${database}`, (it) => {
    it.effect("those that come with Rekey are applied, each once, and recorded under their names", () =>
      Effect.gen(function* () {
        yield* emptied
        yield* migrate(shippedMigrations)
        yield* migrate(shippedMigrations)
        const sql = yield* SqlClient.SqlClient
        const recorded = yield* sql<{ readonly name: string }>`select name from rekey_migrations order by id`
        assert.deepEqual(
          recorded.map(({ name }) => name),
          readdirSync(shippedMigrations)
        )
        assert.includeMembers(yield* tables, ["users", "sessions", "reset_codes", "recovery_requests", "outbox"])
      })
    )

    it.effect("a new file is applied after those that were", () =>
      Effect.gen(function* () {
        yield* emptied
        const folder = yield* folderOf(two)
        yield* migrate(folder.url)
        writeFileSync(join(folder.path, "0003_third.sql"), "alter table second rename to third;")
        writeFileSync(join(folder.path, "README.md"), "not a migration")
        yield* migrate(folder.url)
        assert.deepEqual(yield* tables, ["first", "rekey_migrations", "third"])
      })
    )

    it.effect("a file that was changed afterwards is named and stops everything", () =>
      Effect.gen(function* () {
        yield* emptied
        const folder = yield* folderOf(two)
        yield* migrate(folder.url)
        writeFileSync(join(folder.path, "0001_first.sql"), `${two["0001_first.sql"]}-- changed`)
        writeFileSync(join(folder.path, "0003_third.sql"), "create table third (id int);")
        const refused = yield* Effect.flip(migrate(folder.url))
        assert.strictEqual(refused._tag, "MigrationChanged")
        assert.match(refused.message, /^.*0001_first\.sql.*$/)
        assert.notInclude(yield* tables, "third")
      })
    )

    it.effect("a checkout with other line ends is the same file", () =>
      Effect.gen(function* () {
        yield* emptied
        yield* migrate((yield* folderOf(two)).url)
        const others = Object.entries(two).map(([file, text]) => [file, text.replaceAll("\n", "\r\n")])
        yield* migrate((yield* folderOf(Object.fromEntries(others))).url)
      })
    )

    it.effect("a database that knows more than the program is refused by the name of what it knows", () =>
      Effect.gen(function* () {
        yield* emptied
        yield* migrate((yield* folderOf({ ...two, "0003_third.sql": "create table third (id int);" })).url)
        const refused = yield* Effect.flip(migrate((yield* folderOf(two)).url))
        assert.strictEqual(refused._tag, "DatabaseNewer")
        assert.match(refused.message, /^.*0003_third\.sql.*$/)
      })
    )

    it.effect("a file that fails is named with the server's words, and none before it stays", () =>
      Effect.gen(function* () {
        yield* emptied
        const folder = yield* folderOf({
          ...two,
          "0003_third.sql": "create table fine (id int);\ncreate table first (id int);"
        })
        const refused = yield* Effect.flip(migrate(folder.url))
        assert.strictEqual(refused._tag, "MigrationFailed")
        assert.match(refused.message, /^.*0003_third\.sql.*relation "first" already exists.*$/)
        assert.deepEqual(yield* tables, [])
      })
    )
  })
}

layer(opened(postgresClient), { excludeTestServices: true })("migrations, several processes", (it) => {
  it.effect("processes that start at once on an empty database take their turns", () =>
    Effect.gen(function* () {
      yield* Effect.all(
        Array.from({ length: 8 }, () => migrate(shippedMigrations)),
        { concurrency: "unbounded" }
      )
      assert.include(yield* tables, "users")
    })
  )

  it.effect("also where the database's transactions are serializable by default", () =>
    Effect.gen(function* () {
      const url = yield* emptyPostgres
      const name = new URL(Redacted.value(url)).pathname.slice(1)
      const sql = yield* SqlClient.SqlClient
      yield* sql`alter database ${sql(name)} set default_transaction_isolation = 'serializable'`
      const process = migrate(shippedMigrations).pipe(
        Effect.provide(PostgresClient.layer({ url, poolSize: 1, prepare: true }), { local: true })
      )
      yield* Effect.all(
        Array.from({ length: 8 }, () => process),
        { concurrency: "unbounded" }
      )
    })
  )

  it.effect("a role that may not create tables runs the service once they are there", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* migrate(shippedMigrations)
      const role = `service_${crypto.randomUUID().slice(0, 8)}`
      yield* sql`create role ${sql(role)}`
      yield* Effect.addFinalizer(() =>
        Effect.orDie(Effect.andThen(sql`drop owned by ${sql(role)}`, sql`drop role ${sql(role)}`))
      )
      yield* sql`grant select, insert, update, delete on all tables in schema public to ${sql(role)}`
      yield* migrate(shippedMigrations).pipe((applied) =>
        sql.withTransaction(Effect.andThen(sql`set local role ${sql(role)}`, applied))
      )
    })
  )
})
