import { Data, Effect } from "effect"
import type { SqlClient } from "effect/sql"
import { type Account, untilDone } from "./accounts.ts"
import { addOldCodes, addOldRest, countOldCodes } from "./crowd.ts"
import { badCode, forgot, reset, resetAgain, signIn } from "./exchanges.ts"
import { blocksIn, type Explained, explaining, explainSessionsOf, rowsIn, scansIn } from "./explained.ts"
import { temporaryFolder } from "./folder.ts"
import { clientAddress, from, runLoad } from "./load.ts"
import { median } from "./quantile.ts"
import type { Table } from "./report.ts"
import { startServer } from "./server.ts"
import { nameOf, statementNames } from "./statements.ts"

/** What a statement did at its worst. */
export interface Plan {
  readonly name: string
  readonly times: number
  /** Rows of tables that it looked at, used or not, at most. */
  readonly rows: number
  /** Blocks of 8 KiB in half of the times, at most. */
  readonly blocks: number
  /** Tables that it read from their first row to their last. */
  readonly wholeTables: ReadonlyArray<string>
}

/** PostgreSQL plans a prepared statement anew five times, and then once for all values: both are seen. */
const passes = 8

/** Accounts that all passes take. */
export const accountsForPlans = passes * 3

/** Rows of each other kind that the clean-up finds; of codes so many that it comes back often enough. */
const oldRows = 600
const oldCodes = passes * 500 + 100

const nobody: Account = { id: "", email: "nobody.has.this@example.com", code: "" }

const planOf = (name: string, explained: ReadonlyArray<Explained>): Plan => ({
  name,
  times: explained.length,
  rows: Math.max(...explained.map(({ plan }) => rowsIn(plan))),
  blocks: median(explained.map(({ plan }) => blocksIn(plan))),
  wholeTables: [
    ...new Set(
      explained.flatMap(({ plan }) =>
        scansIn(plan).flatMap((scan) => (scan["Node Type"] === "Seq Scan" ? [scan["Relation Name"] ?? ""] : []))
      )
    )
  ]
})

/**
 * Every statement of a wrong code, a forgot, a reset, a sign-in, the workers and the clean-up, as a service of its own runs them
 * on this database, which no other may use meanwhile: by name.
 */
export const plansOn = Effect.fn("plansOn")(function* (
  sql: SqlClient.SqlClient,
  databaseUrl: string,
  accounts: ReadonlyArray<Account>
) {
  yield* addOldCodes(sql, oldCodes)
  yield* addOldRest(sql, oldRows)
  for (const statement of explainSessionsOf(new URL(databaseUrl).pathname.slice(1)))
    yield* Effect.orDie(sql.unsafe(statement))
  const { explained, url } = yield* explaining(databaseUrl)
  const server = yield* startServer({
    way: "node",
    folder: yield* temporaryFolder,
    databaseUrl: url,
    // One connection, so that it sees each statement often enough for its last plan.
    env: { DATABASE_POOL_SIZE: "1", RATE_LIMIT: "on", TRUSTED_PROXIES: "127.0.0.1" }
  })
  const waiting = accounts.values()
  const next = (): Account => waiting.next().value ?? nobody
  for (let pass = 1; pass <= passes; pass++) {
    const owner = next()
    // From a client of its own, so that limits count and nobody meets them.
    const exchanges = [badCode(), reset(owner), resetAgain(owner), forgot(next()), forgot(nobody), signIn(next())]
    yield* runLoad(
      server.port,
      exchanges.map((exchange) => from(clientAddress(pass), exchange)),
      1
    )
    yield* untilDone(sql)
  }
  yield* Effect.repeat(Effect.delay(countOldCodes(sql), "100 millis"), { until: (count) => count === 0 })
  yield* server.stop
  const byName = Map.groupBy(explained, ({ text }) => nameOf(text))
  return new Map([...byName].map(([name, all]) => [name, planOf(name, all)]))
}, Effect.scoped)

/** Tables that hold more rows the more accounts there are; the others are queues, and counters of the last minutes. */
const tablesThatGrow = ["users", "sessions", "reset_codes", "audit", "outbox"]

/** The bench stops where a statement does more the more there is. */
export class GrowsWithTheTables extends Data.TaggedError("GrowsWithTheTables")<{ readonly complaint: string }> {
  override get message() {
    return `Something grows with the tables: ${this.complaint}`
  }
}

/** What a request, or a look of a worker, needs looks at a handful of rows, however many there are. */
const mostRows = 40

/** A statement of the clean-up takes a batch of each table at most, and looks at it so often at most: finds, locks, deletes. */
const mostRowsOfCleanUp = 500 * 4

/** Below, to read a whole table may be the cheapest for a batch of the clean-up. */
const manyAccounts = 100_000

/** What is wrong with the plans at a size. */
export const complaintAbout = (size: number, plans: ReadonlyMap<string, Plan>): string | undefined => {
  if (size < manyAccounts) return undefined
  const missing = statementNames.filter((name) => !plans.has(name))
  if (missing.length > 0) return `nobody ran "${missing.join('", "')}"`
  for (const { name, rows, wholeTables } of plans.values()) {
    const whole = wholeTables.filter((table) => tablesThatGrow.includes(table))
    if (whole.length > 0) return `at ${size} accounts "${name}" reads all of ${whole.join(", ")}`
    const most = name.startsWith("clean up") ? mostRowsOfCleanUp : mostRows
    if (rows > most) return `at ${size} accounts "${name}" looks at ${rows} rows, where ${most} are enough`
  }
  return undefined
}

/** Each statement on several databases, one after the other: rows that it looked at, and blocks that it read. */
export const plansTable = (all: ReadonlyArray<ReadonlyMap<string, Plan>>): Table => {
  const at = (name: string, of: (plan: Plan) => number) =>
    all.map((plans) => {
      const plan = plans.get(name)
      return plan === undefined ? "–" : of(plan).toFixed(0)
    })
  return {
    head: ["statement", "rows at most", "blocks, median"],
    rows: [...(all.at(-1)?.keys() ?? [])]
      .sort()
      .map((name) => [
        name.replaceAll("|", "\\|"),
        at(name, ({ rows }) => rows).join(", "),
        at(name, ({ blocks }) => blocks).join(", ")
      ])
  }
}
