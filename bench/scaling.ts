import { Console, Effect } from "effect"
import type { SqlClient } from "effect/sql"
import { makeAccounts, untilDone } from "./accounts.ts"
import { type CpuTimes, cpuOfEach } from "./cpu.ts"
import { badCode, reset } from "./exchanges.ts"
import { temporaryFolder } from "./folder.ts"
import { type Exchange, runSharedLoad } from "./load.ts"
import { describeMachine, loadBefore } from "./machine.ts"
import { startPgBouncer } from "./pgBouncer.ts"
import { readDocs } from "./plan.ts"
import { emptyDatabase, postgres } from "./postgres.ts"
import type { Server } from "./program.ts"
import { asMarkdown, asText, type Column, cellsOf, circumstances, type Table } from "./report.ts"
import { keepResults, writeSection } from "./results.ts"
import { build, startServer } from "./server.ts"
import { makeUndisturbed, mostRepeats } from "./undisturbed.ts"

const rounds = 5
const badCodesAtOnce = 3000
const resetsAtOnce = 160
const atOnce = 32

/** How many processes share one PostgreSQL. */
const counts = [1, 2, 4] as const

/** Connections to PostgreSQL that PgBouncer keeps for all processes; without it each keeps `DATABASE_POOL_SIZE`, 10. */
const bouncerConnections = 10

/** So many processes, on PostgreSQL itself or behind PgBouncer. */
interface Setting {
  readonly name: string
  readonly servers: ReadonlyArray<Server>
  readonly bouncer: number | undefined
}

/** A rate, and what each request costs the parts of it, in milliseconds of CPU. */
interface Cost {
  readonly perSecond: number
  readonly cpu: CpuTimes
  /** Of PgBouncer, where there is one. */
  readonly bouncer: number
}

interface Round {
  readonly badCodes: Cost
  readonly resets: Cost
}

interface Measured {
  readonly name: string
  readonly rounds: ReadonlyArray<Round>
}

const times = <A>(count: number, make: () => A): ReadonlyArray<A> => Array.from({ length: count }, make)

/** Starts as many processes as are needed at most, on one database. */
const startAll = (databaseUrl: string, env: Readonly<Record<string, string>>) =>
  Effect.forEach(
    times(Math.max(...counts), () => undefined),
    () => Effect.flatMap(temporaryFolder, (folder) => startServer({ way: "node", folder, databaseUrl, env }))
  )

const measure = Effect.fnUntraced(function* ({ bouncer, servers }: Setting, exchanges: ReadonlyArray<Exchange>) {
  const load = runSharedLoad(
    servers.map(({ port }) => port),
    exchanges,
    atOnce
  )
  const ofServers = cpuOfEach(load, exchanges.length, ...servers.map(({ pid }) => pid))
  const [[perSecond, cpu], ofBouncer] = yield* cpuOfEach(
    ofServers,
    exchanges.length,
    ...(bouncer === undefined ? [] : [bouncer])
  )
  const cost: Cost = { perSecond, cpu, bouncer: bouncer === undefined ? Number.NaN : ofBouncer.server }
  return cost
})

const measureRound = Effect.fnUntraced(function* (
  sql: SqlClient.SqlClient,
  setting: Setting,
  resets: ReadonlyArray<Exchange>
) {
  const badCodes = yield* measure(setting, times(badCodesAtOnce, badCode))
  const ofResets = yield* measure(setting, resets)
  yield* untilDone(sql)
  const round: Round = { badCodes, resets: ofResets }
  return round
})

const tableOf = (all: ReadonlyArray<Measured>): Table => {
  const columns: ReadonlyArray<Column<Round>> = [
    ["wrong codes/s", 0, ({ badCodes }) => badCodes.perSecond],
    ["over one process", 2, (round, firsts) => round.badCodes.perSecond / firsts.badCodes.perSecond],
    ["CPU each, ms: Rekey", 2, ({ badCodes: { cpu } }) => cpu.server + cpu.hash],
    ["PostgreSQL", 2, ({ badCodes: { cpu } }) => cpu.database],
    ["PgBouncer", 2, ({ badCodes }) => badCodes.bouncer],
    ["resets/s", 0, ({ resets }) => resets.perSecond],
    ["over one process", 2, (round, firsts) => round.resets.perSecond / firsts.resets.perSecond],
    ["CPU each, ms: Rekey", 1, ({ resets: { cpu } }) => cpu.server + cpu.hash],
    ["PostgreSQL", 1, ({ resets: { cpu } }) => cpu.database],
    ["PgBouncer", 2, ({ resets }) => resets.bouncer]
  ]
  return {
    head: ["processes", ...columns.map(([name]) => name)],
    rows: all.map(({ name, rounds }) => [name, ...cellsOf(columns, rounds, all[0]?.rounds)])
  }
}

/**
 * One, two and four processes on one PostgreSQL, and the same behind PgBouncer in transaction mode: the rates, and what each part pays
 * for a request. All share the cores of this machine, so that what is to be seen is the cost of sharing, not the gain of more machines.
 */
export const scaling = Effect.fn("scaling")(function* (
  parameters: ReadonlyArray<string>,
  progress: (text: string) => Effect.Effect<void>
) {
  const docs = yield* readDocs(parameters)
  const load = yield* loadBefore
  yield* progress("Building, and starting PostgreSQL, PgBouncer and the processes...")
  yield* build
  const { sql, url } = yield* emptyDatabase(yield* postgres)
  const machine = yield* describeMachine(sql, load)
  const bouncer = yield* startPgBouncer(url, bouncerConnections)
  const [direct, behind] = [
    yield* startAll(url, {}),
    yield* startAll(bouncer.url, { DATABASE_PREPARE: "off" }) // as docs/deploy.md has it for a pooler
  ]
  const settings: ReadonlyArray<Setting> = [
    ...counts.map((count) => ({ name: `${count}`, servers: direct.slice(0, count), bouncer: undefined })),
    ...counts.map((count) => ({
      name: `${count}, PgBouncer`,
      servers: behind.slice(0, count),
      bouncer: bouncer.pid
    }))
  ]
  const accounts = yield* makeAccounts(sql, (rounds + mostRepeats + 1) * settings.length * resetsAtOnce)
  const resets = () => accounts.splice(0, resetsAtOnce).map(reset)
  for (const setting of settings) yield* measureRound(sql, setting, resets())

  const { disturbances, undisturbed } = makeUndisturbed(progress)
  const taken = settings.map(({ name }) => ({ name, rounds: [] as Array<Round> }))
  for (let round = 1; round <= rounds; round++) {
    yield* progress(`Round ${round} of ${rounds}...`)
    const results = yield* undisturbed(
      Effect.forEach(settings, (setting) => Effect.suspend(() => measureRound(sql, setting, resets())))
    )
    for (const [index, result] of results.entries()) taken[index]?.rounds.push(result)
  }
  const table = tableOf(taken)
  const where = circumstances(machine, { rounds, ...disturbances() })
  yield* Console.log([where, asText(table)].join("\n\n"))
  yield* keepResults("scaling-", machine, { settings: taken, ...disturbances() })
  if (docs) yield* writeSection("scaling", [where, asMarkdown(table)], {})
})
