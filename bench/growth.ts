import { parseArgs } from "node:util"
import { Console, Effect, Fiber } from "effect"
import type { SqlClient } from "effect/sql"
import { type Account, makeAccounts, untilDone } from "./accounts.ts"
import { type Counted, counted } from "./blocks.ts"
import { chartOf } from "./chart.ts"
import { addOldCodes, countOldCodes, makeCrowd, settleDown } from "./crowd.ts"
import { badCode, reset } from "./exchanges.ts"
import { temporaryFolder } from "./folder.ts"
import { runLoad } from "./load.ts"
import { describeMachine, loadBefore } from "./machine.ts"
import { OptionsInvalid } from "./plan.ts"
import { accountsForPlans, complaintAbout, GrowsWithTheTables, type Plan, plansOn, plansTable } from "./plans.ts"
import { emptyDatabase, postgres } from "./postgres.ts"
import type { Server } from "./program.ts"
import { median } from "./quantile.ts"
import { asMarkdown, asText, type Column, cellsOf, circumstances, type Table } from "./report.ts"
import { imagesOf, keepResults, writeSection } from "./results.ts"
import { build, startServer } from "./server.ts"
import { makeUndisturbed, mostRepeats } from "./undisturbed.ts"

const rounds = 5
const badCodesAtOnce = 6000
const resetsAtOnce = 300

/** Deleted in a round while wrong codes come in: some seconds of work for the clean-up. */
const oldCodesAtOnce = 20_000

/** What one round measured at one size. */
interface Round {
  readonly badCodes: Counted
  readonly resets: Counted
  /** While the clean-up deletes codes: wrong ones a second, and deleted ones. */
  readonly badCodesBeside: number
  readonly deletedPerSecond: number
}

/** A service on a database of some size. */
interface Sized {
  readonly size: number
  readonly sql: SqlClient.SqlClient
  readonly url: string
  readonly server: Server
  readonly loadSeconds: number
  readonly accounts: Array<Account>
}

/** What was measured at one size. */
interface Measured {
  readonly size: number
  readonly loadSeconds: number
  readonly rounds: ReadonlyArray<Round>
  readonly plans: ReadonlyMap<string, Plan>
}

const readOptions = (parameters: ReadonlyArray<string>) =>
  Effect.try({
    try: () => {
      const { accounts = "1000,1000000,10000000", docs = false } = parseArgs({
        args: [...parameters],
        options: { accounts: { type: "string" }, docs: { type: "boolean" } }
      }).values
      const sizes = accounts.split(",").map(Number)
      if (sizes.length < 2 || sizes.some((size) => !Number.isInteger(size) || size < 1000))
        throw new Error("--accounts should be two or more whole numbers from 1000 on, with commas between")
      return { sizes, docs }
    },
    catch: (error) => new OptionsInvalid({ complaint: error instanceof Error ? error.message : String(error) })
  })

const badCodes = () => Array.from({ length: badCodesAtOnce }, () => badCode())

const prepare = Effect.fnUntraced(function* (postgres: string, size: number) {
  const { sql, url } = yield* emptyDatabase(postgres)
  const server = yield* startServer({ way: "node", folder: yield* temporaryFolder, databaseUrl: url })
  const began = performance.now()
  yield* makeCrowd(sql, size)
  const accounts = yield* makeAccounts(sql, (rounds + mostRepeats + 1) * resetsAtOnce + accountsForPlans)
  const sized: Sized = { size, sql, url, server, loadSeconds: (performance.now() - began) / 1000, accounts }
  yield* runLoad(server.port, badCodes(), 32)
  yield* runLoad(server.port, accounts.splice(0, resetsAtOnce).map(reset), 32)
  yield* untilDone(sql)
  yield* settleDown(sql)
  return sized
})

/** Wrong codes while a further process of the service, which begins with it, deletes old ones. */
const besideCleanUp = ({ server, sql, url }: Sized) =>
  Effect.gen(function* () {
    yield* addOldCodes(sql, oldCodesAtOnce)
    yield* startServer({ way: "node", folder: yield* temporaryFolder, databaseUrl: url })
    const began = performance.now()
    const before = yield* countOldCodes(sql)
    const deleting = Effect.repeat(Effect.delay(countOldCodes(sql), "50 millis"), { until: (count) => count === 0 })
    const deleted = yield* Effect.forkChild(Effect.map(deleting, () => (before * 1000) / (performance.now() - began)))
    const { perSecond } = yield* runLoad(server.port, badCodes(), 32)
    return { badCodesBeside: perSecond, deletedPerSecond: yield* Fiber.join(deleted) }
  }).pipe(Effect.scoped)

const measureRound = Effect.fnUntraced(function* (sized: Sized) {
  const { accounts, server, sql } = sized
  const ofBadCodes = yield* counted(sql, server.port, badCodes())
  const ofResets = yield* counted(sql, server.port, accounts.splice(0, resetsAtOnce).map(reset))
  yield* untilDone(sql)
  const round: Round = { badCodes: ofBadCodes, resets: ofResets, ...(yield* besideCleanUp(sized)) }
  return round
})

/** More blocks than so many times those of the smallest, and a request does more the more there is: an index grows by a level or two. */
const mostGrowth = 2

