import { Array, Effect, Layer, Option, Redacted, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { Fragment } from "effect/sql/Statement"
import { AccountDirectory, type AccountPage, type NewAccount } from "../accounts/AccountDirectory.ts"
import type { Identifier } from "../accounts/Identifier.ts"
import { asciiLowerCase, emailKey } from "../domain/Email.ts"
import { PasswordHash } from "../domain/Password.ts"
import { AccountExists, UserId, usernameKey } from "../domain/User.ts"
import { Database } from "./Database.ts"
import { isKeptFor } from "./formerEmails.ts"
import { HostUsers } from "./HostUsers.ts"
import { allRows, firstRow, named, userColumns, userFields, userIn } from "./Rows.ts"

const userRows = allRows(Schema.Struct(userFields))
const userRow = firstRow(Schema.Struct(userFields))
const exportedRows = allRows(Schema.Struct({ ...userFields, passwordHash: PasswordHash }))
const detailsRow = firstRow(
  Schema.Struct({
    ...userFields,
    passwordChangedAt: Schema.Date,
    sessions: Schema.Int,
    codeUntil: Schema.NullOr(Schema.Date),
    mailsWaiting: Schema.Int,
    lastSignInAt: Schema.NullOr(Schema.Date)
  })
)
const endedRow = firstRow(Schema.Struct({ changed: Schema.Int, sessions: Schema.Int, codes: Schema.Int }))
const batchRow = firstRow(
  Schema.Struct({ accounts: Schema.Int, sessions: Schema.Int, codes: Schema.Int, last: Schema.NullOr(UserId) })
)
const countRow = firstRow(Schema.Struct({ count: Schema.Int }))

/** Before every id. */
const beforeAll = "00000000-0000-0000-0000-000000000000"

/** The one account that a JSON array of accounts is made into: what {@link insertedAccounts} reads. */
export const accountRow = ({ blocked, confirmed, createdAt, email, id, passwordHash, username }: NewAccount) => ({
  id,
  username,
  usernameKey: usernameKey(username),
  email,
  emailKey: emailKey(email),
  passwordHash: Redacted.value(passwordHash),
  confirmed,
  blocked,
  createdAt: Option.getOrNull(Option.map(createdAt, (date) => date.toISOString()))
})

/**
 * The head of a statement: inserts accounts as `added`, and a row of the trail for each. Who has one of the keys already, or gets it
 * from another transaction meanwhile, is left out, and so is an address that may become its former account's again.
 */
export const insertedAccounts = (
  sql: SqlClient.SqlClient,
  accounts: ReadonlyArray<ReturnType<typeof accountRow>>,
  event: "account.created" | "account.imported"
) => sql`
  added as (
    insert into users as u (id, username, username_key, email, email_key, password_hash, confirmed, blocked, created_at)
    select id, username, "usernameKey", email, "emailKey", "passwordHash", confirmed, blocked, coalesce("createdAt", now())
    from rows from (json_to_recordset(${JSON.stringify(accounts)}::text::json) as (id uuid, username text, "usernameKey" text,
      email text, "emailKey" text, "passwordHash" text, confirmed boolean, blocked boolean, "createdAt" timestamptz)
    ) with ordinality as account (id, username, "usernameKey", email, "emailKey", "passwordHash", confirmed, blocked, "createdAt", place)
    where not ${isKeptFor(sql, { column: 'account."emailKey"', account: "account.id" })}
    order by place -- of two with one key the first is added
    on conflict do nothing
    returning ${sql.literal(userColumns)}
  ), trail as (
    insert into audit (event, outcome, actor, user_id) select ${event}, 'done', 'cli', id from added
  )`

/** Accounts in the table `users`, as an operator sees them. */
export const layer = Layer.effect(
  AccountDirectory,
  Effect.gen(function* () {
    const database = yield* Database
    const sql = yield* SqlClient.SqlClient
    const user = sql.literal(userColumns)
    const host = yield* HostUsers

    const startOf = ({ after }: AccountPage) => Option.getOrElse(after, () => beforeAll)

    const list: AccountDirectory["Service"]["list"] = Effect.fn("AccountDirectory.list")(
      ({ blocked, containing, ...page }) => {
        const part = Option.getOrNull(Option.map(containing, asciiLowerCase))
        return userRows(sql`
          select ${user} from users u
          where u.id > ${startOf(page)}::uuid
            and (${part}::text is null or position(${part}::text in u.email_key) > 0 or position(${part}::text in u.username_key) > 0)
            and (${Option.getOrNull(blocked)}::boolean is null or u.blocked = ${Option.getOrNull(blocked)}::boolean)
          order by u.id limit ${page.limit}::int`).pipe(Effect.map(Array.map(userIn)), database.run)
      }
    )

    const details = (who: Identifier) =>
      detailsRow(sql`
        select ${user}, u.password_changed_at,
          (select count(*)::int from sessions s
            where s.user_id = u.id and s.credentials_version = u.credentials_version and s.expires_at > now()) as sessions,
          (select c.expires_at from reset_codes c where c.code_hash = u.live_code and c.expires_at > now()) as code_until,
          (select count(*)::int from outbox o where o.user_id = u.id and o.outcome is null) as mails_waiting,
          (select max(a.at) from audit a where a.user_id = u.id and a.event = 'sign-in' and a.outcome = 'done') as last_sign_in_at
        from users u where ${named(sql, who)}`)

    const describe: AccountDirectory["Service"]["describe"] = Effect.fn("AccountDirectory.describe")((identifier) =>
      host.meet(identifier).pipe(
        Effect.flatMap(Option.match({ onNone: () => Effect.succeedNone, onSome: details })),
        Effect.map(
          Option.map((row) => ({
            user: userIn(row),
            passwordChangedAt: row.passwordChangedAt,
            sessions: row.sessions,
            codeUntil: Option.fromNullOr(row.codeUntil),
            mailsWaiting: row.mailsWaiting,
            lastSignInAt: Option.fromNullOr(row.lastSignInAt)
          }))
        ),
        database.run
      )
    )

    const add: AccountDirectory["Service"]["add"] = Effect.fn("AccountDirectory.add")(function* (account) {
      const added = yield* userRow(
        sql`with ${insertedAccounts(sql, [accountRow(account)], "account.created")} select * from added`
      ).pipe(database.run)
      return Option.isSome(added) ? userIn(added.value) : yield* new AccountExists()
    })

    /** Deletes the sessions of `changed`, and writes the trail of it. The new version ends those that this snapshot can't see (F8). */
    const closing = (event: string) => sql`
      gone as (
        delete from sessions s using changed c where s.user_id = c.id returning s.id
      ), trail as (
        insert into audit (event, outcome, actor, user_id) select ${event}, 'done', 'cli', id from changed
      )`

    const block: AccountDirectory["Service"]["block"] = Effect.fn("AccountDirectory.block")((id) =>
      endedRow(sql`
        with changed as (
          update users u set blocked = true, credentials_version = u.credentials_version + 1, updated_at = clock_timestamp()
          where u.id = ${id} and not u.blocked returning u.id
        ), ${closing("account.blocked")}
        select (select count(*)::int from changed) as changed, (select count(*)::int from gone) as sessions, 0 as codes`).pipe(
        Effect.map(Option.filter(({ changed }) => changed > 0)),
        database.run
      )
    )

    const unblock: AccountDirectory["Service"]["unblock"] = Effect.fn("AccountDirectory.unblock")((id) =>
      sql`
        with changed as (
          update users u set blocked = false, updated_at = clock_timestamp() where u.id = ${id} and u.blocked returning u.id
        ), trail as (
          insert into audit (event, outcome, actor, user_id) select 'account.unblocked', 'done', 'cli', id from changed
        )
        select id from changed`.pipe(
        Effect.map((rows) => rows.length > 0),
        database.run
      )
    )

    const remove: AccountDirectory["Service"]["remove"] = Effect.fn("AccountDirectory.remove")((id) =>
      sql`
        with changed as (
          delete from users u where u.id = ${id} returning u.id
        ), trail as (
          insert into audit (event, outcome, actor, user_id) select 'account.deleted', 'done', 'cli', id from changed
        )
        select id from changed`.pipe(
        Effect.map((rows) => rows.length > 0),
        database.run
      )
    )

    /**
     * The accounts of a batch are locked in the order of their ids, so that two of these never wait for each other. A code that nobody
     * may use any more stays where it is: it is no guard of anything.
     */
    const endOf = (accounts: Fragment) => sql`
      with batch as materialized (
        select u.id, exists (select from reset_codes c where c.code_hash = u.live_code and c.expires_at > now()) as has_code
        from users u where ${accounts} for no key update of u
      ), changed as (
        update users u set credentials_version = u.credentials_version + 1, live_code = null, live_change = null,
          updated_at = clock_timestamp()
        from batch b where u.id = b.id returning u.id
      ), ${closing("sessions.ended")}
      select (select count(*)::int from changed) as accounts, (select count(*)::int from gone) as sessions,
        (select count(*)::int from batch where has_code) as codes, (select max(id::text) from batch) as last`

    const endSessions: AccountDirectory["Service"]["endSessions"] = Effect.fn("AccountDirectory.endSessions")((id) =>
      batchRow(endOf(sql`u.id = ${id}`)).pipe(Effect.map(Option.getOrThrow), database.run)
    )

    const endSomeSessions: AccountDirectory["Service"]["endSomeSessions"] = Effect.fn(
      "AccountDirectory.endSomeSessions"
    )((page) =>
      batchRow(
        endOf(sql`
          u.id > ${startOf(page)}::uuid and (u.live_code is not null or u.live_change is not null or exists (select from sessions s where s.user_id = u.id))
          order by u.id limit ${page.limit}::int`)
      ).pipe(
        Effect.map(Option.getOrThrow),
        Effect.map(({ last, ...ended }) => ({ ...ended, last: Option.fromNullOr(last) })),
        database.run
      )
    )

    const endCodesOf = Effect.fnUntraced(function* (table: "confirmation_codes" | "former_emails") {
      const codes = sql(table)
      let ended = 0
      while (true) {
        const deleted = yield* sql`
          with batch as materialized (
            select code_hash from ${codes} where used_at is null limit 1000 for update
          )
          delete from ${codes} c using batch b where c.code_hash = b.code_hash returning c.code_hash`.pipe(database.run)
        ended += deleted.length
        if (deleted.length < 1000) return ended
      }
    })

    const endConfirmationCodes = Effect.zipWith(
      endCodesOf("confirmation_codes"),
      endCodesOf("former_emails"),
      (one, other) => one + other
    ).pipe(Effect.withSpan("AccountDirectory.endConfirmationCodes"))

    const count = countRow(sql`select count(*)::int as count from users`).pipe(
      Effect.map(Option.match({ onNone: () => 0, onSome: ({ count }) => count })),
      database.run
    )

    const exportSome: AccountDirectory["Service"]["exportSome"] = Effect.fn("AccountDirectory.exportSome")((page) =>
      exportedRows(sql`
        select ${user}, u.password_hash from users u where u.id > ${startOf(page)}::uuid
        order by u.id limit ${page.limit}::int`).pipe(
        Effect.map(Array.map((row) => ({ user: userIn(row), passwordHash: row.passwordHash }))),
        database.run
      )
    )

    return AccountDirectory.of({
      list,
      describe,
      add,
      block,
      unblock,
      remove,
      endSessions,
      endSomeSessions,
      endConfirmationCodes,
      count,
      exportSome
    })
  })
)
