/**
 * Packs a new embedded database into prepared/ (src/sql/PreparedCluster.ts says what for). npm runs it as `prepare`: after `npm ci` in a clone,
 * and before the package is packed. Without it a new DATA_DIR takes seconds instead of one.
 */
import { rm } from "node:fs/promises"
import { PGlite } from "@electric-sql/pglite"
import { keepPrepared, shippedClusters } from "../src/sql/PreparedCluster.ts"

await rm(shippedClusters, { recursive: true, force: true }) // those of former versions
const database = await PGlite.create()
// Else the first start would begin with the recovery of what initdb wrote.
await database.exec("checkpoint")
const archive = await database.dumpDataDir("none")
await database.close()
await keepPrepared(shippedClusters, new Uint8Array(await archive.arrayBuffer()))
