import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert } from "@effect/vitest"
import { Context, Effect, Layer, Redacted, type Scope } from "effect"
import { SqlClient } from "effect/sql"
import * as PostgresClient from "../../src/sql/PostgresClient.ts"
import { migratedPostgres } from "./databases.ts"
import { type Exit, programWith, type ServerProcess, spawnServer } from "./server.ts"

/** How a command ended, and what it said. */
export interface Ended extends Exit {
  readonly stdout: string
  readonly stderr: string
}

/** A place where `rekey` is run: settings, and a folder for files. */
export interface Place {
  readonly env: Readonly<Record<string, string>>
  /** Runs a command to its end, as a process of its own. */
  rekey(...args: ReadonlyArray<string>): Effect.Effect<Ended, never, Scope.Scope>
  /** The same, and asserts that it did what it was asked for; what it printed. */
  done(...args: ReadonlyArray<string>): Effect.Effect<string, never, Scope.Scope>
  /** The same with `--json`: each line, parsed. */
  told(...args: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Record<string, unknown>>, never, Scope.Scope>
  /** Starts a command and waits for nothing. */
  spawn(...args: ReadonlyArray<string>): Effect.Effect<ServerProcess, never, Scope.Scope>
  /** Writes a file into the folder; its path. */
  file(name: string, text: string | Uint8Array): Effect.Effect<string>
}

/** An argument as a shell reads it. */
const quoted = (arg: string): string => `'${arg.replaceAll("'", `'\\''`)}'`

export const placeWith = Effect.fnUntraced(function* (
  env: Readonly<Record<string, string>>
): Effect.fn.Return<Place, never, Scope.Scope> {
  const folder = yield* Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "rekey-cli-"))),
    (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
  )
  const settings = { DATA_DIR: join(folder, "data"), ...env }

  const spawn: Place["spawn"] = (...args) => spawnServer({ command: programWith(...args.map(quoted)), env: settings })

  const rekey: Place["rekey"] = Effect.fnUntraced(function* (...args) {
    const { exit, output } = yield* spawn(...args)
    return { ...(yield* exit), ...output }
  })

  const done: Place["done"] = Effect.fnUntraced(function* (...args) {
    const { code, stderr, stdout } = yield* rekey(...args)
    assert.strictEqual(code, 0, `${args.join(" ")}\n${stdout}${stderr}`)
    return stdout
  })

  const told: Place["told"] = (...args) =>
    Effect.map(done(...args, "--json"), (text) =>
      text
        .split("\n")
        .filter((line) => line !== "")
        .map((line): Record<string, unknown> => JSON.parse(line))
    )

  const file: Place["file"] = (name, text) =>
    Effect.promise(async () => {
      const path = join(folder, name)
      await writeFile(path, text)
      return path
    })

  return { env: settings, rekey, done, told, spawn, file }
})

/** One with an embedded database, migrated, in its folder. */
export const embeddedPlace = Effect.tap(placeWith({}), ({ done }) => done("migrate"))

/** One with a PostgreSQL database of its own, migrated, and what looks straight into that. */
export const postgresPlace = Effect.gen(function* () {
  const url = yield* migratedPostgres
  const place = yield* placeWith({
    DATABASE_URL: Redacted.value(url),
    APP_SECRET: "a-secret-of-the-tests-long-enough-to-be-one"
  })
  const client = yield* Layer.build(PostgresClient.layer({ url, poolSize: 2, prepare: true }))
  const sql = Context.get(client, SqlClient.SqlClient)
  return { ...place, sql }
})
