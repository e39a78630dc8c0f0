import { execFile } from "node:child_process"
import { mkdtemp, rm, symlink } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const project = fileURLToPath(new URL("../../", import.meta.url))

/**
 * The program as it is published, one file, which starts in a quarter of the time that the sources take: its path, and what removes
 * it. The folder is its own, and has the rest of the package by links.
 */
export const buildProgram = async () => {
  const folder = await mkdtemp(join(tmpdir(), "rekey-program-"))
  for (const name of ["languages", "lists", "migrations", "node_modules", "package.json", "prepared"]) {
    await symlink(join(project, name), join(folder, name))
  }
  await promisify(execFile)(process.execPath, ["tools/build.ts", join(folder, "dist")], { cwd: project })
  return { path: join(folder, "dist/bin/rekey.js"), remove: () => rm(folder, { recursive: true, force: true }) }
}
