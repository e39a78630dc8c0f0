import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { assert, describe, layer } from "@effect/vitest"
import { Effect, Fiber, Redacted } from "effect"
import { freePort, startServer } from "../support/server.ts"
import { MailServer } from "../support/smtp.ts"
import { type Cluster, newCluster, unprivileged, unprivilegedFolder } from "./cluster.ts"
import {
  assertAllWholeOrNotThere,
  countOf,
  freshClientOf,
  peopleWithCodes,
  quiet,
  ready,
  settingsFor,
  tryReset,
  until
} from "./invariants.ts"

// Debian has it where only root looks.
const options = { ...unprivileged, env: { PATH: `${process.env.PATH}:/usr/sbin` } }
const isInstalled = spawnSync("pgbouncer", ["--version"], options).status === 0

/** PgBouncer in transaction mode before a database, with fewer connections to it than Rekey has to PgBouncer. */
const bouncerBefore = Effect.fnUntraced(function* ({ url }: Cluster) {
  const port = yield* freePort
  const folder = yield* unprivilegedFolder
  const file = join(folder, "pgbouncer.ini")
  const { hostname, password, port: databasePort, username } = new URL(Redacted.value(url))
  yield* Effect.promise(() =>
    writeFile(
      file,
      `[databases]
postgres = host=${hostname} port=${databasePort} dbname=postgres user=${username} password=${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 5
`
    )
  )
  let running: ChildProcess | undefined
  const start = Effect.promise(async () => {
    const bouncer = spawn("pgbouncer", [file], { ...options, stdio: ["ignore", "ignore", "pipe"] })
    running = bouncer
    let said = ""
    await new Promise<void>((resolve, reject) => {
      bouncer.stderr.setEncoding("utf8").on("data", (text: string) => {
        said += text
        if (/process up/.test(text)) resolve()
      })
      bouncer.once("close", () => reject(new Error(`PgBouncer ended: ${said}`)))
    })
  })
  const kill = Effect.promise(async () => {
    if (running === undefined) return
    const ended = once(running, "exit")
    running.kill("SIGKILL")
    running = undefined
    await ended
  })
  yield* Effect.acquireRelease(start, () => kill)
  return { url: `postgres://postgres@127.0.0.1:${port}/postgres`, start, kill }
})

/** Two processes of Rekey that share a PgBouncer. */
const behindBouncer = Effect.gen(function* () {
  const cluster = yield* newCluster
  yield* cluster.start
  const bouncer = yield* bouncerBefore(cluster)
  const env = { ...(yield* settingsFor), DATABASE_URL: bouncer.url, DATABASE_PREPARE: "off" }
  const servers = yield* Effect.all([startServer({ env }), startServer({ env })], { concurrency: 2 })
  const [one, other] = yield* Effect.all([freshClientOf(servers[0].url), freshClientOf(servers[1].url)])
  const trials = [...(yield* peopleWithCodes(one, 20)), ...(yield* peopleWithCodes(other, 20))]
  const resets = Effect.forEach(trials, (trial, number) => tryReset(number % 2 === 0 ? one : other, trial), {
    concurrency: "unbounded"
  })
  const judged = Effect.gen(function* () {
    yield* ready(one)
    yield* ready(other)
    yield* quiet(cluster.sql)
    return yield* assertAllWholeOrNotThere(one, cluster.sql, trials)
  })
  return { bouncer, cluster, trials, resets, judged }
})

if (!isInstalled) console.warn("pgbouncer isn't installed: what is tested behind it is skipped.")

describe.skipIf(!isInstalled)("behind PgBouncer in transaction mode", () => {
  layer(MailServer.layer, { excludeTestServices: true })((it) => {
    it.effect("40 resets on two processes are all done", () =>
      Effect.gen(function* () {
        const { judged, resets, trials } = yield* behindBouncer
        yield* resets
        assert.strictEqual(countOf(trials, 200), 40)
        assert.strictEqual(yield* judged, 40)
      })
    )

    for (const fault of ["PgBouncer", "the database"] as const) {
      it.effect(`${fault} killed under 40 resets: each is whole or not there, and every 200 is true (B8)`, () =>
        Effect.gen(function* () {
          const { bouncer, cluster, judged, resets, trials } = yield* behindBouncer
          const killed = fault === "PgBouncer" ? bouncer : cluster
          const trying = yield* Effect.forkChild(resets)
          yield* until(() => countOf(trials, 200) >= 10)
          yield* killed.kill
          yield* Fiber.join(trying)
          assert.isAbove(countOf(trials, 503), 0)
          yield* killed.start
          yield* judged
        })
      )
    }
  })
})
