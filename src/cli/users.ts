import { Effect, Option, Redacted, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { SecureRandom } from "effect/crypto"
import { AccountDirectory, type ExportedAccount } from "../accounts/AccountDirectory.ts"
import { faultWords } from "../api/errors.ts"
import { Email } from "../domain/Email.ts"
import { Password } from "../domain/Password.ts"
import { type User, UserId, Username } from "../domain/User.ts"
import { PasswordHasher } from "../passwords/PasswordHasher.ts"
import { PasswordPolicy } from "../passwords/PasswordPolicy.ts"
import { account, findAccount, unknownPassword } from "./accounts.ts"
import { failed, misused } from "./endings.ts"
import { formatFlag, printPages } from "./exporting.ts"
import { importCommand } from "./importing.ts"
import { ofOurOwn, PasswordLayers } from "./layers.ts"
import { answer, answerAll, confirm, counted, fields, Json, makeProgress, remark, yes } from "./output.ts"
import { lineFromInput } from "./standardInput.ts"

const row = (user: User) => [user.id, user.username, user.email, user.confirmed, user.blocked, user.createdAt]

const listCommand = Command.make(
  "list",
  {
    containing: Flag.String("containing").pipe(
      Flag.withDescription("Only those with this in their address or user name"),
      Flag.optional
    ),
    blocked: Flag.Boolean("blocked").pipe(
      Flag.withDescription("Only those that are blocked, or (--no-blocked) that aren't"),
      Flag.optional
    ),
    limit: Flag.Int("limit").pipe(
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000 }))),
      Flag.withDescription("How many at most, 10,000 or fewer"),
      Flag.withDefault(50)
    ),
    after: Flag.String("after").pipe(
      Flag.withSchema(UserId),
      Flag.withDescription("Only those behind this id"),
      Flag.optional
    )
  },
  Effect.fnUntraced(function* (page) {
    yield* ofOurOwn
    const directory = yield* AccountDirectory
    const users = yield* directory.list(page)
    yield* answerAll(users, ["ID", "USER NAME", "ADDRESS", "CONFIRMED", "BLOCKED", "CREATED"], row)
    const last = users.at(-1)
    if (last !== undefined && users.length === page.limit && !(yield* Json)) {
      yield* remark(`There may be more: --after ${last.id}`)
    }
  })
).pipe(Command.withDescription("List accounts, in the order in which they were made"))

const showCommand = Command.make(
  "show",
  { user: account },
  Effect.fnUntraced(function* ({ user: typed }) {
    const { codeUntil, lastSignInAt, mailsWaiting, passwordChangedAt, sessions, user } = yield* findAccount(typed)
    const details = {
      ...user,
      passwordChangedAt,
      lastSignInAt: Option.getOrNull(lastSignInAt),
      sessions,
      resetCodeUntil: Option.getOrNull(codeUntil),
      mailsWaiting
    }
    yield* answer(
      details,
      fields({
        id: user.id,
        "user name": user.username,
        address: user.email,
        confirmed: user.confirmed,
        blocked: user.blocked,
        created: user.createdAt,
        "last sign-in": details.lastSignInAt ?? "none on record",
        "password changed": passwordChangedAt,
        "live sessions": sessions,
        "reset code until": details.resetCodeUntil ?? "none is live",
        "mails waiting": mailsWaiting
      })
    )
  })
).pipe(Command.withDescription("Show one account"))

