import { Effect } from "effect"
import { type Ceilings, measureCeilings } from "./ceilings.ts"
import { type Contestant, contestants, rekeyOnNode } from "./contestants.ts"
import { withStrangers } from "./cpu.ts"
import { temporaryFolder } from "./folder.ts"
import { LoadFailed, runLoad } from "./load.ts"
import type { Plan } from "./plan.ts"
import { emptyDatabase } from "./postgres.ts"
import type { Server } from "./program.ts"
import { accountsIn, measureRound, type Round, type Running, warmUp } from "./round.ts"
import { measureWays, type Ways } from "./ways.ts"

/** What was measured of one contestant. */
export interface Measured {
  readonly name: string
  readonly rounds: ReadonlyArray<Round>
  /** Resident memory after `resetsInAll` resets. */
  readonly loadedMib: number
}

export interface Measurements {
  readonly contestants: ReadonlyArray<Measured>
  readonly ceilings: ReadonlyArray<Ceilings>
  readonly ways: ReadonlyArray<Ways>
  /** Rounds that were measured again, since strangers took the machine meanwhile. */
  readonly repeated: number
  /** Cores that strangers kept busy in the rounds that count, at most. */
  readonly strangers: number
}

/** More than that of a core, and a round doesn't count. */
const mostStrangers = 0.12

/** Rounds that may be measured again; past these, disturbed ones count, and `strangers` tells. */
const mostRepeats = 5

interface Entrant extends Running {
  readonly rounds: Array<Round>
  /** How many resets were sent. */
  readonly sent: () => number
}

/** Starts one with a database of its own, and makes all the accounts that it may need. */
const enter = Effect.fn("enter")(function* (plan: Plan, postgres: string, contestant: Contestant) {
  const { sql, url } = yield* emptyDatabase(postgres)
  const server = yield* contestant.start({ folder: yield* temporaryFolder, databaseUrl: url, limits: false })
  // A round and the other ways beside it, and both warm-ups.
  const spare = (accountsIn(plan) + plan.resets) * (plan.rounds + mostRepeats) + 2 * plan.resets
  const accounts = yield* contestant.makeAccounts(sql, Math.max(spare, plan.resetsInAll + accountsIn(plan)))
  const take = (count: number) => accounts.splice(0, Math.ceil(count))
  let sent = 0
  const entrant: Entrant = {
    contestant,
    server,
    sql,
    databaseUrl: url,
    rounds: [],
    take,
    sent: () => sent,
    resets: (count) => {
      const exchanges = take(count).map(contestant.reset)
      sent += exchanges.length
      return exchanges
    }
  }
  return entrant
})

/** Brings the resets of one up to what memory is read after. All that were answered with 200, and no others, must be stored. */
const loadedMib = Effect.fnUntraced(function* (plan: Plan, { contestant, resets, sent, server, sql }: Entrant) {
  const missing = plan.resetsInAll - sent()
  if (missing > 0) yield* runLoad(server.port, resets(missing), 32)
  yield* contestant.untilDone(sql)
  const stored = yield* contestant.countRecovered(sql)
  if (stored !== sent()) {
    return yield* new LoadFailed({
      complaint: `${contestant.name} answered ${sent()} resets with 200, ${stored} are stored`
    })
  }
  return yield* server.memoryMib
})

/** Shows what a server logged last where it answered otherwise than it should. */
const withLog =
  (server: Server, progress: (text: string) => Effect.Effect<void>) =>
  <A, E, R>(work: Effect.Effect<A, E, R>) =>
    Effect.tapCause(work, () => Effect.flatMap(server.logTail, progress))

/** Everything, in rounds in which all take their turns. */
export const measureSpeed = Effect.fn("measureSpeed")(function* (
  plan: Plan,
  postgres: string,
  progress: (text: string) => Effect.Effect<void>
) {
  const entrants: Array<Entrant> = []
  for (const contestant of contestants) {
    yield* progress(`${contestant.name}: starting, making accounts, warming up...`)
    const entrant = yield* enter(plan, postgres, contestant)
    yield* warmUp(plan, entrant)
    entrants.push(entrant)
  }
  const ours = entrants.find(({ contestant }) => contestant === rekeyOnNode)
  if (ours === undefined) return yield* Effect.die(new Error(`${rekeyOnNode.name} isn't among those measured`))
  const second = yield* rekeyOnNode.start({
    folder: yield* temporaryFolder,
    databaseUrl: ours.databaseUrl,
    limits: false
  })
  yield* warmUp(plan, { ...ours, server: second })
  const { sql } = yield* emptyDatabase(postgres)

  let repeated = 0
  let strangers = 0
  /** Measures again what strangers disturbed. */
  const undisturbed = Effect.fnUntraced(function* <A, E, R>(work: Effect.Effect<A, E, R>) {
    for (;;) {
      const [result, seen] = yield* withStrangers(work)
      if (!(seen > mostStrangers) || repeated === mostRepeats) {
        strangers = Math.max(strangers, seen)
        return result
      }
      repeated++
      yield* progress(`  disturbed: strangers kept ${seen.toFixed(2)} cores busy; again...`)
    }
  })

  const ceilings: Array<Ceilings> = []
  const ways: Array<Ways> = []
  for (let number = 1; number <= plan.rounds; number++) {
    yield* progress(`Round ${number} of ${plan.rounds}...`)
    ceilings.push(yield* undisturbed(measureCeilings(sql, plan.badCodes)))
    ways.push(yield* undisturbed(measureWays(plan, ours, second)))
    for (const entrant of entrants) {
      entrant.rounds.push(yield* undisturbed(measureRound(plan, entrant)).pipe(withLog(entrant.server, progress)))
    }
  }

  const measured: Array<Measured> = []
  for (const entrant of entrants) {
    const { contestant, rounds, server } = entrant
    yield* progress(`${contestant.name}: up to ${plan.resetsInAll} resets...`)
    measured.push({
      name: contestant.name,
      rounds,
      loadedMib: yield* loadedMib(plan, entrant).pipe(withLog(server, progress))
    })
  }
  const measurements: Measurements = { contestants: measured, ceilings, ways, repeated, strangers }
  return measurements
})
