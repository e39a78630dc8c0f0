import { Effect } from "effect"
import { type Ceilings, measureCeilings } from "./ceilings.ts"
import { type Contestant, contestants, rekeyOnNode } from "./contestants.ts"
import { temporaryFolder } from "./folder.ts"
import { LoadFailed, runLoad } from "./load.ts"
import type { Plan } from "./plan.ts"
import { emptyDatabase } from "./postgres.ts"
import { withLog } from "./program.ts"
import { accountsIn, measureRound, type Round, type Running, warmUp } from "./round.ts"
import { makeUndisturbed, mostRepeats } from "./undisturbed.ts"
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

  const { disturbances, undisturbed } = makeUndisturbed(progress)
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
  const measurements: Measurements = { contestants: measured, ceilings, ways, ...disturbances() }
  return measurements
})
