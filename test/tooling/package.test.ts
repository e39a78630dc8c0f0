import { existsSync, readdirSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly allowScripts: Readonly<Record<string, boolean>>
}

interface Locked {
  readonly version?: string
  readonly resolved?: string
  readonly link?: boolean
  readonly dev?: boolean
  readonly optional?: boolean
  readonly hasInstallScript?: boolean
}

interface Lock {
  readonly packages: Readonly<Record<string, Locked>>
}

const project = fileURLToPath(new URL("../../", import.meta.url))

const read = (file: string) => Effect.promise(() => readFile(join(project, file), "utf8"))
const manifest = Effect.map(read("package.json"), (text): Manifest => JSON.parse(text))
const lock = Effect.map(read("package-lock.json"), (text): Lock => JSON.parse(text))

const nameOf = (place: string) => place.split("node_modules/").at(-1)

describe("the package", () => {
  it.effect("asks for exact versions", () =>
    Effect.gen(function* () {
      const { dependencies, devDependencies } = yield* manifest
      const loose = Object.entries({ ...dependencies, ...devDependencies }).filter(
        ([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)
      )
      assert.deepStrictEqual(loose, [])
    })
  )
})

describe("the examples", () => {
  it.effect("ask for the versions that they are tried with", () =>
    Effect.gen(function* () {
      const { packages } = yield* lock
      const { version } = JSON.parse(yield* read("package.json"))
      const folders = readdirSync(join(project, "examples")).filter((name) =>
        existsSync(join(project, "examples", name, "package.json"))
      )
      assert.isAtLeast(folders.length, 6)
      for (const folder of folders) {
        const { dependencies, devDependencies }: Manifest = JSON.parse(yield* read(`examples/${folder}/package.json`))
        for (const [name, asked] of Object.entries({ ...dependencies, ...devDependencies })) {
          const tried = name === "@rekey/server" ? version : packages[`node_modules/${name}`]?.version
          assert.strictEqual(asked, tried, `${name} in examples/${folder}`)
        }
      }
      assert.include(yield* read("examples/deno/deno.json"), `npm:@rekey/server@${version}`)
    })
  )
})

describe("the lock file", () => {
  it.effect("says nowhere from where a package was downloaded", () =>
    Effect.gen(function* () {
      const { packages } = yield* lock
      const addressed = Object.entries(packages).filter(([, { link, resolved }]) => resolved !== undefined && !link)
      assert.deepStrictEqual(addressed, [])
    })
  )

  it.effect("installs no tool of the tests where only the service runs", () =>
    Effect.gen(function* () {
      const { devDependencies } = yield* manifest
      const { packages } = yield* lock
      const running = Object.entries(packages).flatMap(([place, { dev }]) => (dev ? [] : [nameOf(place)]))
      assert.include(running, "effect")
      // Types come along with a package that the service needs.
      const tools = Object.keys(devDependencies).filter((name) => !name.startsWith("@types/"))
      assert.deepStrictEqual(
        tools.filter((name) => running.includes(name)),
        []
      )
    })
  )

  it.effect("runs the install scripts that we allow, and we allow no other", () =>
    Effect.gen(function* () {
      const { allowScripts } = yield* manifest
      const { packages } = yield* lock
      const scripted = Object.entries(packages).filter(([, { hasInstallScript }]) => hasInstallScript)
      const names = scripted.map(([place]) => nameOf(place))
      assert.deepStrictEqual(
        Object.keys(allowScripts).filter((name) => !names.includes(name)),
        []
      )
      // What is optional is for one kind of machine, and we name those that we know of.
      const needed = scripted.filter(([, { optional }]) => !optional).map(([place]) => nameOf(place) ?? place)
      assert.deepStrictEqual(
        needed.filter((name) => allowScripts[name] !== true),
        []
      )
    })
  )
})
