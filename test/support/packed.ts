import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises"
import { tmpdir } from "node:os"
import { basename, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { Context, Effect, Layer } from "effect"

const project = fileURLToPath(new URL("../../", import.meta.url))
const run = promisify(execFile)

/** What isn't made, or left behind by whoever tried something. */
const isSource = (path: string): boolean =>
  ![".git", "node_modules", "data", "dist", "results"].includes(basename(path))

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

/** What a folder says that it needs; Deno's says it in another way. */
const manifestIn = async (folder: string): Promise<Manifest> => {
  const file = join(folder, "package.json")
  return existsSync(file) ? JSON.parse(await readFile(file, "utf8")) : {}
}

/** Puts packages into a folder as npm would, but by links to where this repository has them. */
const link = async (folder: string, packages: ReadonlyMap<string, string>) => {
  for (const [name, place] of packages) {
    const here = join(folder, "node_modules", name)
    await mkdir(dirname(here), { recursive: true })
    await symlink(place, here)
  }
}

const installed = (name: string): readonly [string, string] => [name, join(project, "node_modules", name)]

/**
 * The package as `npm publish` would carry it: built, packed, and unpacked in a folder of its own, beside what it says that it
 * depends on and nothing else.
 */
export class Packed extends Context.Service<
  Packed,
  {
    readonly folder: string
    /** The file that would be published. */
    readonly tarball: string
    /** The paths in it. */
    readonly files: ReadonlyArray<string>
    /** A copy of one of the examples, with the package and all else that it asks for installed: its folder. */
    example(name: string): Effect.Effect<string>
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
        // Built from a copy, since another test file may build at the same time.
        const sources = join(temporary, "sources")
        await cp(project, sources, { recursive: true, filter: isSource })
        await symlink(join(project, "node_modules"), join(sources, "node_modules"))
        await run("npm", ["pack", "--pack-destination", temporary], { cwd: sources })
        const tarball = join(temporary, (await readdir(temporary)).find((name) => name.endsWith(".tgz")) ?? "")
        await run("tar", ["xzf", tarball], { cwd: temporary })
        const folder = join(temporary, "package")
        const entries = await readdir(folder, { recursive: true, withFileTypes: true })
        const files = entries
          .filter((entry) => entry.isFile())
          .map(({ name, parentPath }) => join(parentPath, name).slice(folder.length + 1))
        const { dependencies = {} } = await manifestIn(folder)
        await link(folder, new Map(Object.keys(dependencies).map(installed)))

        const makeExample = async (name: string) => {
          const copy = join(temporary, name)
          await cp(join(project, "examples", name), copy, { recursive: true, filter: isSource })
          const { dependencies, devDependencies } = await manifestIn(copy)
          const asked = Object.keys({ ...dependencies, ...devDependencies })
          await link(
            copy,
            new Map([
              ...asked.map(installed),
              ["@rekey/server", folder],
              [".bin/rekey", join(folder, "dist/bin/rekey.js")]
            ])
          )
          return copy
        }
        const examples = new Map<string, Promise<string>>()
        const example = (name: string) =>
          Effect.promise(() => {
            const made = examples.get(name) ?? makeExample(name)
            examples.set(name, made)
            return made
          })

        return Packed.of({ folder, tarball, files, example })
      })
    })
  )
}
