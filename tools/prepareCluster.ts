/**
 * Packs a new embedded database into prepared/ (src/sql/PreparedCluster.ts says what for). npm runs it as `prepare`: after `npm ci` in a clone,
 * and before the package is packed. Without it a new DATA_DIR takes three times as long. `npm run prepare` after a change of the migrations.
 */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { pathToFileURL } from "node:url"
import { Context, Effect, Layer, Logger } from "effect"
import { SqlClient } from "effect/sql"
import { createTar } from "nanotar"
import { migrate, shippedMigrations } from "../src/sql/Migrations.ts"
import * as PgliteClient from "../src/sql/PgliteClient.ts"
import { hasPrepared, keepPrepared, shippedClusters } from "../src/sql/PreparedCluster.ts"

const makeIn = (dataDir: string) =>
  Effect.gen(function* () {
    const nothing = pathToFileURL(`${dataDir}/nothing/`)
    const client = yield* Layer.build(PgliteClient.layer({ dataDir, prepared: nothing }))
    const sql = Context.get(client, SqlClient.SqlClient)
    yield* Effect.provideService(migrate(shippedMigrations), SqlClient.SqlClient, sql)
    yield* sql`vacuum analyze`
    // Else the first start would begin with the recovery of all that was written.
    yield* sql`checkpoint`
  }).pipe(Effect.scoped, Effect.provide(Logger.layer([])))

const archiveOf = async (folder: string): Promise<Uint8Array> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return createTar(
    await Promise.all(
      entries.map(async (entry) => {
        const path = join(entry.parentPath, entry.name)
        const name = relative(folder, path)
        return entry.isDirectory() ? { name } : { name, data: await readFile(path) }
      })
    )
  )
}

if (!hasPrepared(shippedClusters)) {
  await rm(shippedClusters, { recursive: true, force: true }) // former ones
  const dataDir = await mkdtemp(join(tmpdir(), "rekey-prepare-"))
  await Effect.runPromise(makeIn(dataDir))
  await keepPrepared(shippedClusters, await archiveOf(join(dataDir, "database")))
  await rm(dataDir, { recursive: true })
}
