import { Effect, Layer, Option, Redacted, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { AccountRepository } from "../accounts/AccountRepository.ts"
import type { Identifier } from "../accounts/Identifier.ts"
import { emailKey } from "../domain/Email.ts"
import { traces } from "../domain/Origin.ts"
import { PasswordHash } from "../domain/Password.ts"
import { AccountExists, usernameKey } from "../domain/User.ts"
import { UnderstoodLanguage } from "../language/Language.ts"
import { Database } from "./Database.ts"
import { HostUsers } from "./HostUsers.ts"
import { firstRow, named, userColumns, userFields, userIn } from "./Rows.ts"

const CredentialsRow = Schema.Struct({ ...userFields, passwordHash: PasswordHash, version: Schema.Int })
const credentialsRow = firstRow(CredentialsRow)
const userRow = firstRow(Schema.Struct(userFields))

const credentialsIn = (row: typeof CredentialsRow.Type) => ({
  user: userIn(row),
  passwordHash: row.passwordHash,
  version: row.version
})

/** Accounts in the table `users`. */
export const layer = Layer.effect(
  AccountRepository,
  Effect.gen(function* () {
    const database = yield* Database
    const sql = yield* SqlClient.SqlClient
    const userOnly = sql.literal(userColumns)
    const credentials = sql.literal(`${userColumns}, u.password_hash, u.credentials_version as version`)
    const host = yield* HostUsers

    const trace = yield* traces

    const insert = Effect.fn("AccountRepository.insert")(
      function* ({ id, username, email, passwordHash }: Parameters<AccountRepository["Service"]["insert"]>[0]) {
        const { clientAddress, device, requestId } = yield* trace
        const language = yield* UnderstoodLanguage
        // The unique keys decide between two that register the same at once.
        const row = yield* credentialsRow(sql`
          with added as (
            insert into users as u (id, username, username_key, email, email_key, password_hash, language)
            values (${id}, ${username}, ${usernameKey(username)}, ${email}, ${emailKey(email)}, ${Redacted.value(passwordHash)},
              ${language})
            returning ${credentials}
          ), trail as (
            insert into audit (event, outcome, actor, user_id, request_id, client_address, device)
            select 'account.registered', 'done', 'owner', id, ${requestId}, ${clientAddress}, ${device} from added
          )
          select * from added`)
        return credentialsIn(Option.getOrThrow(row))
      },
      Effect.catchReason("SqlError", "UniqueViolation", () => new AccountExists()),
      database.run
    )

    const find = Effect.fn("AccountRepository.find")((identifier: Identifier) =>
      host.meet(identifier).pipe(
        Effect.flatMap(
          Option.match({
            onNone: () => Effect.succeedNone,
            onSome: (met) =>
              credentialsRow(sql`
                select ${userOnly}, ${host.passwordHash()} as password_hash, u.credentials_version as version
                from users u where ${named(sql, met)}`)
          })
        ),
        Effect.map(Option.map(credentialsIn)),
        database.run
      )
    )

    const upgradeHash: AccountRepository["Service"]["upgradeHash"] = Effect.fn("AccountRepository.upgradeHash")(
      (id, version, passwordHash) =>
        // Without the version, an upgrade under way would put the old password back after a reset (F8).
        sql`
          update users set password_hash = ${Redacted.value(passwordHash)}, hash_upgraded_at = now()
          where id = ${id} and credentials_version = ${version}`.pipe(Effect.asVoid, database.run)
    )

    const changePassword: AccountRepository["Service"]["changePassword"] = Effect.fn(
      "AccountRepository.changePassword"
    )(function* ({ id, version, passwordHash, keep }) {
      const { clientAddress, device, requestId } = yield* trace
      const language = yield* UnderstoodLanguage
      // One statement, guarded by the version that the current password was verified with: after a reset it changes
      // nothing (F9). It ends the live code (B4), and every session but one, which moves on to the new version.
      return yield* userRow(sql`
        with changed as (
          update users u
          set password_hash = ${Redacted.value(passwordHash)}, credentials_version = u.credentials_version + 1,
            live_code = null, password_changed_at = clock_timestamp(), updated_at = clock_timestamp(),
            language = coalesce(u.language, ${language}::text)
          where u.id = ${id} and u.credentials_version = ${version} and not u.blocked
          returning ${userOnly}, u.credentials_version, u.language
        ), kept as (
          update sessions s set credentials_version = c.credentials_version
          from changed c where s.id = ${keep} and s.user_id = c.id
        ), ended as (
          delete from sessions s using changed c where s.user_id = c.id and s.id <> ${keep}
        ), trail as (
          insert into audit (event, outcome, actor, user_id, request_id, client_address, device)
          select 'password.changed', 'done', 'owner', id, ${requestId}, ${clientAddress}, ${device} from changed
        ), notice as (
          insert into outbox (kind, recipient, user_id, details, request_id, language)
          select 'password-changed', email, id,
            jsonb_build_object('device', ${device}::text, 'clientAddress', ${clientAddress}::text), ${requestId}, language
          from changed
        )
        select * from changed`).pipe(Effect.map(Option.map(userIn)), database.run)
    })

    const remove: AccountRepository["Service"]["remove"] = Effect.fn("AccountRepository.remove")(
      function* (id, version) {
        const { clientAddress, device, requestId } = yield* trace
        const language = yield* UnderstoodLanguage
        // One statement, guarded by the version that the current password was verified with: after a reset, which takes the account back
        // from whoever knew the former password, it deletes nothing. Sessions, codes and waiting mails go along with the row.
        const removed = yield* sql`
        with gone as (
          delete from users u where u.id = ${id} and u.credentials_version = ${version} and not u.blocked
          returning u.id, u.email, u.language
        ), trail as (
          insert into audit (event, outcome, actor, user_id, request_id, client_address, device)
          select 'account.deleted', 'done', 'owner', id, ${requestId}, ${clientAddress}, ${device} from gone
        ), notice as (
          insert into outbox (kind, recipient, details, request_id, language)
          select 'account-deleted', email,
            jsonb_build_object('device', ${device}::text, 'clientAddress', ${clientAddress}::text), ${requestId},
            coalesce(language, ${language}::text)
          from gone
        )
        select from gone`.pipe(database.run)
        return removed.length > 0
      }
    )

    return AccountRepository.of({ insert, find, upgradeHash, changePassword, remove })
  })
)
