import { Effect } from "effect"
import { rekeyFromSources } from "./contestants.ts"
import { temporaryFolder } from "./folder.ts"
import { runSharedLoad } from "./load.ts"
import type { Plan } from "./plan.ts"
import type { Server } from "./program.ts"
import type { Running } from "./round.ts"
import { startServer } from "./server.ts"

/** Other ways to run Rekey on Node: from its sources, on the embedded database, as two processes. */
export interface Ways {
  readonly startFromSourcesMillis: number
  readonly idleFromSourcesMib: number
  readonly startNewPgliteMillis: number
  readonly startExistingPgliteMillis: number
  /** Half of them at each of two processes on one database, 32 at once in all. */
  readonly resetsOfTwoPerSecond: number
}

export const measureWays = Effect.fn("measureWays")(function* (plan: Plan, running: Running, second: Server) {
  const { contestant, databaseUrl, resets, server, sql } = running
  const resetsOfTwoPerSecond = yield* runSharedLoad([server.port, second.port], resets(plan.resets / 2), 32)
  yield* contestant.untilDone(sql)
  const ways: Ways = {
    resetsOfTwoPerSecond,
    ...(yield* fromSources(databaseUrl)),
    ...(yield* onPglite)
  }
  return ways
})

const fromSources = (databaseUrl: string) =>
  Effect.gen(function* () {
    const server = yield* rekeyFromSources.start({ folder: yield* temporaryFolder, databaseUrl, limits: true })
    yield* Effect.sleep("1 second")
    const idleFromSourcesMib = yield* server.memoryMib
    yield* server.stop // Node keeps compiled code when a process ends by itself
    return { startFromSourcesMillis: server.startMillis, idleFromSourcesMib }
  }).pipe(Effect.scoped)

const onPglite = Effect.gen(function* () {
  const folder = yield* temporaryFolder
  const start = startServer({ way: "node", folder }).pipe(
    Effect.tap((server) => server.stop),
    Effect.map((server) => server.startMillis),
    Effect.scoped
  )
  return { startNewPgliteMillis: yield* start, startExistingPgliteMillis: yield* start }
}).pipe(Effect.scoped)
