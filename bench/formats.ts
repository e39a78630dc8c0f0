import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { Console, Effect } from "effect"
import { makeAccounts, untilDone } from "./accounts.ts"
import { hashes } from "./bareHash.ts"
import { rekeyOnNode } from "./contestants.ts"
import { temporaryFolder } from "./folder.ts"
import { runLoad } from "./load.ts"
import { describeMachine, loadBefore } from "./machine.ts"
import { OptionsInvalid } from "./plan.ts"
import { emptyDatabase, postgres } from "./postgres.ts"
import { startProgram } from "./program.ts"
import { asMarkdown, asText, cell, type Table } from "./report.ts"
import { keepResults, writeSection } from "./results.ts"
import { measureDuring } from "./round.ts"
import { type WriterName, writers } from "./writers.ts"

const atOnce = 32

/** Rounds, and a part of the counts. */
interface Extent {
  readonly rounds: number
  readonly part: number
}
const whole: Extent = { rounds: 3, part: 1 }
const quick: Extent = { rounds: 1, part: 0.5 }

/** Resets a round, and hashes beside them: some seconds of two cores. */
const counts: Readonly<Record<WriterName, number>> = {
  argon2id: 160,
  "bcrypt, cost 10": 64,
  "bcrypt, cost 12": 32,
  "PBKDF2, 600,000 rounds": 32,
  "scrypt of better-auth": 64
}

interface Measured {
  readonly bareHashesPerSecond: number
  readonly resetsPerSecond: number
  readonly healthP99Millis: number
}

const readOptions = (parameters: ReadonlyArray<string>) =>
  Effect.try({
    try: () =>
      parseArgs({ args: [...parameters], options: { docs: { type: "boolean" }, quick: { type: "boolean" } } }).values,
    catch: (error) => new OptionsInvalid({ complaint: error instanceof Error ? error.message : String(error) })
  })

const measure = Effect.fnUntraced(function* (server: string, name: WriterName, { part, rounds }: Extent) {
  const { sql, url } = yield* emptyDatabase(server)
  const program = yield* startProgram({
    command: [process.execPath, fileURLToPath(new URL("./formatServer.ts", import.meta.url))],
    folder: yield* temporaryFolder,
    env: {
      RATE_LIMIT: "off",
      APP_SECRET: "a secret of the bench that is long enough to be one",
      DATABASE_URL: url,
      WRITES: name
    },
    readyPath: "/ready"
  })
  const count = counts[name] * part
  const accounts = yield* makeAccounts(sql, 2 * rounds * count + atOnce)
  const resets = (most = count) => accounts.splice(0, most).map(rekeyOnNode.reset)
  yield* runLoad(program.port, resets(atOnce), atOnce) // warm-up
  const measured: Array<Measured> = []
  for (let round = 1; round <= rounds; round++) {
    const before = yield* hashes(count, atOnce, name)
    const { perSecond } = yield* runLoad(program.port, resets(), atOnce)
    const after = yield* hashes(count, atOnce, name)
    const { healthDuringResets } = yield* measureDuring({ contestant: rekeyOnNode, server: program }, resets())
    yield* untilDone(sql)
    measured.push({
      bareHashesPerSecond: (before.perSecond + after.perSecond) / 2,
      resetsPerSecond: perSecond,
      healthP99Millis: healthDuringResets.p99Millis
    })
  }
  return measured
}, Effect.scoped)

const tableOf = (formats: Readonly<Record<string, ReadonlyArray<Measured>>>): Table => ({
  head: ["", "resets/s, 32 at once", "bare hashes/s", "share", "health meanwhile, ms: p99"],
  rows: Object.entries(formats).map(([name, rounds]) => [
    name,
    cell(
      rounds.map(({ resetsPerSecond }) => resetsPerSecond),
      1
    ),
    cell(
      rounds.map(({ bareHashesPerSecond }) => bareHashesPerSecond),
      1
    ),
    cell(
      rounds.map(({ bareHashesPerSecond, resetsPerSecond }) => resetsPerSecond / bareHashesPerSecond),
      2
    ),
    cell(
      rounds.map(({ healthP99Millis }) => healthP99Millis),
      1
    )
  ])
})

/** Resets per second and health's p99 for each format that a table may be written in, beside the bare hash of the same. */
export const formats = Effect.fn("formats")(function* (
  parameters: ReadonlyArray<string>,
  progress: (text: string) => Effect.Effect<void>
) {
  const { docs = false, quick: short = false } = yield* readOptions(parameters)
  const extent = short ? quick : whole
  const load = yield* loadBefore
  const server = yield* postgres
  const machine = yield* describeMachine((yield* emptyDatabase(server)).sql, load)
  const measured: Record<string, ReadonlyArray<Measured>> = {}
  for (const name of Object.keys(writers) as ReadonlyArray<WriterName>) {
    yield* progress(`${name}...`)
    measured[name] = yield* measure(server, name, extent)
  }
  const table = tableOf(measured)
  const circumstances = `${extent.rounds === 1 ? "1 round" : `${extent.rounds} rounds`}, each format on its own, from source on Node; ${machine.cores} cores (${machine.processor}), load before ${load.toFixed(2)}; commit ${machine.commit}`
  yield* Console.log(`${circumstances}\n\n${asText(table)}`)
  yield* keepResults("formats-", machine, { measured })
  if (docs) yield* writeSection("formats", [`${circumstances}.`, asMarkdown(table)], {})
})