const medianOf = ({ rounds }: Measured, of: (round: Round) => number) => median(rounds.map(of))

const complaintsAbout = (first: Measured, measured: Measured): string | undefined => {
  const grew = (of: (round: Round) => number) => medianOf(measured, of) > mostGrowth * medianOf(first, of)
  return grew((_) => _.badCodes.blocks) || grew((_) => _.resets.blocks)
    ? `at ${measured.size} accounts many more blocks were read`
    : complaintAbout(measured.size, measured.plans)
}

const inWords = (size: number): string => size.toLocaleString("en")

const ratesOf = (all: ReadonlyArray<Measured>): Table => {
  const columns: ReadonlyArray<Column<Round>> = [
    ["wrong codes/s", 0, ({ badCodes }) => badCodes.perSecond],
    ["over the first", 2, (round, firsts) => round.badCodes.perSecond / firsts.badCodes.perSecond],
    ["blocks each", 1, ({ badCodes }) => badCodes.blocks],
    ["resets/s", 0, ({ resets }) => resets.perSecond],
    ["over the first", 2, (round, firsts) => round.resets.perSecond / firsts.resets.perSecond],
    ["blocks each", 1, ({ resets }) => resets.blocks],
    ["wrong codes/s beside the clean-up, share", 2, (round) => round.badCodesBeside / round.badCodes.perSecond],
    ["codes deleted/s", 0, (round) => round.deletedPerSecond]
  ]
  return {
    head: ["accounts", ...columns.map(([name]) => name), "made in, s"],
    rows: all.map(({ loadSeconds, rounds, size }) => [
      inWords(size),
      ...cellsOf(columns, rounds, all[0]?.rounds),
      loadSeconds.toFixed(0)
    ])
  }
}

const chartsOf = (all: ReadonlyArray<Measured>): Readonly<Record<string, string>> => {
  const bars = (of: (round: Round) => number) =>
    all.map((measured) => ({ name: inWords(measured.size), value: medianOf(measured, of), ours: true }))
  return {
    "growth-wrong-codes.svg": chartOf(
      "Wrong codes refused per second, by the number of accounts",
      bars(({ badCodes }) => badCodes.perSecond)
    ),
    "growth-resets.svg": chartOf(
      "Resets per second, by the number of accounts",
      bars(({ resets }) => resets.perSecond)
    )
  }
}

/**
 * What a wrong code and a reset cost where there are many accounts and as many dead codes: the rates, what PostgreSQL reads for
 * each, the same while the clean-up is at work, and how each statement finds its rows. All sizes are measured in turn.
 */
export const growth = Effect.fn("growth")(function* (
  parameters: ReadonlyArray<string>,
  progress: (text: string) => Effect.Effect<void>
) {
  const { docs, sizes } = yield* readOptions(parameters)
  const load = yield* loadBefore
  yield* progress("Building, and starting PostgreSQL...")
  yield* build
  const server = yield* postgres
  const all = yield* Effect.forEach(sizes, (size) => prepare(server, size))
  const taken = new Map<Sized, Array<Round>>(all.map((sized) => [sized, []]))
  const { disturbances, undisturbed } = makeUndisturbed(progress)
  yield* progress("All is there. From here on to the end of the rounds nothing else should run.")
  for (let round = 1; round <= rounds; round++) {
    yield* progress(`Round ${round} of ${rounds}...`)
    // There and back, so that none has always the same neighbour.
    const inTurn = round % 2 === 0 ? all.toReversed() : all
    const results = yield* undisturbed(
      Effect.forEach(inTurn, (sized) => Effect.map(measureRound(sized), (one) => [sized, one] as const))
    )
    for (const [sized, one] of results) taken.get(sized)?.push(one)
  }
  yield* progress("The rounds are done; how the statements find their rows...")
  const measured: Array<Measured> = []
  for (const sized of all) {
    const { accounts, loadSeconds, server, size, sql, url } = sized
    yield* server.stop
    const plans = yield* plansOn(sql, url, accounts.splice(0, accountsForPlans))
    measured.push({ size, loadSeconds, rounds: taken.get(sized) ?? [], plans })
  }
  const [first] = all
  const [smallest] = measured
  if (first === undefined || smallest === undefined) return
  const machine = yield* describeMachine(first.sql, load)
  const where = circumstances(machine, { rounds, ...disturbances() })
  const [rates, plans] = [ratesOf(measured), plansTable(measured.map(({ plans }) => plans))]
  yield* Console.log([where, asText(rates), asText(plans)].join("\n\n"))
  const sizesMeasured = measured.map(({ plans, ...rest }) => ({ ...rest, plans: [...plans.values()] }))
  yield* keepResults("growth-", machine, { sizes: sizesMeasured, ...disturbances() })
  for (const sized of measured.slice(1)) {
    const complaint = complaintsAbout(smallest, sized)
    if (complaint !== undefined) return yield* new GrowsWithTheTables({ complaint })
  }
  if (!docs) return
  const charts = chartsOf(measured)
  yield* writeSection(
    "growth",
    [
      where,
      asMarkdown(rates),
      ...imagesOf(charts),
      `Rows and blocks of each statement at ${measured.map(({ size }) => inWords(size)).join(", ")} accounts:`,
      asMarkdown(plans)
    ],
    charts
  )
})
