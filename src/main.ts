import { NodeFileSystem, NodeRuntime } from "@effect/platform-node"
import { Cause, ConfigProvider, Console, Effect, Exit, Layer, Logger, Option, References } from "effect"
import { paths } from "./http/paths.ts"
import { ServerLayer, usesDevelopmentInbox } from "./server.ts"
import { readSettings, type Settings } from "./settings.ts"
import { Database } from "./sql/Database.ts"

/** The environment, and `.env` in the working directory for what it doesn't say. */
const Environment = ConfigProvider.layer(
  ConfigProvider.fromDotEnv().pipe(
    Effect.map((dotEnv) => ConfigProvider.orElse(ConfigProvider.fromEnv(), dotEnv)),
    Effect.orElseSucceed(() => ConfigProvider.fromEnv()),
    Effect.provide(NodeFileSystem.layer)
  )
)

/** One structured line an event, to standard error: standard output is for people and for the development inbox. */
const Logging = (settings: Settings) => {
  const format = Option.getOrElse(settings.logFormat, () => (process.stderr.isTTY ? "pretty" : "json"))
  return Layer.mergeAll(
    Logger.layer([format === "pretty" ? Logger.consolePretty() : Logger.withConsoleError(Logger.formatJson)]),
    Layer.succeed(Logger.LogToStderr, true),
    Layer.succeed(References.MinimumLogLevel, settings.logLevel)
  )
}

const nextSteps = (settings: Settings): string => {
  const { origin } = new URL(
    `http://${settings.host.includes(":") ? `[${settings.host}]` : settings.host}:${settings.port}`
  )
  const inbox = usesDevelopmentInbox(settings)
    ? `Mails are printed here and kept at ${origin}${paths.inbox}: none is sent.\n`
    : ""
  return `Ready. The API is described at ${origin}${paths.docs}\n${inbox}Next, in another terminal:

  curl ${origin}/auth/local/register --json '{"username":"ada","email":"ada@example.com","password":"a long old phrase"}'
`
}

const serve = Effect.fnUntraced(function* (settings: Settings) {
  const { started } = yield* Database
  yield* Console.log(`Rekey listens on http://${settings.host}:${settings.port}`)
  yield* Console.log(
    Option.isSome(settings.databaseUrl)
      ? "Waiting for PostgreSQL..."
      : `Opening the embedded database in ${settings.dataDir}, which takes some seconds the first time...`
  )
  yield* started
  yield* Console.log(nextSteps(settings))
  return yield* Effect.never
})

const main = Effect.gen(function* () {
  const settings = yield* Effect.provide(readSettings, Environment)
  return yield* serve(settings).pipe(Effect.provide(ServerLayer(settings)), Effect.provide(Logging(settings)))
})

/** What stops the start is told to a person in a line, not as a trace. */
const reported = Effect.tapCause(main, (cause) =>
  Cause.hasInterruptsOnly(cause) ? Effect.void : Console.error(lineOf(Cause.squash(cause)))
)

const lineOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message || error.name}: ${error.cause.message}` : error.message
}

/** A supervisor wants 0 after a clean stop. */
NodeRuntime.runMain(reported, {
  disableErrorReporting: true,
  teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause) ? 0 : 1)
})

/** Stopping takes 8 seconds at most, whatever hangs. */
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => setTimeout(() => process.exit(1), 8000).unref())
}
