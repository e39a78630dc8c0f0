import { Effect } from "effect"
import type { Account } from "./accounts.ts"
import { hashesOnDefaultPool, hashesOnPoolOfCores } from "./bareHash.ts"
import { badCode, reset } from "./exchanges.ts"
import { temporaryFolder } from "./folder.ts"
import { runLoad } from "./load.ts"
import { otherWork } from "./machine.ts"
import type { Plan } from "./plan.ts"
import type { Server } from "./program.ts"
import { startServer } from "./server.ts"

/** What one round measured. */
export interface Round {
  readonly bareHashesPerSecond: number
  readonly resetsPerSecond: number
  readonly bareHashMillis: number
  readonly resetMillis: number
  readonly badCodesPerSecond: number
  readonly startPostgresMillis: number
  readonly startNewPgliteMillis: number
  readonly startExistingPgliteMillis: number
  readonly idleMib: number
  readonly loadedMib: number
  /** Cores that other processes kept busy. */
  readonly otherWork: number
}

const atOnce = 32

/** Each thing once, what is compared side by side: the resets between the two hash rates of which the better one counts. */
export const measureRound = Effect.fn("measureRound")(function* (options: {
  readonly plan: Plan
  readonly server: Server
  readonly databaseUrl: string
  /** Takes accounts whose codes are unused. */
  readonly take: (count: number) => ReadonlyArray<Account>
}) {
  const { databaseUrl, plan, server, take } = options
  const hashesBefore = yield* hashesOnDefaultPool(plan.resets, atOnce)
  const resets = yield* runLoad(server.port, take(plan.resets).map(reset), atOnce)
  const hashesAfter = yield* hashesOnPoolOfCores(plan.resets, atOnce)

  const singleHash = yield* hashesOnDefaultPool(plan.singleResets, 1)
  const singleReset = yield* runLoad(server.port, take(plan.singleResets).map(reset), 1)

  const badCodes = yield* runLoad(server.port, Array.from({ length: plan.badCodes }, badCode), atOnce)
  const loadedMib = yield* server.memoryMib

  const onPostgres = yield* startOnPostgres(databaseUrl)
  const onPglite = yield* startOnPglite
  const round: Round = {
    bareHashesPerSecond: Math.max(hashesBefore.perSecond, hashesAfter.perSecond),
    resetsPerSecond: resets.perSecond,
    bareHashMillis: singleHash.medianMillis,
    resetMillis: singleReset.medianMillis,
    badCodesPerSecond: badCodes.perSecond,
    startPostgresMillis: onPostgres.startMillis,
    startNewPgliteMillis: onPglite.newFolder,
    startExistingPgliteMillis: onPglite.existingFolder,
    idleMib: onPostgres.idleMib,
    loadedMib,
    otherWork: onPostgres.otherWork
  }
  return round
})

/** Runs the loads alone, so that what is measured afterwards is compiled. */
export const warmUp = Effect.fn("warmUp")(function* (
  plan: Plan,
  server: Server,
  take: (count: number) => ReadonlyArray<Account>
) {
  yield* runLoad(server.port, Array.from({ length: plan.badCodes }, badCode), atOnce)
  yield* runLoad(server.port, take(plan.resets).map(reset), atOnce)
})

const startOnPostgres = (databaseUrl: string) =>
  Effect.gen(function* () {
    const server = yield* startServer({ folder: yield* temporaryFolder, databaseUrl })
    const seen = yield* otherWork
    return { startMillis: server.startMillis, otherWork: seen, idleMib: yield* server.memoryMib }
  }).pipe(Effect.scoped)

const startOnPglite = Effect.gen(function* () {
  const folder = yield* temporaryFolder
  const start = startServer({ folder }).pipe(
    Effect.tap((server) => server.stop),
    Effect.map((server) => server.startMillis),
    Effect.scoped
  )
  return { newFolder: yield* start, existingFolder: yield* start }
}).pipe(Effect.scoped)
