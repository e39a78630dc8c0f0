import { Data, Effect, Layer, Logger, Option, References, Runtime } from "effect"
import { Crypto, Passwords, SqlLayer, Users } from "../server.ts"
import { readSettings, type Settings } from "../settings.ts"
import * as AccountDirectorySql from "../sql/AccountDirectorySql.ts"
import * as AccountImportSql from "../sql/AccountImportSql.ts"
import * as AuditLogSql from "../sql/AuditLogSql.ts"
import { Database } from "../sql/Database.ts"
import * as OutboxKeepingSql from "../sql/OutboxKeepingSql.ts"
import { hasDatabase } from "../sql/PgliteClient.ts"
import * as RecoveryRequestsSql from "../sql/RecoveryRequestsSql.ts"
import * as WebhookKeepingSql from "../sql/WebhookKeepingSql.ts"
import { failed, unavailableExitCode } from "./endings.ts"
import { remark } from "./output.ts"

/** The database gave no answer for as long as somebody at a terminal waits. */
class DatabaseAway extends Data.TaggedError("DatabaseAway") {
  override get message() {
    return 'The database can\'t be used now. "rekey doctor" looks closer.'
  }
  override readonly [Runtime.errorExitCode] = unavailableExitCode
}

const patience = "10 seconds"

/** What a command needs to know of the log: what goes wrong, in a line. */
export const Remarks = Layer.merge(
  Logger.layer([
    Logger.make(({ message }) => {
      const [text, details] = Array.isArray(message) ? message : [message]
      const reason = typeof details === "object" && details !== null && "reason" in details ? `: ${details.reason}` : ""
      Effect.runSync(remark(`${text}${reason}`))
    })
  ]),
  Layer.succeed(References.MinimumLogLevel, "Warn")
)

/** The database of the settings, with as few connections as a command needs. */
export const SqlOf = (settings: Settings) => SqlLayer({ ...settings, databasePoolSize: 2 })

/** Doesn't make one where there is none: a command in the wrong folder would leave an empty one behind. */
const existing = (settings: Settings) =>
  Option.isSome(settings.databaseUrl) || hasDatabase(settings.dataDir)
    ? Effect.void
    : failed(
        `There is no database in DATA_DIR ${settings.dataDir} yet, and DATABASE_URL isn't set: start the server there first, or run "rekey migrate".`
      )

/** Waits for a database that is there and up to date. */
const Started = Layer.effectDiscard(
  Effect.flatMap(Database, ({ started }) =>
    Effect.timeoutOrElse(started, { duration: patience, orElse: () => new DatabaseAway() })
  )
)

/** What commands need of the database. It may be in use by a server, except for the embedded one, which belongs to one process. */
export const Stores = Layer.unwrap(
  Effect.gen(function* () {
    const settings = yield* readSettings
    yield* existing(settings)
    return Layer.mergeAll(
      AccountDirectorySql.layer,
      AccountImportSql.layer,
      AuditLogSql.layer,
      OutboxKeepingSql.layer,
      RecoveryRequestsSql.layer,
      WebhookKeepingSql.layer
    ).pipe(
      Layer.provideMerge(Started),
      Layer.provide(Layer.provideMerge(Database.layerUpToDate, Users(settings))),
      Layer.provide(SqlOf(settings)),
      Layer.provideMerge(Crypto)
    )
  })
)

/** Refuses what is the host's to do, where it has the users. */
export const ofOurOwn = Effect.gen(function* () {
  const { users } = yield* readSettings
  if (Option.isSome(users)) {
    return yield* failed("With USERS_PRESET the accounts are the application's: look at them and change them there.")
  }
})

/** Hashing and the policy, as the server has them. */
export const PasswordLayers = Layer.unwrap(Effect.map(readSettings, (settings) => Passwords(settings)))
