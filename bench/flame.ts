import { Console, Effect } from "effect"
import { makeAccounts, untilDone } from "./accounts.ts"
import { badCode, reset } from "./exchanges.ts"
import { flameGraphOf, ownerOf, selfMicros } from "./flameGraph.ts"
import { temporaryFolder } from "./folder.ts"
import { type Exchange, runLoad } from "./load.ts"
import { describeMachine, loadBefore } from "./machine.ts"
import { readDocs } from "./plan.ts"
import { emptyDatabase, postgres } from "./postgres.ts"
import { type Profile, profiler } from "./profile.ts"
import { asMarkdown, asText, type Table } from "./report.ts"
import { imagesOf, writeSection } from "./results.ts"
import { startServer } from "./server.ts"

const atOnce = 32
const resets = 600
const badCodes = 6000

/** Microseconds of the server's thread by whose code it ran, for each of so many requests. */
const byOwner = (profile: Profile, requests: number): ReadonlyMap<string, number> => {
  const micros = new Map<string, number>()
  for (const [node, self] of selfMicros(profile)) {
    const owner = ownerOf(node)
    micros.set(owner, (micros.get(owner) ?? 0) + self / requests)
  }
  return micros
}

const least = 1

const tableOf = (ofReset: ReadonlyMap<string, number>, ofBadCode: ReadonlyMap<string, number>): Table => {
  const shown = [...ofReset].filter(([, micros]) => micros >= least).sort(([, one], [, other]) => other - one)
  const sum = (micros: ReadonlyMap<string, number>) => [...micros.values()].reduce((all, one) => all + one, 0)
  return {
    head: ["whose code ran, µs of the server's thread", "a reset", "a wrong code"],
    rows: [
      ...shown.map(([owner, micros]) => [owner, micros.toFixed(0), (ofBadCode.get(owner) ?? 0).toFixed(0)] as const),
      ["in all", sum(ofReset).toFixed(0), sum(ofBadCode).toFixed(0)]
    ]
  }
}

/**
 * Where the server's thread spends its time: 32 resets at once, and 32 wrong codes, sampled by V8. From the sources, since what is built
 * has no names; and sampled, so that it takes longer than what the other tables say.
 */
export const flame = Effect.fn("flame")(function* (
  parameters: ReadonlyArray<string>,
  progress: (text: string) => Effect.Effect<void>
) {
  const docs = yield* readDocs(parameters)
  const load = yield* loadBefore
  yield* progress("Starting PostgreSQL and the service...")
  const { sql, url } = yield* emptyDatabase(yield* postgres)
  const machine = yield* describeMachine(sql, load)
  const { nodeOptions, profileOf } = yield* profiler
  const env = { NODE_OPTIONS: nodeOptions }
  const server = yield* startServer({ way: "sources", folder: yield* temporaryFolder, databaseUrl: url, env })
  const accounts = yield* makeAccounts(sql, 2 * resets)
  const loadOf = {
    resets: (): ReadonlyArray<Exchange> => accounts.splice(0, resets).map(reset),
    badCodes: (): ReadonlyArray<Exchange> => Array.from({ length: badCodes }, badCode)
  }
  const profiled = Effect.fnUntraced(function* (what: keyof typeof loadOf) {
    yield* progress(`${what}: warming up, then sampling...`)
    yield* runLoad(server.port, loadOf[what](), atOnce)
    yield* untilDone(sql)
    return yield* profileOf(runLoad(server.port, loadOf[what](), atOnce))
  })
  const ofBadCodes = yield* profiled("badCodes")
  const ofResets = yield* profiled("resets")

  const table = tableOf(byOwner(ofResets, resets), byOwner(ofBadCodes, badCodes))
  const where = `Commit ${machine.commit}; ${machine.cores} cores (${machine.processor}); Node ${machine.node}, effect ${machine.effect}.`
  yield* Console.log([where, asText(table)].join("\n\n"))
  if (!docs) return
  const charts = {
    "flame-reset.svg": flameGraphOf("The server's thread during resets, 32 at once", ofResets),
    "flame-wrong-code.svg": flameGraphOf("The server's thread during wrong codes, 32 at once", ofBadCodes)
  }
  yield* writeSection("flame", [where, asMarkdown(table), ...imagesOf(charts)], charts)
})
