import { readFile } from "node:fs/promises"
import { parseArgs } from "node:util"
import { Console, Effect } from "effect"
import type { SqlClient } from "effect/sql"
import { type Account, makeAccounts, untilDone } from "./accounts.ts"
import { type Counted, counted } from "./blocks.ts"
import { makeCrowd, makeHistory, settleDown } from "./crowd.ts"
import { badCode, reset } from "./exchanges.ts"
import { temporaryFolder } from "./folder.ts"
import { describeMachine, loadBefore } from "./machine.ts"
import { OptionsInvalid } from "./plan.ts"
import { accountsForPlans, complaintAbout, GrowsWithTheTables, type Plan, plansOn, plansTable } from "./plans.ts"
import { emptyDatabase, postgres } from "./postgres.ts"
import type { Server } from "./program.ts"
import { asMarkdown, asText, type Column, cellsOf, circumstances, type Table } from "./report.ts"
import { keepResults, writeSection } from "./results.ts"
import { build, startServer } from "./server.ts"
import { makeUndisturbed, mostRepeats } from "./undisturbed.ts"

const rounds = 3
const badCodesAtOnce = 6000
const resetsAtOnce = 200

/** Whose history it is: so many that to read them all is nowhere the cheapest. */
const people = 200_000

const readOptions = (parameters: ReadonlyArray<string>) =>
  Effect.try({
    try: () => {
      const { docs = false, rows = "1000000" } = parseArgs({
        args: [...parameters],
        options: { rows: { type: "string" }, docs: { type: "boolean" } }
      }).values
      if (!/^\d+$/.test(rows) || Number(rows) < 100_000)
        throw new Error("--rows should be a whole number from 100000 on")
      return { docs, rows: Number(rows) }
    },
    catch: (error) => new OptionsInvalid({ complaint: error instanceof Error ? error.message : String(error) })
  })

/** Runs docs/partitions.sql as a whole. The extended protocol takes one statement a query, and a DO block makes a file one. */
const partition = Effect.fnUntraced(function* (sql: SqlClient.SqlClient) {
  const script = yield* Effect.promise(() => readFile(new URL("../docs/partitions.sql", import.meta.url), "utf8"))
  yield* Effect.orDie(sql.unsafe(`do $script$ begin\n${script}\nend $script$`))
})

/** The same as it is after a year: partitions of the past thirteen months, and of yesterday and today. */
const partitionLongAgo = Effect.fnUntraced(function* (sql: SqlClient.SqlClient) {
  yield* partition(sql)
  for (const [table, unit, count] of [
    ["audit", "month", 13],
    ["reset_codes", "day", 1]
  ] as const) {
    yield* Effect.orDie(
      sql.unsafe(`do $$
        declare
          next timestamp := date_trunc('${unit}', now() at time zone 'UTC') + interval '1 ${unit}';
          starts timestamp := next - interval '${count + 1} ${unit}';
        begin
          alter table ${table} detach partition ${table}_past;
          execute format('alter table ${table} attach partition ${table}_past for values from (minvalue) to (%L)', starts at time zone 'UTC');
          while starts < next loop
            execute format('create table ${table}%s partition of ${table} for values from (%L) to (%L)', to_char(starts, '_YYYY_MM_DD'),
              starts at time zone 'UTC', (starts + interval '1 ${unit}') at time zone 'UTC');
            starts := starts + interval '1 ${unit}';
          end loop;
        end $$`)
    )
  }
})

/** A service on tables that are as the migrations made them, or have partitions. */
interface Kind {
  readonly name: string
  readonly sql: SqlClient.SqlClient
  readonly url: string
  readonly server: Server
  readonly accounts: Array<Account>
}

interface Round {
  readonly badCodes: Counted
  readonly resets: Counted
}

interface Measured {
  readonly name: string
  readonly rounds: Array<Round>
}

const measureRound = Effect.fnUntraced(function* ({ accounts, server, sql }: Kind) {
  const badCodes = yield* counted(
    sql,
    server.port,
    Array.from({ length: badCodesAtOnce }, () => badCode())
  )
  const resets = yield* counted(sql, server.port, accounts.splice(0, resetsAtOnce).map(reset))
  yield* untilDone(sql)
  const round: Round = { badCodes, resets }
  return round
})

const prepare = Effect.fnUntraced(function* (
  postgres: string,
  name: string,
  rows: number,
  change: (sql: SqlClient.SqlClient) => Effect.Effect<void>
) {
  const { sql, url } = yield* emptyDatabase(postgres)
  const server = yield* startServer({ way: "node", folder: yield* temporaryFolder, databaseUrl: url })
  yield* change(sql)
  yield* makeCrowd(sql, people)
  yield* makeHistory(sql, rows)
  const accounts = yield* makeAccounts(sql, (rounds + mostRepeats + 1) * resetsAtOnce + accountsForPlans)
  const kind: Kind = { name, sql, url, server, accounts }
  yield* measureRound(kind)
  yield* settleDown(sql)
  return kind
})

