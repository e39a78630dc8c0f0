import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { Data, Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { isUnavailable, serverWords, sqlErrorIn } from "./SqlState.ts"

/** A migration was edited after this database had it. */
export class MigrationChanged extends Data.TaggedError("MigrationChanged")<{ readonly file: string }> {
  override get message() {
    return `The migration ${this.file} was changed after this database had it: restore the file, and put the change in a new one.`
  }
}

/** The database was brought up to date by a newer program, whose tables this one doesn't know. */
export class DatabaseNewer extends Data.TaggedError("DatabaseNewer")<{ readonly file: string }> {
  override get message() {
    return `The database has the migration ${this.file}, which this version of Rekey hasn't: start the newer version.`
  }
}

/** The database refused a migration; none of them was applied. */
export class MigrationFailed extends Data.TaggedError("MigrationFailed")<{
  readonly file: string
  readonly reason: string
}> {
  override get message() {
    return `The migration ${this.file} failed, and nothing was changed: ${this.reason}`
  }
}

/** Why the database can't be brought up to date: a person has to act. Each has a message of one line. */
export type NotMigrated = DatabaseNewer | MigrationChanged | MigrationFailed

/** The database is older than this program, which may only look whether it is up to date. */
export class MigrationsMissing extends Data.TaggedError("MigrationsMissing")<{
  readonly files: ReadonlyArray<string>
}> {
  override get message() {
    return `The database lacks ${this.files.length} of Rekey's migrations, ${this.files[0]} first: run "rekey migrate", or start this version of the server.`
  }
}

/** A file of the migrations folder. The checksum is that of its text with LF line ends, so that a checkout can't change it. */
export interface Migration {
  readonly id: number
  readonly file: string
  readonly text: string
  readonly checksum: string
}

/** The migrations that come with Rekey. */
export const shippedMigrations = new URL("../../migrations/", import.meta.url)

const read = (folder: URL): ReadonlyArray<Migration> =>
  readdirSync(folder)
    .filter((file) => /^\d{4}_\w+\.sql$/.test(file))
    .sort()
    .map((file) => {
      const text = readFileSync(new URL(file, folder), "utf8").replaceAll("\r\n", "\n")
      return { id: Number(file.slice(0, 4)), file, text, checksum: createHash("sha256").update(text).digest("hex") }
    })

/** Tells folders of migrations from each other: SHA-256 of all their checksums, shortened. */
export const checksumOf = (folder: URL): string =>
  createHash("sha256")
    .update(
      read(folder)
        .map(({ checksum }) => checksum)
        .join()
    )
    .digest("hex")
    .slice(0, 16)

const Recorded = Schema.Array(Schema.Struct({ id: Schema.Int, name: Schema.String, checksum: Schema.String }))
const decodeRecorded = Schema.decodeUnknownEffect(Recorded)

/** Those of the folder that a database lacks by its own records. */
const missingOf = Effect.fnUntraced(function* (
  migrations: ReadonlyArray<Migration>,
  recorded: typeof Recorded.Type
): Effect.fn.Return<ReadonlyArray<Migration>, DatabaseNewer | MigrationChanged> {
  for (const { id, name, checksum } of recorded) {
    const migration = migrations.find((_) => _.id === id)
    if (migration === undefined) return yield* new DatabaseNewer({ file: name })
    if (migration.checksum !== checksum) return yield* new MigrationChanged({ file: migration.file })
  }
  return migrations.filter(({ id }) => !recorded.some((_) => _.id === id))
})

const recordsTable = `create table rekey_migrations (
  id integer primary key, name text not null, checksum text not null, applied_at timestamptz not null default now()
)`

const isUnrecorded = Effect.fnUntraced(function* (sql: SqlClient.SqlClient) {
  const [found] = yield* sql<{ readonly missing: boolean }>`select to_regclass('rekey_migrations') is null as missing`
  return found?.missing === true
})

const recordsOf = (sql: SqlClient.SqlClient) =>
  sql`select id, name, checksum from rekey_migrations order by id`.pipe(
    Effect.flatMap(decodeRecorded),
    Effect.catchTag("SchemaError", Effect.die)
  )

/** The numbered files of `folder` that the database lacks, in their order. Changes nothing. */
export const pendingMigrations = Effect.fn("Migrations.pending")(function* (folder: URL) {
  const sql = yield* SqlClient.SqlClient
  return yield* missingOf(read(folder), (yield* isUnrecorded(sql)) ? [] : yield* recordsOf(sql))
})

/** What `migrate` would do, as a script for `psql`: one transaction, with the records that `migrate` goes by. */
export const migrationScript = (missing: ReadonlyArray<Migration>): string =>
  missing.length === 0
    ? ""
    : [
        "begin;",
        `select pg_advisory_xact_lock(${lockKey});`,
        `${recordsTable.replace("create table", "create table if not exists")};`,
        ...missing.map(
          ({ id, file, text, checksum }) =>
            `\n-- ${file}\n${text.trimEnd()}\ninsert into rekey_migrations (id, name, checksum) values (${id}, '${file}', '${checksum}');`
        ),
        "commit;\n"
      ].join("\n")

/** Fails where the database isn't up to date with the files of `folder`. Changes nothing. */
export const requireMigrations = Effect.fn("Migrations.require")(function* (folder: URL) {
  const missing = yield* pendingMigrations(folder)
  if (missing.length > 0) return yield* new MigrationsMissing({ files: missing.map(({ file }) => file) })
})

/** "rekey" in ASCII: whatever else takes advisory locks in this database hardly takes this one. */
const lockKey = 0x72656b6579n

/** Takes turns, until the transaction ends, with whoever else changes how our tables are made. */
export const lockMigrations = (sql: SqlClient.SqlClient) => sql`select pg_advisory_xact_lock(${lockKey})`

/**
 * Brings the database up to date with the numbered files of `folder`, all of them or none, and tells which it applied; a `SqlError` is one that may pass. Processes that start at once take
 * their turns under a lock of the transaction, taken before anything is looked at, so on an empty database too; a lock of the
 * session would be lost behind a pooler.
 */
export const migrate = Effect.fn("Migrations.migrate")(function* (folder: URL) {
  const sql = yield* SqlClient.SqlClient
  const migrations = read(folder)
  const recorded = Effect.gen(function* () {
    // Asked first, since `create table if not exists` needs a right that a role which only runs the service may lack.
    if (yield* isUnrecorded(sql)) yield* sql.unsafe(recordsTable)
    return yield* recordsOf(sql)
  })
  let current = "rekey_migrations"
  const apply = Effect.fnUntraced(function* ({ id, file, text, checksum }: Migration) {
    current = file
    // The extended protocol takes one statement a query, and a DO block makes a file one without our parsing SQL.
    yield* sql.unsafe(`do $rekey_migration$ begin\n${text}\nend $rekey_migration$`)
    yield* sql`insert into rekey_migrations (id, name, checksum) values (${id}, ${file}, ${checksum})`
  })
  const applied = yield* Effect.gen(function* () {
    yield* lockMigrations(sql)
    const missing = yield* missingOf(migrations, yield* recorded)
    yield* Effect.forEach(missing, apply, { discard: true })
    return missing.map(({ file }) => file)
  }).pipe(
    sql.withTransaction,
    // Who waited for the lock must see what its former holder did, whatever the database's default isolation.
    Effect.provideService(SqlClient.BeginTransaction, "begin isolation level read committed"),
    // A connection that is lost inside a transaction comes as a defect, so the cause is asked and not the failure.
    Effect.catchCause((cause): Effect.Effect<never, NotMigrated | SqlError> => {
      const error = sqlErrorIn(cause)
      if (error === undefined) return Effect.failCause(cause)
      return Effect.fail(
        isUnavailable(error) ? error : new MigrationFailed({ file: current, reason: serverWords(error) })
      )
    })
  )
  if (applied.length > 0) yield* Effect.logInfo("Migrations applied", { files: applied })
  return applied
})
