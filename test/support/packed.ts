import { execFile } from "node:child_process"
import { mkdtemp, readdir, rm, symlink } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { Context, Effect, Layer } from "effect"

const project = fileURLToPath(new URL("../../", import.meta.url))
const run = promisify(execFile)

/** The package as `npm publish` would carry it: built, packed, and unpacked in a folder of its own, beside what it depends on. */
export class Packed extends Context.Service<
  Packed,
  {
    readonly folder: string
    /** The file that would be published. */
    readonly tarball: string
    /** The paths in it. */
    readonly files: ReadonlyArray<string>
  }
>()("rekey/test/Packed") {
  static readonly layer = Layer.effect(
    Packed,
    Effect.gen(function* () {
      const temporary = yield* Effect.acquireRelease(
        Effect.promise(() => mkdtemp(join(tmpdir(), "rekey-packed-"))),
        (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
      )
      return yield* Effect.promise(async () => {
        await run("npm", ["pack", "--pack-destination", temporary], { cwd: project })
        const [name = ""] = await readdir(temporary)
        const tarball = join(temporary, name)
        await run("tar", ["xzf", tarball], { cwd: temporary })
        const folder = join(temporary, "package")
        const entries = await readdir(folder, { recursive: true, withFileTypes: true })
        const files = entries
          .filter((entry) => entry.isFile())
          .map(({ name, parentPath }) => join(parentPath, name).slice(folder.length + 1))
        await symlink(join(project, "node_modules"), join(folder, "node_modules"))
        return Packed.of({ folder, tarball, files })
      })
    })
  )
}