const createCommand = Command.make(
  "create",
  {
    username: Argument.String("username").pipe(Argument.withSchema(Username)),
    email: Argument.String("address").pipe(Argument.withSchema(Email)),
    confirmed: Flag.Boolean("confirmed").pipe(
      Flag.withDescription("The address is known to be the owner's"),
      Flag.withDefault(false)
    ),
    passwordFromInput: Flag.Boolean("password-stdin").pipe(
      Flag.withoutNegation,
      Flag.withDescription("Read a password from standard input; else the owner chooses one with a reset code"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* ({ confirmed, email, passwordFromInput, username }) {
    yield* ofOurOwn
    const directory = yield* AccountDirectory
    const hasher = yield* PasswordHasher
    const random = yield* SecureRandom.SecureRandom
    const password = passwordFromInput ? Option.some(yield* givenPassword({ username, email })) : Option.none()
    const passwordHash = yield* Option.match(password, {
      onNone: () => unknownPassword,
      onSome: hasher.hash
    })
    const user = yield* directory
      .add({
        id: UserId.make(yield* random.uuidV7()),
        username,
        email,
        passwordHash,
        confirmed,
        blocked: false,
        createdAt: Option.none()
      })
      .pipe(Effect.catchTag("AccountExists", () => failed("The address or the user name has an account already.")))
    yield* answer(user, `Created ${user.id}.\n`)
    if (Option.isNone(password) && !(yield* Json)) {
      yield* remark(`No password opens it yet: "rekey reset send ${user.email}" lets its owner choose one.`)
    }
  })
).pipe(
  Command.provide(PasswordLayers),
  Command.withDescription("Make an account for somebody"),
  Command.withExamples([
    {
      command: "rekey user create ada ada@example.com --confirmed",
      description: "Its owner chooses the password later"
    }
  ])
)

const decodePassword = Schema.decodeUnknownOption(Password)

/** Under the same policy as everybody's. */
const givenPassword = Effect.fnUntraced(function* (owner: { readonly username: string; readonly email: string }) {
  const policy = yield* PasswordPolicy
  const password = decodePassword(Redacted.value(yield* lineFromInput))
  if (Option.isNone(password)) return yield* misused("The password must hold no NUL and no unpaired surrogate.")
  yield* policy
    .checkFor(owner, password.value)
    .pipe(
      Effect.catchTag("PasswordRejected", ({ faults }) =>
        failed(faults.map((fault) => faultWords(fault, "en")).join("\n"))
      )
    )
  return password.value
})

const blockCommand = Command.make(
  "block",
  { user: account },
  Effect.fnUntraced(function* ({ user: typed }) {
    yield* ofOurOwn
    const directory = yield* AccountDirectory
    const { user } = yield* findAccount(typed)
    const ended = yield* directory.block(user.id)
    yield* answer(
      {
        id: user.id,
        blocked: true,
        changed: Option.isSome(ended),
        sessionsEnded: Option.getOrNull(ended)?.sessions ?? 0
      },
      Option.match(ended, {
        onNone: () => `${user.id} was blocked already.\n`,
        onSome: ({ sessions }) => `Blocked ${user.id}. ${counted(sessions, "session")} ended.\n`
      })
    )
  })
).pipe(Command.withDescription("Block an account: nobody signs in to it, and its sessions end"))

const unblockCommand = Command.make(
  "unblock",
  { user: account },
  Effect.fnUntraced(function* ({ user: typed }) {
    yield* ofOurOwn
    const directory = yield* AccountDirectory
    const { user } = yield* findAccount(typed)
    const changed = yield* directory.unblock(user.id)
    yield* answer(
      { id: user.id, blocked: false, changed },
      changed ? `Unblocked ${user.id}.\n` : `${user.id} wasn't blocked.\n`
    )
  })
).pipe(Command.withDescription("Let an account be used again"))

const deleteCommand = Command.make(
  "delete",
  { user: account, yes },
  Effect.fnUntraced(function* ({ user: typed, yes }) {
    yield* ofOurOwn
    const directory = yield* AccountDirectory
    const { user } = yield* findAccount(typed)
    yield* confirm(`Delete the account ${user.id} (${user.email}), its sessions and its mails?`, yes)
    const changed = yield* directory.remove(user.id)
    if (!changed) return yield* failed(`${user.id} is gone already.`)
    yield* answer({ id: user.id, deleted: true }, `Deleted ${user.id}. Its audit trail stays.\n`)
  })
).pipe(Command.withDescription("Delete an account for good"))

const exportedFields = ["id", "username", "email", "confirmed", "blocked", "createdAt"] as const

const exported = ({ passwordHash, user }: ExportedAccount, withHashes: boolean) => ({
  id: user.id,
  username: user.username,
  email: user.email,
  confirmed: user.confirmed,
  blocked: user.blocked,
  createdAt: user.createdAt,
  ...(withHashes && { passwordHash: Redacted.value(passwordHash) })
})

const pageSize = 1000

const exportCommand = Command.make(
  "export",
  {
    format: formatFlag,
    withHashes: Flag.Boolean("with-hashes").pipe(
      Flag.withoutNegation,
      Flag.withDescription("With the hashes of passwords, which can be guessed at: keep the file secret"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* ({ format, withHashes }) {
    yield* ofOurOwn
    const directory = yield* AccountDirectory
    const progress = makeProgress("Exporting", yield* directory.count)
    let done = 0
    yield* printPages({
      format,
      columns: [...exportedFields, ...(withHashes ? ["passwordHash"] : [])],
      from: Option.none<UserId>(),
      next: Effect.fnUntraced(function* (after: Option.Option<UserId>) {
        const accounts = yield* directory.exportSome({ after, limit: pageSize })
        done += accounts.length
        yield* progress.show(done)
        const last = accounts.length === pageSize ? accounts.at(-1) : undefined
        return {
          records: accounts.map((account) => exported(account, withHashes)),
          from: last && Option.some(last.user.id)
        }
      })
    }).pipe(Effect.ensuring(progress.end))
  })
).pipe(Command.withDescription("Print all accounts, in a form that import reads"))

/** `rekey user`. */
export const userCommand = Command.make("user").pipe(
  Command.withDescription("Look at accounts and change them"),
  Command.withSubcommands([
    listCommand,
    showCommand,
    createCommand,
    blockCommand,
    unblockCommand,
    deleteCommand,
    importCommand,
    exportCommand
  ])
)
