import { readFileSync } from "node:fs"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer, Predicate } from "effect"
import { CliConfig, CliOutput, Command, GlobalFlag } from "effect/cli"
import { auditCommand } from "./audit.ts"
import { openapiCommand } from "./contract.ts"
import { doctorCommand } from "./doctor.ts"
import { AllSaid, failed, NotDone, OutputClosed } from "./endings.ts"
import { eventsCommand } from "./events.ts"
import { grantsCommand } from "./grants.ts"
import { keysCommand } from "./keys.ts"
import { Remarks, Stores } from "./layers.ts"
import { migrateCommand } from "./migrations.ts"
import { outboxCommand } from "./outbox.ts"
import { Json, jsonLine, remark } from "./output.ts"
import { resetCommand } from "./resets.ts"
import { sessionsCommand } from "./sessions.ts"
import { userCommand } from "./users.ts"

/** This package's, which lies above src and dist alike. */
const version = (): string => {
  const manifest: { readonly version: string } = JSON.parse(
    readFileSync(new URL("../../package.json", import.meta.url), "utf8")
  )
  return manifest.version
}

/** What was typed wrong is told on standard error, in some lines: the whole help there would push it out of sight. */
const Presenter = CliOutput.layerPresenter({
  present: (event) =>
    event._tag === "InvalidInvocation"
      ? remark(
          `${event.errors.map(({ message }) => `${message}\n`).join("")}${event.commandPath.join(" ")} --help says what it takes.`
        )
      : CliOutput.defaultPresenter.present(event)
})

/** No wizard, and no flag for what LOG_LEVEL says. */
const BuiltIns = CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions] })

/** What is served, until it is told to end. */
type Serve = Effect.Effect<void, { readonly message: string }>

const rekey = (serve: Serve) =>
  Command.make("rekey").pipe(
    Command.withDescription("Resets forgotten passwords. Without a command it serves."),
    Command.withSubcommands([
      Command.make("serve", {}, () => Effect.mapError(serve, ({ message }) => failed(message))).pipe(
        Command.withDescription("Serve, as without any command")
      ),
      migrateCommand,
      doctorCommand,
      grantsCommand,
      userCommand.pipe(Command.provide(Stores)),
      resetCommand.pipe(Command.provide(Stores)),
      sessionsCommand.pipe(Command.provide(Stores)),
      outboxCommand.pipe(Command.provide(Stores)),
      eventsCommand.pipe(Command.provide(Stores)),
      auditCommand.pipe(Command.provide(Stores)),
      keysCommand,
      openapiCommand
    ]),
    Command.withGlobalFlags([Json])
  )

/** Why a command wasn't done, on standard error: a line for a person, or JSON for a program. */
const tell = (error: unknown, json: boolean): Effect.Effect<void> => {
  if (error instanceof AllSaid || error instanceof OutputClosed) return Effect.void
  const message = error instanceof Error ? error.message : String(error)
  const reason = Predicate.hasProperty(error, "_tag") ? error._tag : "Error"
  return remark(json ? jsonLine({ error: message, reason }).trimEnd() : message)
}

const away = "The database or the machine is too busy now, or out of reach. Trying again later may help."

/** Runs `rekey` with these arguments; `serve` is what it does without any. The error has the exit code. */
export const commandLine = (args: ReadonlyArray<string>, serve: Serve) => {
  // Whoever reads goes away at times, and each write says so.
  process.stdout.on("error", () => {})
  return Command.runWith(rekey(serve), { version: version() })(args).pipe(
    Effect.catchTags({
      Busy: () => Effect.fail(new NotDone({ message: away, how: "unavailable" })),
      Unavailable: () => Effect.fail(new NotDone({ message: away, how: "unavailable" })),
      // The help was shown: it was asked for, or what was typed is wrong.
      ShowHelp: ({ errors }) => (errors.length === 0 ? Effect.void : Effect.fail(new AllSaid({ how: "usage" })))
    }),
    Effect.tapError((error) => tell(error, args.includes("--json"))),
    Effect.provide(Layer.mergeAll(NodeServices.layer, Presenter, BuiltIns, Remarks))
  )
}
