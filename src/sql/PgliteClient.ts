import { existsSync, renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import { PgClient } from "@effect/sql-pg"
import type { PGlite } from "@electric-sql/pglite"
import { Data, Effect, Fiber, Layer, Semaphore, Stream, String } from "effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import { SqlClient } from "effect/sql"
import type { Connection } from "effect/sql/SqlConnection"
import { ConnectionError, SqlError } from "effect/sql/SqlError"
import { defaultTransforms } from "effect/sql/Statement"
import {
  createDataDirectory,
  type DataDirectoryInUse,
  type DataDirectoryUnusable,
  lockDataDirectory
} from "./DataDirectory.ts"
import { readPrepared, shippedClusters, unpack } from "./PreparedCluster.ts"
import { reasonOf, sqlStateOf } from "./SqlState.ts"

/** The embedded database didn't open, and won't by waiting. */
export class EmbeddedDatabaseBroken extends Data.TaggedError("EmbeddedDatabaseBroken")<{
  readonly folder: string
  readonly reason: string
}> {
  override get message() {
    return `The embedded database in ${this.folder} can't be opened: ${this.reason}`
  }
}

/**
 * PostgreSQL inside this process, stored in `dataDir`, which is held for this process alone. Builds at once; the database opens
 * in the background and statements wait for it. A new one is unpacked from what `prepared` has, or else made, which takes 2 s more.
 */
export const layer = (options: {
  readonly dataDir: string
  readonly prepared?: URL
}): Layer.Layer<SqlClient.SqlClient, DataDirectoryInUse | DataDirectoryUnusable> =>
  Layer.effect(
    SqlClient.SqlClient,
    Effect.gen(function* () {
      yield* createDataDirectory(options.dataDir)
      yield* lockDataDirectory(options.dataDir)
      const folder = folderIn(options.dataDir)
      return yield* make(folder, openFolder(folder, options.prepared ?? shippedClusters))
    })
  ).pipe(Layer.provide(Reactivity.layer))

const folderIn = (dataDir: string): string => join(dataDir, "database")

/** Whether one was made in `dataDir`. */
export const hasDatabase = (dataDir: string): boolean => existsSync(folderIn(dataDir))

/** The same in memory, gone with its scope. */
export const layerMemory: Layer.Layer<SqlClient.SqlClient> = Layer.effect(
  SqlClient.SqlClient,
  Effect.suspend(() => make("memory", openMemory()))
).pipe(Layer.provide(Reactivity.layer))

/** Loaded when it is needed: an installation on PostgreSQL never reads its 30 MB. */
const open = async (dataDir: string, archive?: Uint8Array<ArrayBuffer>): Promise<PGlite> => {
  const { PGlite, types } = await import("@electric-sql/pglite")
  return PGlite.create(dataDir, {
    // As @effect/sql-pg gives them: a bigint for int8 whatever its size.
    parsers: { [types.INT8]: BigInt },
    ...(archive !== undefined && { loadDataDir: new Blob([archive]) })
  })
}

const openMemory = async (): Promise<PGlite> => open("memory://", await readPrepared(shippedClusters))

/**
 * A new database is made aside and moved into place, so that a process which is killed meanwhile leaves no half of one behind
 * that nothing could open.
 */
const openFolder = async (folder: string, prepared: URL): Promise<PGlite> => {
  if (!existsSync(folder)) {
    const unfinished = `${folder}.new`
    rmSync(unfinished, { recursive: true, force: true })
    const archive = await readPrepared(prepared)
    if (archive === undefined) await (await open(unfinished)).close()
    else unpack(archive, unfinished)
    renameSync(unfinished, folder)
  }
  return open(folder)
}

const make = Effect.fnUntraced(function* (folder: string, opening: Promise<PGlite>) {
  const opened = yield* Effect.acquireRelease(
    Effect.tryPromise({ try: () => opening, catch: (cause) => brokenDatabase(folder, cause) }),
    (database) => Effect.promise(() => database.close())
  ).pipe(
    Effect.tap(() => Effect.logInfo("The embedded database is open", { folder })),
    Effect.map(makeConnection),
    Effect.forkScoped
  )
  // One connection: a statement has it until its answer is there, a transaction until its end.
  const turns = yield* Semaphore.make(1)
  const lease = Effect.uninterruptibleMask((restore) =>
    Effect.andThen(restore(turns.takeScoped(1)), restore(Fiber.join(opened)))
  )
  return yield* SqlClient.make({
    driver: "pglite",
    acquirer: lease,
    transactionAcquirer: lease,
    borrower: (use) => turns.withPermit(Effect.flatMap(Fiber.join(opened), use)),
    compiler: PgClient.makeCompiler(String.camelToSnake),
    transformRows: defaultTransforms(String.snakeToCamel).array,
    commit: (connection) => Effect.flatMap(connection.executeRaw("COMMIT", []), refuseRollback),
    releaseSavepoint: (name) => `RELEASE SAVEPOINT ${name}`,
    spanAttributes: [["db.system.name", "postgresql"]]
  })
})

const makeConnection = (database: PGlite): Connection => {
  const query = (sql: string, params: ReadonlyArray<unknown>, rowMode: "object" | "array") =>
    Effect.tryPromise({
      try: () => database.query<never>(sql, [...params], { rowMode }),
      catch: failure
    }).pipe(Effect.uninterruptible) // it runs on in any case, and the next statement must not start before it ends
  const execute: Connection["execute"] = (sql, params, transformRows) =>
    Effect.map(query(sql, params, "object"), ({ rows }) => (transformRows === undefined ? rows : transformRows(rows)))
  const executeValues: Connection["executeValues"] = (sql, params) =>
    Effect.map(query(sql, params, "array"), ({ rows }) => rows)
  return {
    execute,
    executeUnprepared: execute,
    executeValues,
    executeValuesUnprepared: executeValues,
    executeRaw: (sql, params) => query(sql, params, "object"),
    executeStream: (sql, params, transformRows) => Stream.fromIterableEffect(execute(sql, params, transformRows))
  }
}

const brokenDatabase = (folder: string, failure: unknown): SqlError => {
  const cause = new EmbeddedDatabaseBroken({
    folder,
    reason: failure instanceof Error ? failure.message : `${failure}`
  })
  return new SqlError({ reason: new ConnectionError({ cause, message: cause.message, operation: "open" }) })
}

/** PGlite puts the statement and its parameters on its errors: neither is kept. */
const failure = (cause: unknown): SqlError => {
  const state = sqlStateOf(cause)
  const constraint =
    cause instanceof Error && "constraint" in cause && typeof cause.constraint === "string"
      ? cause.constraint
      : undefined
  const kept = Object.assign(new Error(cause instanceof Error ? cause.message : `${cause}`), {
    code: state,
    constraint
  })
  return new SqlError({
    reason: reasonOf(state, constraint, {
      cause: kept,
      message: "The embedded database: query failed",
      operation: "query"
    })
  })
}

/** A transaction that was aborted answers COMMIT with ROLLBACK, which isn't an error to PostgreSQL. */
const refuseRollback = (result: unknown): Effect.Effect<void, SqlError> =>
  typeof result === "object" && result !== null && "command" in result && result.command === "ROLLBACK"
    ? Effect.fail(failure(Object.assign(new Error("COMMIT rolled an aborted transaction back"), { code: "25P02" })))
    : Effect.void
