import { createHash, randomBytes } from "node:crypto"
import { NodeCrypto } from "@effect/platform-node"
import { hash } from "@node-rs/argon2"
import { Effect, Schema } from "effect"
import { SecureRandom } from "effect/crypto"
import type { SqlClient } from "effect/sql"
import { Email, emailKey } from "../src/domain/Email.ts"
import { usernameKey } from "../src/domain/User.ts"

/** An account that somebody is about to recover. */
export interface Account {
  readonly id: string
  readonly email: string
  readonly code: string
}

/** The password that the owner forgot. */
export const oldPassword = "a long old phrase"

/** A code of the form that `ResetCodeMint` makes. */
export const freshCode = (): string => randomBytes(32).toString("base64url")

/**
 * Writes accounts straight into the tables, each with a session and a live code of its own: through the door and the mail it
 * would take longer than all that is measured.
 */
export const makeAccounts = Effect.fn("makeAccounts")(
  function* (sql: SqlClient.SqlClient, count: number) {
    const random = yield* SecureRandom.SecureRandom
    const passwordHash = yield* Effect.promise(() => hash(oldPassword))
    const accounts: Array<Account> = []
    const rows: Array<Record<string, string>> = []
    for (let number = 0; number < count; number++) {
      const username = `Bench ${number}`
      const email = `Bench.${number}@example.com`
      const account = { id: yield* random.uuidV7(), email, code: freshCode() }
      accounts.push(account)
      rows.push({
        id: account.id,
        username,
        username_key: usernameKey(username),
        email,
        email_key: emailKey(yield* decodeEmail(email)),
        code_hash: createHash("sha256").update(account.code).digest("hex")
      })
    }
    yield* sql`
      with account as materialized (
        select id, username, username_key, email, email_key, decode(code_hash, 'hex') as code_hash
        from json_to_recordset(${JSON.stringify(rows)}::text::json)
          as (id uuid, username text, username_key text, email text, email_key text, code_hash text)
      ), owner as (
        insert into users (id, username, username_key, email, email_key, password_hash, live_code, confirmed)
        select id, username, username_key, email, email_key, ${passwordHash}, code_hash, true from account
      ), code as (
        insert into reset_codes (code_hash, user_id, expires_at)
        select code_hash, id, now() + interval '1 day' from account
      )
      insert into sessions (id, user_id, credentials_version, expires_at)
      select gen_random_uuid(), id, 1, now() + interval '30 days' from account`
    // What this leaves to do is done now, not while something is measured.
    for (const table of ["users", "reset_codes", "sessions"]) yield* sql.unsafe(`vacuum analyze ${table}`)
    yield* Effect.ignore(sql`checkpoint`) // not everyone may
    return accounts
  },
  Effect.provide(NodeCrypto.layerSecureRandom),
  Effect.orDie
)

const decodeEmail = Schema.decodeEffect(Email)

/** How many accounts have their new password and nothing that the old one opened. */
export const countRecovered = Effect.fn("countRecovered")(function* (sql: SqlClient.SqlClient) {
  const [row] = yield* sql<{ readonly recovered: number }>`
    select count(*)::int as recovered from users u join reset_codes c on c.user_id = u.id
    where u.credentials_version = 2 and u.live_code is null and c.used_at is not null
      and not exists (select from sessions s where s.user_id = u.id)`
  return row?.recovered ?? 0
}, Effect.orDie)

/** Waits until nothing is left to do of what was asked for, mails included. */
export const untilDone = Effect.fn("untilDone")(function* (sql: SqlClient.SqlClient) {
  const waiting = sql<{ readonly waiting: boolean }>`
    select exists (select from recovery_requests) or exists (select from confirmation_requests)
      or exists (select from outbox where outcome is null) as waiting`
  yield* Effect.repeat(Effect.delay(waiting, "10 millis"), { until: ([row]) => row?.waiting === false })
}, Effect.orDie)
