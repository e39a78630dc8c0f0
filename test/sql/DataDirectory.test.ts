import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Logger } from "effect"
import { SqlClient } from "effect/sql"
import { createDataDirectory, lockDataDirectory } from "../../src/sql/DataDirectory.ts"
import * as PgliteClient from "../../src/sql/PgliteClient.ts"
import { tmpdirOnDisk } from "../support/memory.ts"

const project = fileURLToPath(new URL("../../", import.meta.url))
const holder = fileURLToPath(new URL("holdDataDirectory.ts", import.meta.url))

/** The arguments before the script; Deno with no more than the service has. */
const runtimes = {
  node: () => [],
  bun: () => ["--no-env-file"],
  deno: (dataDir: string) => [
    ...["run", "--no-prompt", "--allow-net", "--allow-env", "--allow-read=."],
    ...[`--allow-read=${dataDir}`, `--allow-write=${dataDir}`]
  ]
} satisfies Record<string, (dataDir: string) => ReadonlyArray<string>>
type Runtime = keyof typeof runtimes
const names = Object.keys(runtimes) as ReadonlyArray<Runtime>

const newFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdirOnDisk(), "rekey-data-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

/** A process that tries to hold the folder, and what it says of that. */
const processHolding = Effect.fnUntraced(function* (runtime: Runtime, dataDir: string) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(join(project, "node_modules/.bin", runtime), [...runtimes[runtime](dataDir), holder, dataDir], {
        cwd: project,
        stdio: ["ignore", "pipe", "inherit"]
      })
    ),
    kill
  )
  const said = yield* Effect.callback<string>((resume) => {
    createInterface(child.stdout).once("line", (line) => resume(Effect.succeed(line)))
  })
  return { said, kill: kill(child) }
})

const kill = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGKILL")
  })

/** Whether this process gets the folder; let go at once. */
const tryToHold = (dataDir: string) =>
  lockDataDirectory(dataDir).pipe(
    Effect.as("Held"),
    Effect.catch(({ _tag }) => Effect.succeed(_tag)),
    Effect.scoped
  )

describe("the folder of one process", () => {
  it.live("is made for its owner alone, with those above it", () =>
    Effect.gen(function* () {
      const folder = join(yield* newFolder, "var", "lib", "rekey")
      yield* createDataDirectory(folder)
      assert.strictEqual(statSync(folder).mode & 0o777, 0o700)
      yield* createDataDirectory(folder)
    })
  )

  it.live("is held by one at a time, and free when it is let go", () =>
    Effect.gen(function* () {
      const folder = yield* newFolder
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* lockDataDirectory(folder)
          const refused = yield* Effect.flip(Effect.scoped(lockDataDirectory(folder)))
          assert.strictEqual(refused._tag, "DataDirectoryInUse")
          assert.match(refused.message, /^DATA_DIR .* is in use by another process.*$/)
          assert.include(refused.message, folder)
        })
      )
      assert.strictEqual(yield* tryToHold(folder), "Held")
      assert.deepEqual(readdirSync(folder), [])
    })
  )

  it.live("is held against the other runtimes, and what a killed process leaves is in nobody's way", () =>
    Effect.gen(function* () {
      const folder = yield* newFolder
      for (const first of names) {
        const process = yield* processHolding(first, folder)
        assert.strictEqual(process.said, "Held", first)
        assert.strictEqual(yield* tryToHold(folder), "DataDirectoryInUse", first)
        const others = names.filter((other) => other !== first)
        const said = yield* Effect.forEach(others, (other) => processHolding(other, folder), { concurrency: 2 })
        assert.deepEqual(
          said.map((_) => _.said),
          ["DataDirectoryInUse", "DataDirectoryInUse"],
          first
        )
        yield* process.kill // the next one of the runtimes finds its lock
        assert.include(readdirSync(folder), "lock", first)
      }
      assert.strictEqual(yield* tryToHold(folder), "Held")
    })
  )

  it.live("goes to one of many that find a dead process's lock at once", () =>
    Effect.gen(function* () {
      const folder = yield* newFolder
      for (let round = 0; round < 3; round++) {
        const dead = yield* processHolding("node", folder)
        assert.strictEqual(dead.said, "Held")
        yield* dead.kill
        assert.deepEqual(readdirSync(folder), ["lock"])
        const outcomes = yield* Effect.scoped(
          Effect.all(
            Array.from({ length: 20 }, () => Effect.result(lockDataDirectory(folder))),
            { concurrency: "unbounded" }
          )
        )
        assert.lengthOf(
          outcomes.filter(({ _tag }) => _tag === "Success"),
          1
        )
        assert.deepEqual(readdirSync(folder), [])
      }
    })
  )

  it.live("is refused where the lock can't be put", () =>
    Effect.gen(function* () {
      const folder = yield* newFolder
      const long = join(folder, "x".repeat(100))
      const tooLong = yield* Effect.flip(Effect.scoped(lockDataDirectory(long)))
      assert.match(tooLong.message, /^DATA_DIR .* can't be used: its path is too long.*$/)
      const missing = yield* Effect.flip(Effect.scoped(lockDataDirectory(join(folder, "missing"))))
      assert.strictEqual(missing._tag, "DataDirectoryUnusable")
      writeFileSync(join(folder, "file"), "")
      const noFolder = yield* Effect.flip(createDataDirectory(join(folder, "file")))
      assert.match(noFolder.message, /^DATA_DIR .*file can't be used: EEXIST$/)
    })
  )

  it.live(
    "holds its embedded database over a restart, and not a half that a killed process left of one",
    () =>
      Effect.gen(function* () {
        const folder = yield* newFolder
        mkdirSync(join(folder, "database.new"))
        writeFileSync(join(folder, "database.new", "PG_VERSION"), "18")
        const restarted = <A, E>(work: (sql: SqlClient.SqlClient) => Effect.Effect<A, E>) =>
          Effect.scoped(
            Effect.flatMap(Layer.build(PgliteClient.layer({ dataDir: folder })), (built) =>
              Effect.gen(function* () {
                assert.strictEqual(yield* tryToHold(folder), "DataDirectoryInUse")
                return yield* work(Context.get(built, SqlClient.SqlClient))
              })
            )
          )
        yield* restarted((sql) => sql`create table kept as select 42 as answer`)
        assert.deepEqual(yield* restarted((sql) => sql`select answer from kept`), [{ answer: 42 }])
        assert.deepEqual(readdirSync(folder), ["database"])
      }).pipe(Effect.provide(Logger.layer([]))),
    60_000 // it makes one, and opens it twice
  )

  it.live("a database that can't be opened is told as such, in one line", () =>
    Effect.gen(function* () {
      const folder = yield* newFolder
      mkdirSync(join(folder, "database"))
      writeFileSync(join(folder, "database", "PG_VERSION"), "18")
      const built = yield* Layer.build(PgliteClient.layer({ dataDir: folder }))
      const error = yield* Effect.flip(Context.get(built, SqlClient.SqlClient)`select 1`)
      assert.instanceOf(error.reason.cause, PgliteClient.EmbeddedDatabaseBroken)
      assert.match(`${error.reason.cause}`, /^.*The embedded database in .* can't be opened: .*$/)
    }).pipe(Effect.provide(Logger.layer([])))
  )
})
