import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { mkdir, readFile, rename, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { constants, zstdCompress, zstdDecompress } from "node:zlib"
import { parseTar } from "nanotar"
import { checksumOf, shippedMigrations } from "./Migrations.ts"

const versionOfPglite = (): string => {
  const entry = createRequire(import.meta.url).resolve("@electric-sql/pglite")
  return JSON.parse(readFileSync(join(dirname(entry), "..", "package.json"), "utf8")).version
}

/**
 * Holds a cluster, packed: a folder of the embedded database as initdb and the migrations make it. To run both takes seconds, to unpack it
 * a fraction of one. Made by tools/prepareCluster.ts where the package is installed from its sources, and shipped with the published one.
 * No row in it is anybody's, and secrets are kept elsewhere. Those unpacked from one file share PostgreSQL's system identifier, which
 * tells a primary's replicas from strangers, and which nothing here goes by.
 */
export const shippedClusters = new URL("../../prepared/", import.meta.url)

/** It fits the version of PGlite that made it, and our migrations to the letter. */
const fileIn = (folder: URL): URL =>
  new URL(`pglite-${versionOfPglite()}-${checksumOf(shippedMigrations)}.tar.zst`, folder)

/** All of the three databases that initdb makes, so that what is the same in them is packed once: 32 MiB. */
const windowLog = 25

/** Whether `folder` has the cluster of this PGlite and these migrations. */
export const hasPrepared = (folder: URL): boolean => existsSync(fileIn(folder))

/** Puts a cluster, a tar archive, into `folder`: as a whole or not at all. */
export const keepPrepared = async (folder: URL, archive: Uint8Array): Promise<void> => {
  const packed = await promisify(zstdCompress)(archive, {
    params: {
      [constants.ZSTD_c_compressionLevel]: 12,
      [constants.ZSTD_c_windowLog]: windowLog,
      [constants.ZSTD_c_enableLongDistanceMatching]: 1
    }
  })
  await mkdir(folder, { recursive: true })
  const aside = new URL(`${crypto.randomUUID()}.new`, folder)
  await writeFile(aside, packed)
  await rename(aside, fileIn(folder))
}

/** The archive that {@link keepPrepared} put there; undefined where `folder` has none that fits. */
export const readPrepared = async (folder: URL): Promise<Uint8Array<ArrayBuffer> | undefined> => {
  const packed = await readFile(fileIn(folder)).catch(() => undefined)
  return packed === undefined
    ? undefined
    : promisify(zstdDecompress)(packed, { params: { [constants.ZSTD_d_windowLogMax]: windowLog } })
}

/** Unpacks an archive into a folder that isn't there yet, for its owner alone. */
export const unpack = (archive: Uint8Array, folder: string): void => {
  for (const { data = "", name, type } of parseTar(archive)) {
    const path = join(folder, name)
    mkdirSync(type === "directory" ? path : dirname(path), { recursive: true, mode: 0o700 })
    if (type === "file") writeFileSync(path, data, { mode: 0o600 })
  }
}