const ratesOf = (all: ReadonlyArray<Measured>): Table => {
  const columns: ReadonlyArray<Column<Round>> = [
    ["wrong codes/s", 0, ({ badCodes }) => badCodes.perSecond],
    ["over the first", 2, (round, firsts) => round.badCodes.perSecond / firsts.badCodes.perSecond],
    ["blocks each", 1, ({ badCodes }) => badCodes.blocks],
    ["resets/s", 0, ({ resets }) => resets.perSecond],
    ["over the first", 2, (round, firsts) => round.resets.perSecond / firsts.resets.perSecond],
    ["blocks each", 1, ({ resets }) => resets.blocks]
  ]
  return {
    head: ["tables", ...columns.map(([name]) => name)],
    rows: all.map(({ name, rounds }) => [name, ...cellsOf(columns, rounds, all[0]?.rounds)])
  }
}

/** What it takes, and how many milliseconds. */
const timed = <A, E, R>(work: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const began = performance.now()
    return Effect.map(work, (result) => [result, performance.now() - began] as const)
  })

/** Drops the oldest month that has rows, as `rekey_partitions` does once nobody needs it, and tells how many they were. */
const dropOldestMonth = Effect.fnUntraced(function* (sql: SqlClient.SqlClient) {
  const [oldest] = yield* sql<{ readonly days: number; readonly rows: number }>`
    select extract(day from now() - e.ends)::int as days, (select count(*)::int from audit where at < e.ends) as rows
    from rekey_partition_ends e where e."table" = 'audit' and e.ends > (select min(at) from audit) order by e.ends limit 1`
  const [, millis] = yield* timed(sql`select rekey_partitions(make_interval(days => ${(oldest?.days ?? 0) - 1}::int))`)
  return { rows: oldest?.rows ?? 0, millis }
}, Effect.orDie)

/**
 * The tables with partitions of docs/partitions.sql, as they are after a year, beside those that the migrations make, with as many rows:
 * rates, what PostgreSQL reads for a request, and how each statement finds its rows. And how long it takes to make partitions of tables
 * that have so many rows, and to let a month go.
 */
export const partitions = Effect.fn("partitions")(function* (
  parameters: ReadonlyArray<string>,
  progress: (text: string) => Effect.Effect<void>
) {
  const { docs, rows } = yield* readOptions(parameters)
  const load = yield* loadBefore
  yield* progress("Building, and starting PostgreSQL...")
  yield* build
  const server = yield* postgres
  const all = yield* Effect.all([
    prepare(server, "as they are", rows, () => Effect.void),
    prepare(server, "with partitions", rows, partitionLongAgo)
  ])
  const [plain] = all
  const machine = yield* describeMachine(plain.sql, load)

  const { disturbances, undisturbed } = makeUndisturbed(progress)
  const measured = all.map(({ name }): Measured => ({ name, rounds: [] }))
  for (let round = 1; round <= rounds; round++) {
    yield* progress(`Round ${round} of ${rounds}...`)
    const results = yield* undisturbed(Effect.forEach(all, measureRound))
    for (const [index, result] of results.entries()) measured[index]?.rounds.push(result)
  }
  yield* progress("The rounds are done; how the statements find their rows...")
  const plans: Array<ReadonlyMap<string, Plan>> = []
  let dropped = { rows: 0, millis: 0 }
  for (const { accounts, server, sql, url } of all) {
    yield* server.stop
    const found = yield* plansOn(sql, url, accounts.splice(0, accountsForPlans))
    plans.push(found)
    if (sql !== plain.sql) dropped = yield* dropOldestMonth(sql)
  }
  const [, partitionedMillis] = yield* timed(partition(plain.sql))

  const where = circumstances(machine, { rounds, ...disturbances() })
  const inWords = `${rows.toLocaleString("en")} rows of the trail, and as many codes, got their partitions in ${(partitionedMillis / 1000).toFixed(1)} s. A month of ${dropped.rows.toLocaleString("en")} rows went in ${dropped.millis.toFixed(0)} ms.`
  const tables = [ratesOf(measured), plansTable(plans)]
  yield* Console.log([where, inWords, ...tables.map(asText)].join("\n\n"))
  yield* keepResults("partitions-", machine, { rows, measured, dropped, partitionedMillis, ...disturbances() })
  // Last: hours of loading should leave something to look at.
  const complaints = plans.flatMap((found) => complaintAbout(rows, found) ?? [])
  if (complaints.length > 0) return yield* new GrowsWithTheTables({ complaint: complaints.join("; ") })
  if (docs) yield* writeSection("partitions", [where, inWords, ...tables.map(asMarkdown)], {})
})
