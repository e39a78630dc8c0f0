/**
 * `npm run bench`: what a reset costs over the hash in it, what doesn't wait behind hashes, and what start and memory are, beside
 * another service and the bare parts, on this machine. `npm run bench -- timing`: whether anybody can tell by the time who has an
 * account. `npm run bench -- formats`: resets with the hashes of other applications. `npm run bench -- growth`: what millions of
 * accounts change. `npm run bench -- soak`: what an hour of work leaves behind.
 * `npm run bench -- scaling`: what several processes cost, and PgBouncer. `npm run bench -- partitions`: what tables with partitions do.
 * `npm run bench -- entries`: what each entry of the package weighs. `npm run bench -- flame`: where the server's thread spends its time.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Cause, Console, Effect } from "effect"
import { entriesWeighed } from "./entries.ts"
import { flame } from "./flame.ts"
import { formats } from "./formats.ts"
import { growth } from "./growth.ts"
import { describeMachine, loadBefore } from "./machine.ts"
import { partitions } from "./partitions.ts"
import { readOptions } from "./plan.ts"
import { emptyDatabase, postgres } from "./postgres.ts"
import { aimsOf, asText, ceilingsOf, circumstances, figuresOf } from "./report.ts"
import { keepSpeed, writeSpeed } from "./results.ts"
import { scaling } from "./scaling.ts"
import { build } from "./server.ts"
import { soak } from "./soak.ts"
import { measureSpeed } from "./speed.ts"
import { timing } from "./timing.ts"

/** The tables alone go to standard output. */
const progress = (text: string) => Console.error(text)

const speed = Effect.fnUntraced(function* (parameters: ReadonlyArray<string>) {
  const { docs, plan } = yield* readOptions(parameters)
  const load = yield* loadBefore
  yield* progress("Building, and starting PostgreSQL...")
  yield* build
  const server = yield* postgres
  const machine = yield* describeMachine((yield* emptyDatabase(server)).sql, load)
  const measurements = yield* measureSpeed(plan, server, progress)
  yield* Console.log(
    [
      circumstances(machine, { ...measurements, rounds: plan.rounds }),
      ...[aimsOf, ceilingsOf, figuresOf].map((tableOf) => asText(tableOf(measurements)))
    ].join("\n\n")
  )
  yield* keepSpeed(plan, machine, measurements)
  if (docs) yield* writeSpeed(plan, machine, measurements)
})

const bench = Effect.scoped(
  Effect.gen(function* () {
    const [command, ...parameters] = process.argv.slice(2)
    if (command === "timing") yield* timing(parameters, progress)
    else if (command === "formats") yield* formats(parameters, progress)
    else if (command === "growth") yield* growth(parameters, progress)
    else if (command === "soak") yield* soak(parameters, progress)
    else if (command === "scaling") yield* scaling(parameters, progress)
    else if (command === "partitions") yield* partitions(parameters, progress)
    else if (command === "entries") yield* entriesWeighed(parameters, progress)
    else if (command === "flame") yield* flame(parameters, progress)
    else yield* speed(process.argv.slice(2))
  })
)

/** What stops the bench is told to a person, not as a trace; a defect of the bench itself is told with its trace. */
const reported = Effect.tapCause(bench, (cause) => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.void
  const failure = cause.reasons.find(Cause.isFailReason)?.error
  return progress(failure === undefined ? Cause.pretty(cause) : failure.message)
})

NodeRuntime.runMain(reported, { disableErrorReporting: true })
