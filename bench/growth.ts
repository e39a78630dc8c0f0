import { parseArgs } from "node:util"
import { Console, Data, Effect } from "effect"
import type { SqlClient } from "effect/sql"
import { type Account, makeAccounts, untilDone } from "./accounts.ts"
import { makeCrowd } from "./crowd.ts"
import { badCode, reset } from "./exchanges.ts"
import { temporaryFolder } from "./folder.ts"
import { type Exchange, runLoad } from "./load.ts"
import { describeMachine, loadBefore } from "./machine.ts"
import { OptionsInvalid } from "./plan.ts"
import { emptyDatabase, postgres } from "./postgres.ts"
import { median } from "./quantile.ts"
import { asText, cell } from "./report.ts"
import { build, startServer } from "./server.ts"

/** The bench stops where a statement reads a whole table, or more the more there is. */
class GrowsWithTheTables extends Data.TaggedError("GrowsWithTheTables")<{ readonly complaint: string }> {
  override get message() {
    return `Something grows with the tables: ${this.complaint}`
  }
}

const rounds = 5
const badCodesAtOnce = 6000
const resetsAtOnce = 300

/** What PostgreSQL counted: blocks that were read, from its memory or the disk, and scans of whole tables. */
interface Touched {
  readonly blocks: number
  readonly wholeTables: number
}

/** Backends tell what they counted once a second at most. */
const untilCounted = Effect.sleep("1500 millis")

const touchedSoFar = (sql: SqlClient.SqlClient) =>
  Effect.map(
    sql<Touched>`
      select sum(heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read)::float8 as blocks,
        (select sum(seq_scan)::float8 from pg_stat_user_tables where relname in ('users', 'reset_codes', 'sessions')) as "wholeTables"
      from pg_statio_user_tables`,
    ([row]) => row ?? { blocks: Number.NaN, wholeTables: Number.NaN }
  ).pipe(Effect.orDie)

/** A load, its rate, and what PostgreSQL touched for each request of it. */
const counted = Effect.fnUntraced(function* (
  sql: SqlClient.SqlClient,
  port: number,
  exchanges: ReadonlyArray<Exchange>
) {
  yield* untilCounted
  const before = yield* touchedSoFar(sql)
  const { perSecond } = yield* runLoad(port, exchanges, 32)
  yield* untilCounted
  const after = yield* touchedSoFar(sql)
  return {
    perSecond,
    blocks: (after.blocks - before.blocks) / exchanges.length,
    wholeTables: after.wholeTables - before.wholeTables
  }
})

type Counted = Effect.Success<ReturnType<typeof counted>>

/** A service on a database of some size, and what was measured of it. */
interface Sized {
  readonly size: number
  readonly sql: SqlClient.SqlClient
  readonly port: number
  readonly loadSeconds: number
  readonly accounts: Array<Account>
  readonly badCodes: Array<Counted>
  readonly resets: Array<Counted>
}

const readSizes = (parameters: ReadonlyArray<string>) =>
  Effect.try({
    try: () => {
      const { accounts = "1000,1000000,10000000" } = parseArgs({
        args: [...parameters],
        options: { accounts: { type: "string" } }
      }).values
      const sizes = accounts.split(",").map(Number)
      if (sizes.length < 2 || sizes.some((size) => !Number.isInteger(size) || size < 1000))
        throw new Error("--accounts should be two or more whole numbers from 1000 on, with commas between")
      return sizes
    },
    catch: (error) => new OptionsInvalid({ complaint: error instanceof Error ? error.message : String(error) })
  })

const prepare = Effect.fnUntraced(function* (server: string, size: number) {
  const { sql, url } = yield* emptyDatabase(server)
  const { port } = yield* startServer({ way: "node", folder: yield* temporaryFolder, databaseUrl: url })
  const began = performance.now()
  yield* makeCrowd(sql, size)
  const accounts = yield* makeAccounts(sql, (rounds + 1) * resetsAtOnce)
  const sized: Sized = {
    size,
    sql,
    port,
    loadSeconds: (performance.now() - began) / 1000,
    accounts,
    badCodes: [],
    resets: []
  }
  yield* runLoad(
    port,
    Array.from({ length: badCodesAtOnce }, () => badCode()),
    32
  )
  yield* runLoad(port, accounts.splice(0, resetsAtOnce).map(reset), 32)
  yield* untilDone(sql)
  return sized
})

