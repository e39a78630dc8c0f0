import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Cause, Console, Data, Effect, Exit, Layer, Option, Runtime } from "effect"
import { Environment } from "./environment.ts"
import { paths } from "./http/paths.ts"
import { Logging } from "./logging.ts"
import { letHashesStandBack } from "./passwords/HashThreads.ts"
import { ServerLayer, usesDevelopmentInbox } from "./server.ts"
import { localUrl, readSettings, type Settings } from "./settings.ts"
import { Database } from "./sql/Database.ts"
import { SentGauges, Telemetry } from "./telemetry.ts"

const nextSteps = (settings: Settings): string => {
  const url = localUrl(settings)
  const inbox = usesDevelopmentInbox(settings)
    ? `Mails are printed here and kept at ${url}${paths.inbox}: none is sent.\n`
    : ""
  return `Ready. The API is described at ${url}${paths.docs}
${inbox}Next, in another terminal:

  curl ${url}/auth/local/register --json '{"username":"ada","email":"ada@example.com","password":"a long old phrase"}'
`
}

/** Another process has the port, or this one may not have it. */
class PortUnusable extends Data.TaggedError("PortUnusable")<{ readonly settings: Settings; readonly cause: unknown }> {
  override get message() {
    return `PORT ${this.settings.port} of HOST ${this.settings.host} can't be listened on: ${this.cause instanceof Error ? this.cause.message : this.cause}`
  }
}

const serve = Effect.fnUntraced(function* (settings: Settings) {
  const { started } = yield* Database
  yield* letHashesStandBack(settings.hashNice)
  yield* Console.log(`Rekey listens on ${localUrl(settings)}`)
  yield* Console.log(
    Option.isSome(settings.databaseUrl)
      ? "Waiting for PostgreSQL..."
      : `Opening the embedded database in ${settings.dataDir}...`
  )
  yield* started
  yield* Console.log(nextSteps(settings))
  return yield* Effect.never
})

const server = Effect.gen(function* () {
  const settings = yield* Effect.provide(readSettings, Environment)
  return yield* serve(settings).pipe(
    Effect.provide(Layer.provideMerge(SentGauges, ServerLayer(settings))),
    Effect.catchTag("ServeError", ({ cause }) => new PortUnusable({ settings, cause })),
    Effect.provide(Telemetry),
    Effect.provide([Logging(settings), Environment])
  )
})

/** What stops the start and can be mended is told in a line, without a trace. */
const reported = server.pipe(
  Effect.tapError(({ message }) => Console.error(message)),
  Effect.tapDefect((defect) => Console.error(defect))
)

/** The other commands, loaded where one is given: a server never reads them. */
const command = (args: ReadonlyArray<string>) =>
  Effect.promise(() => import("./cli/commandLine.ts")).pipe(
    Effect.flatMap(({ commandLine }) => commandLine(args, server)),
    Effect.tapDefect((defect) => Console.error(defect)),
    Effect.provide(Environment)
  )

const flagsOfV8 = [
  // The embedded database is compiled once and quickly: to do it again while it runs takes longer than opening it, and more than a command does with it.
  "--no-wasm-tier-up",
  "--no-wasm-dynamic-tiering",
  // The heap grows by half of what lives in it, and not to four times that, before it is looked through: what waits for hashes gets old, and is garbage then.
  "--heap-growing-percent=50"
]

/** Bun and Deno have no such flags, or take none. */
const setFlagsOfV8 = () => {
  if (process.versions.bun !== undefined || process.versions.deno !== undefined) return
  const { setFlagsFromString } = process.getBuiltinModule("node:v8")
  for (const flag of flagsOfV8) setFlagsFromString(flag)
}
setFlagsOfV8()

const [name = "serve", ...others] = process.argv.slice(2)

if (name === "serve" && others.length === 0) {
  NodeRuntime.runMain(reported, {
    disableErrorReporting: true,
    // A supervisor wants 0 after a clean stop.
    teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause) ? 0 : 1)
  })
} else {
  NodeRuntime.runMain(command([name, ...others]), { disableErrorReporting: true, teardown: Runtime.defaultTeardown })
}

/** Stopping takes 8 seconds at most, whatever hangs. */
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => setTimeout(() => process.exit(1), 8000).unref())
}
