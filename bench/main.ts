/**
 * `npm run bench`: what a reset costs over the hash in it, and what start and memory are, on this machine. `npm run bench -- timing`:
 * whether anybody can tell by the time who has an account.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Cause, Console, Effect } from "effect"
import { type Account, countRecovered, makeAccounts } from "./accounts.ts"
import { temporaryFolder } from "./folder.ts"
import { LoadFailed } from "./load.ts"
import { describeMachine, loadBefore } from "./machine.ts"
import { readPlan, warmUpOf } from "./plan.ts"
import { emptyDatabase } from "./postgres.ts"
import { keepResults, tableOf } from "./report.ts"
import { measureRound, type Round, warmUp } from "./round.ts"
import { startServer } from "./server.ts"
import { timing } from "./timing.ts"

/** The table alone goes to standard output. */
const progress = (text: string) => Console.error(text)

const speed = Effect.fnUntraced(function* (parameters: ReadonlyArray<string>) {
  const plan = yield* readPlan(parameters)
  const load = yield* loadBefore
  yield* progress("Starting PostgreSQL...")
  const { sql, url } = yield* emptyDatabase
  const machine = yield* describeMachine(sql, load)

  const server = yield* startServer({ folder: yield* temporaryFolder, databaseUrl: url })
  yield* Effect.gen(function* () {
    const warmUpPlan = warmUpOf(plan)
    const resets = warmUpPlan.resets + plan.rounds * (plan.resets + plan.singleResets)
    yield* progress(`Making ${resets} accounts with a live code each...`)
    const accounts = yield* makeAccounts(sql, resets)
    const take = (count: number): ReadonlyArray<Account> => accounts.splice(0, count)

    yield* progress("Warming up...")
    yield* warmUp(warmUpPlan, server, take)
    const rounds: Array<Round> = []
    for (let number = 1; number <= plan.rounds; number++) {
      yield* progress(`Round ${number} of ${plan.rounds}...`)
      rounds.push(yield* measureRound({ plan, server, databaseUrl: url, take }))
    }

    const recovered = yield* countRecovered(sql)
    if (recovered !== resets) {
      return yield* new LoadFailed({ complaint: `${resets} resets were answered with 200, ${recovered} are stored` })
    }
    yield* Console.log(tableOf(machine, rounds))
    yield* keepResults(plan, machine, rounds)
  }).pipe(Effect.tapErrorTag("LoadFailed", () => Effect.flatMap(server.logTail, progress)))
})

const parameters = process.argv.slice(2)
const bench = Effect.scoped(parameters[0] === "timing" ? timing(parameters.slice(1), progress) : speed(parameters))

/** What stops the bench is told to a person, not as a trace; a defect of the bench itself is told with its trace. */
const reported = Effect.tapCause(bench, (cause) => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.void
  const failure = cause.reasons.find(Cause.isFailReason)?.error
  return progress(failure === undefined ? Cause.pretty(cause) : failure.message)
})

NodeRuntime.runMain(reported, { disableErrorReporting: true })