/** More blocks than so many times those of the smallest, and a request does more the more there is: an index grows by a level or two. */
const mostGrowth = 2

const complaintAbout = (first: Sized, { badCodes, resets, size }: Sized): string | undefined => {
  if ([...badCodes, ...resets].some(({ wholeTables }) => wholeTables > 0))
    return `at ${size} accounts a whole table was read`
  const blocks = (counts: ReadonlyArray<Counted>) => median(counts.map(({ blocks }) => blocks))
  const grew = (of: (sized: Pick<Sized, "badCodes" | "resets">) => ReadonlyArray<Counted>) =>
    blocks(of({ badCodes, resets })) > mostGrowth * blocks(of(first))
  return grew((_) => _.badCodes) || grew((_) => _.resets) ? `at ${size} accounts many more blocks were read` : undefined
}

/**
 * What a wrong code and a reset cost where there are many accounts and as many dead codes, with the clean-up at work: the rates, and
 * what PostgreSQL touches for each. All sizes are measured in turn.
 */
export const growth = Effect.fn("growth")(function* (
  parameters: ReadonlyArray<string>,
  progress: (text: string) => Effect.Effect<void>
) {
  const sizes = yield* readSizes(parameters)
  const load = yield* loadBefore
  yield* progress("Building, and starting PostgreSQL...")
  yield* build
  const server = yield* postgres
  const all = yield* Effect.forEach(sizes, (size) => prepare(server, size))
  for (let round = 1; round <= rounds; round++) {
    yield* progress(`Round ${round} of ${rounds}...`)
    for (const { accounts, badCodes, port, resets, sql } of all) {
      badCodes.push(
        yield* counted(
          sql,
          port,
          Array.from({ length: badCodesAtOnce }, () => badCode())
        )
      )
      resets.push(yield* counted(sql, port, accounts.splice(0, resetsAtOnce).map(reset)))
      yield* untilDone(sql)
    }
  }
  const [first] = all
  if (first === undefined) return
  const shares = (of: (sized: Sized) => ReadonlyArray<Counted>, sized: Sized) =>
    of(sized).map(({ perSecond }, round) => perSecond / (of(first)[round]?.perSecond ?? Number.NaN))
  const { commit, cores, postgres: version, processor } = yield* describeMachine(first.sql, load)
  const rows = all.map((sized) => {
    const { badCodes, loadSeconds, resets, size } = sized
    const blocks = (counts: ReadonlyArray<Counted>) =>
      cell(
        counts.map(({ blocks }) => blocks),
        1
      )
    return [
      size.toLocaleString("en"),
      cell(
        badCodes.map(({ perSecond }) => perSecond),
        0
      ),
      cell(
        shares((_) => _.badCodes, sized),
        2
      ),
      blocks(badCodes),
      cell(
        resets.map(({ perSecond }) => perSecond),
        0
      ),
      cell(
        shares((_) => _.resets, sized),
        2
      ),
      blocks(resets),
      loadSeconds.toFixed(0)
    ] as const
  })
  yield* Console.log(
    [
      `Commit ${commit}; ${rounds} rounds on ${cores} cores (${processor}), PostgreSQL ${version}.`,
      "",
      asText({
        head: [
          "accounts",
          "wrong codes/s",
          "of the first",
          "blocks each",
          "resets/s",
          "of the first",
          "blocks each",
          "made in, s"
        ],
        rows
      })
    ].join("\n")
  )
  // In the smallest, to read a whole table may be the cheapest.
  for (const sized of all.slice(1)) {
    const complaint = complaintAbout(first, sized)
    if (complaint !== undefined) return yield* new GrowsWithTheTables({ complaint })
  }
})
