import { Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { AccountDirectory } from "../accounts/AccountDirectory.ts"
import type { UserId } from "../domain/User.ts"
import { findAccount } from "./accounts.ts"
import { misused } from "./endings.ts"
import { answer, confirm, counted, makeProgress, yes } from "./output.ts"

/** Accounts that are one transaction: some 50 ms. */
const batchSize = 500

const everySession = Effect.gen(function* () {
  const directory = yield* AccountDirectory
  const total = yield* directory.count
  const progress = makeProgress("Ending sessions", total)
  const ended = { accounts: 0, sessions: 0, codes: 0 }
  let after = Option.none<UserId>()
  do {
    const batch = yield* directory.endSomeSessions({ after, limit: batchSize })
    ended.accounts += batch.accounts
    ended.sessions += batch.sessions
    ended.codes += batch.codes
    after = batch.last
    yield* progress.show(ended.accounts)
  } while (Option.isSome(after))
  yield* progress.end
  ended.codes += yield* directory.endConfirmationCodes
  return ended
})

const revokeCommand = Command.make(
  "revoke",
  {
    user: Argument.String("user").pipe(
      Argument.withDescription("The address, the user name or the id of an account"),
      Argument.optional
    ),
    all: Flag.Boolean("all").pipe(
      Flag.withoutNegation,
      Flag.withDescription("Of every account, as after a backup was restored"),
      Flag.withDefault(false)
    ),
    yes
  },
  Effect.fnUntraced(function* ({ all, user, yes }) {
    if (all === Option.isSome(user)) return yield* misused("Name one account, or say --all.")
    const directory = yield* AccountDirectory
    if (Option.isSome(user)) {
      const { user: found } = yield* findAccount(user.value)
      const { codes, sessions } = yield* directory.endSessions(found.id)
      return yield* answer(
        { id: found.id, sessions, codes },
        `${counted(sessions, "session")} and ${counted(codes, "live code")} of ${found.id} ended.\n`
      )
    }
    yield* confirm(
      "End every session of every account, and every code that was mailed? Everybody has to sign in again.",
      yes
    )
    const { accounts, codes, sessions } = yield* everySession
    yield* answer(
      { accounts, sessions, codes },
      `${counted(sessions, "session")} and ${counted(codes, "live code")} of ${counted(accounts, "account")} ended. Codes that were mailed before are of no use any more; passwords are as they were.\n`
    )
  })
).pipe(
  Command.withDescription("End sessions, and the codes that were mailed: of one account, or of all"),
  Command.withExamples([
    { command: "rekey sessions revoke ada@example.com", description: "Of one account" },
    { command: "rekey sessions revoke --all --yes", description: "After a backup was restored" }
  ])
)

/** `rekey sessions`. */
export const sessionsCommand = Command.make("sessions").pipe(
  Command.withDescription("End sessions"),
  Command.withSubcommands([revokeCommand])
)
