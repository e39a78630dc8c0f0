import { Effect, Fiber } from "effect"
import type { SqlClient } from "effect/sql"
import type { Account } from "./accounts.ts"
import { hashes } from "./bareHash.ts"
import type { Contestant } from "./contestants.ts"
import { type CpuTimes, cpuOfEach } from "./cpu.ts"
import { temporaryFolder } from "./folder.ts"
import { Connection, requestText } from "./http.ts"
import { clientAddress, type Exchange, from, type LoadResult, resultOf, runLoad } from "./load.ts"
import type { Plan } from "./plan.ts"
import type { Server } from "./program.ts"

/** What one round measured of one contestant. */
export interface Round {
  /** Bare hashes, as many at once as the resets that they stand beside: before and after them. */
  readonly bareHash: LoadResult
  readonly bareHashesPerSecond: number
  readonly resetsAt1: LoadResult
  readonly resetsAt8: LoadResult
  readonly resetsAt32: LoadResult
  readonly resetsAt256: LoadResult
  readonly cpuOfReset: CpuTimes
  readonly badCodes: LoadResult
  readonly cpuOfBadCode: CpuTimes
  readonly badCodesWithLimits: LoadResult
  readonly forgots: LoadResult
  readonly signIns: LoadResult
  /** One after the other, while 32 resets run. */
  readonly healthDuringResets: LoadResult
  readonly badCodeDuringResets: LoadResult
  readonly startMillis: number
  readonly idleMib: number
}

/** A contestant that runs, with its database and the accounts that nobody has used yet. */
export interface Running {
  readonly contestant: Contestant
  readonly server: Server
  readonly sql: SqlClient.SqlClient
  readonly databaseUrl: string
  /** Takes accounts whose codes are unused. */
  take(count: number): ReadonlyArray<Account>
  /** The resets of so many further ones. */
  resets(count: number): ReadonlyArray<Exchange>
}

const atOnce = 32

/** How many accounts a round takes, reset or not. */
export const accountsIn = ({ resets }: Plan): number => Math.ceil(resets * 4.25)

const times = <A>(count: number, make: () => A): ReadonlyArray<A> => Array.from({ length: count }, make)

/** Each thing once, what is compared side by side. */
export const measureRound = Effect.fn("measureRound")(function* (plan: Plan, running: Running) {
  const { contestant, resets, server, sql, take } = running

  const bareHash = yield* hashes(plan.resets / 8, 1)
  const resetsAt1 = yield* runLoad(server.port, resets(plan.resets / 8), 1)
  const resetsAt8 = yield* runLoad(server.port, resets(plan.resets / 2), 8)

  const before = yield* hashes(plan.resets, atOnce)
  const many = resets(plan.resets)
  const [resetsAt32, cpuOfReset] = yield* cpuOfEach(runLoad(server.port, many, atOnce), many.length, server.pid)
  const after = yield* hashes(plan.resets, atOnce)
  const resetsAt256 = yield* runLoad(server.port, resets(plan.resets * 1.25), 256)
  const during = yield* measureDuring(running, resets(plan.resets))
  yield* contestant.untilDone(sql)

  const wrong = times(plan.badCodes, () => contestant.badCode())
  const [badCodes, cpuOfBadCode] = yield* cpuOfEach(runLoad(server.port, wrong, atOnce), wrong.length, server.pid)
  // Of these, none is reset: a used account forgets and signs in as well as any.
  const others = take(Math.ceil(plan.resets / 4))
  const signIns = yield* runLoad(server.port, others.map(contestant.signIn), atOnce)
  const forgots = yield* runLoad(server.port, others.map(contestant.forgot), atOnce)
  yield* contestant.untilDone(sql)

  const round: Round = {
    bareHash,
    bareHashesPerSecond: (before.perSecond + after.perSecond) / 2,
    resetsAt1,
    resetsAt8,
    resetsAt32,
    resetsAt256,
    cpuOfReset,
    badCodes,
    cpuOfBadCode,
    forgots,
    signIns,
    ...during,
    ...(yield* measureStart(plan, running))
  }
  return round
})

/** What waits behind hashes and what doesn't: a health check and a wrong code, in turn, while 32 resets run. */
export const measureDuring = Effect.fnUntraced(function* (
  { contestant, server }: Pick<Running, "contestant" | "server">,
  resets: ReadonlyArray<Exchange>
) {
  const health = {
    request: requestText("GET", contestant.healthPath),
    isRight: ({ status }) => status === 200
  } as Exchange
  const load = yield* Effect.forkChild(runLoad(server.port, resets, atOnce))
  const millis = { health: [] as number[], badCode: [] as number[] }
  const connection = yield* Effect.promise(() => Connection.open(server.port))
  const timed = async ({ isRight, request }: Exchange, into: Array<number>) => {
    const sent = performance.now()
    const answer = await connection.exchange(request)
    into.push(performance.now() - sent)
    if (!isRight(answer)) throw new Error(`${answer.status} ${answer.body}`)
  }
  const began = performance.now()
  while (load.pollUnsafe() === undefined) {
    yield* Effect.promise(() => timed(health, millis.health))
    yield* Effect.promise(() => timed(contestant.badCode(), millis.badCode))
  }
  const lasted = performance.now() - began
  connection.close()
  yield* Fiber.join(load)
  return {
    healthDuringResets: resultOf(millis.health, lasted),
    badCodeDuringResets: resultOf(millis.badCode, lasted)
  }
})

/** A further process, as it is set up for production: how soon it answers, what it takes idle, what its limits cost. */
const measureStart = (plan: Plan, { contestant, databaseUrl }: Running) =>
  Effect.gen(function* () {
    const server = yield* contestant.start({ folder: yield* temporaryFolder, databaseUrl, limits: true })
    yield* Effect.sleep("1 second") // what a start leaves to do is done
    const idleMib = yield* server.memoryMib
    let client = 0
    const fromEverywhere = () => from(clientAddress(++client), contestant.badCode())
    yield* runLoad(server.port, times(plan.badCodes / 2, fromEverywhere), atOnce)
    const badCodesWithLimits = yield* runLoad(server.port, times(plan.badCodes / 2, fromEverywhere), atOnce)
    return { startMillis: server.startMillis, idleMib, badCodesWithLimits }
  }).pipe(Effect.scoped)

/** Runs the loads alone, so that what is measured afterwards is compiled. */
export const warmUp = Effect.fn("warmUp")(function* (plan: Plan, { contestant, resets, server, sql }: Running) {
  yield* runLoad(
    server.port,
    times(plan.badCodes, () => contestant.badCode()),
    atOnce
  )
  yield* runLoad(server.port, resets(plan.resets), atOnce)
  yield* contestant.untilDone(sql)
})
