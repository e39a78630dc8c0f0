import { access, chmod, constants, mkdtemp, rm, statfs, writeFile } from "node:fs/promises"
import { freemem, tmpdir } from "node:os"
import { join } from "node:path"

/** Where Linux has files that are kept in memory. */
const shared = "/dev/shm"

/** Where there is a disk in any case: Deno lets nobody into /dev who may not do everything. */
export const tmpdirOnDisk = (): string => process.env.TMPDIR_ON_DISK ?? tmpdir()

const leastBytes = 4 * 2 ** 30

/** Whether there is room for what a run writes, and what is installed there may be run. */
const isFit = async (folder: string): Promise<boolean> => {
  const { bavail, bsize } = await statfs(folder)
  const probe = join(folder, "probe")
  await writeFile(probe, "", { mode: 0o755 })
  await access(probe, constants.X_OK) // not where it is mounted with noexec
  return Math.min(bavail * bsize, freemem()) >= leastBytes
}

/**
 * Has tests write into memory what they write for a while, where that can be done: they make and remove some hundred thousand files, and
 * ext4 looks through those that were removed lately each time that it makes another.
 */
export default async () => {
  let folder: string
  try {
    folder = await mkdtemp(join(shared, "rekey-tests-"))
  } catch {
    return // another system
  }
  const remove = () => rm(folder, { recursive: true, force: true })
  if (!(await isFit(folder).catch(() => false))) return remove()
  await chmod(folder, 0o755) // PostgreSQL runs as another user
  process.env.TMPDIR_ON_DISK = tmpdir()
  process.env.TMPDIR = folder
  return remove
}
