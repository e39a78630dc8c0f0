import { execFile } from "node:child_process"
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Logger } from "effect"
import { SqlClient } from "effect/sql"
import { parseTar } from "nanotar"
import { migrate, shippedMigrations } from "../../src/sql/Migrations.ts"
import * as PgliteClient from "../../src/sql/PgliteClient.ts"
import { keepPrepared, readPrepared, shippedClusters, unpack } from "../../src/sql/PreparedCluster.ts"

const newFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "rekey-cluster-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

const project = fileURLToPath(new URL("../../", import.meta.url))

/** What npm ci left there, or, where migrations came since, what it would leave now. */
const shipped = Effect.promise(async () => {
  await promisify(execFile)(process.execPath, ["tools/prepareCluster.ts"], { cwd: project })
  const archive = await readPrepared(shippedClusters)
  assert.isDefined(archive)
  return archive
})

/** All that somebody could tell two databases from each other by, once the migrations are applied. */
const described = (folder: { readonly dataDir: string; readonly prepared?: URL }) =>
  Effect.gen(function* () {
    const sql = Context.get(yield* Layer.build(PgliteClient.layer(folder)), SqlClient.SqlClient)
    yield* migrate(shippedMigrations).pipe(Effect.provideService(SqlClient.SqlClient, sql))
    return {
      version: yield* sql`select version()`,
      databases: yield* sql`
        select datname, encoding, datlocprovider, datcollate, datctype, datistemplate, datallowconn from pg_database order by 1`,
      roles: yield* sql`select rolname, rolsuper, rolcanlogin from pg_roles order by 1`,
      settings:
        yield* sql`select name, setting from pg_settings where source not in ('default', 'override') order by 1`,
      columns: yield* sql`
        select table_schema, table_name, column_name, data_type, is_nullable, column_default, is_identity
        from information_schema.columns order by 1, 2, ordinal_position`,
      constraints: yield* sql`
        select conrelid::regclass::text as name, conname, pg_get_constraintdef(oid) as text from pg_constraint order by 1, 2`,
      indexes: yield* sql`select tablename, indexname, indexdef from pg_indexes order by 1, 2`,
      triggers:
        yield* sql`select tgname, pg_get_triggerdef(oid) as text from pg_trigger where not tgisinternal order by 1`,
      migrations: yield* sql`select id, name, checksum from rekey_migrations order by id`
    }
  }).pipe(Effect.scoped, Effect.provide(Logger.layer([])))

describe("the prepared cluster", () => {
  it.live(
    "is the database that initdb makes, to the last index of the migrated tables",
    () =>
      Effect.gen(function* () {
        yield* shipped
        const unpacked = yield* described({ dataDir: yield* newFolder })
        const nothing = pathToFileURL(`${yield* newFolder}/`)
        const made = yield* described({ dataDir: yield* newFolder, prepared: nothing })
        assert.deepStrictEqual(unpacked, made)
        assert.isNotEmpty(made.indexes)
      }),
    120_000 // initdb, beside other tests
  )

  it.live("holds nobody's rows, and no secret", () =>
    Effect.gen(function* () {
      const dataDir = yield* newFolder
      unpack(yield* shipped, join(dataDir, "database"))
      const sql = Context.get(yield* Layer.build(PgliteClient.layer({ dataDir })), SqlClient.SqlClient)
      const tables = yield* sql<{
        readonly name: string
      }>`select tablename as name from pg_tables where schemaname = 'public'`
      assert.include(
        tables.map(({ name }) => name),
        "users"
      )
      // What migrations themselves put there: their own records, and how far webhooks have come, which is nowhere yet.
      const ofMigrations = ["rekey_migrations", "webhook_progress"]
      for (const { name } of tables.filter((_) => !ofMigrations.includes(_.name)))
        assert.deepStrictEqual(yield* sql`select * from ${sql(name)}`, [], name)
      assert.notInclude(
        parseTar(yield* shipped).map(({ name }) => name),
        "app-secret"
      )
      assert.deepStrictEqual(readdirSync(dataDir).sort(), ["database", "lock"])
    }).pipe(Effect.scoped, Effect.provide(Logger.layer([])))
  )

  it.live("of another version of PGlite isn't used, nor one of other migrations", () =>
    Effect.gen(function* () {
      const folder = yield* newFolder
      const url = pathToFileURL(`${folder}/`)
      yield* shipped
      const [current = ""] = readdirSync(shippedClusters)
      writeFileSync(join(folder, current.replace(/-[\d.]+-/, "-0.0.1-")), "of another time")
      writeFileSync(join(folder, current.replace(/-[0-9a-f]{16}\./, "-0123456789abcdef.")), "of other tables")
      assert.isUndefined(yield* Effect.promise(() => readPrepared(url)))
      yield* Effect.promise(() => keepPrepared(url, new Uint8Array([1, 2, 3])))
      assert.deepStrictEqual(yield* Effect.promise(async () => [...((await readPrepared(url)) ?? [])]), [1, 2, 3])
    })
  )
})
