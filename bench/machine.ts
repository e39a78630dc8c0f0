import { execFile } from "node:child_process"
import { readFile } from "node:fs/promises"
import { availableParallelism, cpus, loadavg, totalmem } from "node:os"
import { promisify } from "node:util"
import { Effect } from "effect"
import type { SqlClient } from "effect/sql"

/** What the figures hold for. */
export interface Machine {
  readonly cores: number
  readonly processor: string
  readonly memoryGib: number
  /** Processes that wanted a core before the bench began, averaged over a minute: not 0 means strangers. */
  readonly loadBefore: number
  readonly system: string
  readonly node: string
  readonly effect: string
  readonly postgres: string
  readonly commit: string
}

/** Asked before anything of the bench runs. */
export const loadBefore = Effect.sync(() => loadavg()[0] ?? 0)

const busyMillis = (): number =>
  cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0)

/** How many cores are busy, seen for a second in which nothing of ours has work: that is other people's. */
export const otherWork = Effect.gen(function* () {
  const busyBefore = busyMillis()
  const began = performance.now()
  yield* Effect.sleep("1 second")
  return (busyMillis() - busyBefore) / (performance.now() - began)
})

export const describeMachine = Effect.fn("describeMachine")(function* (sql: SqlClient.SqlClient, loadBefore: number) {
  const [postgres] = yield* sql<{ readonly version: string }>`select split_part(version(), ' ', 2) as version`
  const machine: Machine = {
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? "unknown",
    memoryGib: Math.round(totalmem() / 2 ** 30),
    loadBefore,
    system: `${process.platform} ${process.arch}`,
    node: process.versions.node,
    effect: yield* Effect.promise(versionOfEffect),
    postgres: postgres?.version ?? "unknown",
    commit: yield* Effect.promise(commit)
  }
  return machine
}, Effect.orDie)

const versionOfEffect = async (): Promise<string> =>
  JSON.parse(await readFile(new URL(import.meta.resolve("effect/package.json")), "utf8")).version

const project = new URL("../", import.meta.url)

const git = async (...parameters: ReadonlyArray<string>): Promise<string> =>
  (await promisify(execFile)("git", parameters, { cwd: project })).stdout.trim()

const commit = async (): Promise<string> => {
  try {
    const changed = await git("status", "--porcelain", "--", "src", "migrations", "package-lock.json")
    return `${await git("rev-parse", "--short", "HEAD")}${changed === "" ? "" : ", with changes"}`
  } catch {
    return "unknown" // not a clone, or no git
  }
}
