import { Effect, Layer } from "effect"
import { Argument, Command } from "effect/cli"
import { PasswordRecovery } from "../recovery/PasswordRecovery.ts"
import { RecoveryWorker } from "../recovery/RecoveryWorker.ts"
import { failed } from "./endings.ts"
import { answer } from "./output.ts"

/** Whoever serves this database finds the request within 5 seconds. Here is neither a mail server nor a secret to make a code with. */
const FoundByServers = Layer.succeed(RecoveryWorker, RecoveryWorker.of({ wake: Effect.void }))

const sendCommand = Command.make(
  "send",
  {
    identifier: Argument.String("address").pipe(Argument.withDescription("The address or the user name of an account"))
  },
  Effect.fnUntraced(function* ({ identifier }) {
    const recovery = yield* PasswordRecovery
    yield* recovery.requestFor(identifier, { _tag: "Operator" }).pipe(
      Effect.catchTags({
        AccountNotFound: () => failed(`Nobody has this address or user name: ${identifier}`),
        AccountBlocked: () => failed('The account is blocked: "rekey user unblock" first.')
      })
    )
    yield* answer(
      { asked: true },
      "Asked for. A server that runs sends the code to the owner within some seconds; the cooldown and the hourly cap hold, and the audit trail says what came of it.\n"
    )
  })
).pipe(
  Command.provide(Layer.provide(PasswordRecovery.layer, FoundByServers)),
  Command.withDescription("Send somebody a reset code, as an administrator would. It is shown to its owner alone")
)

/** `rekey reset`. */
export const resetCommand = Command.make("reset").pipe(
  Command.withDescription("Help somebody who can't get in"),
  Command.withSubcommands([sendCommand])
)
