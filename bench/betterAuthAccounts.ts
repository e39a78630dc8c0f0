import { randomBytes } from "node:crypto"
import { hash } from "@node-rs/argon2"
import { Effect } from "effect"
import type { SqlClient } from "effect/sql"
import { type Account, oldPassword } from "./accounts.ts"

/** A token as long as those that better-auth mints. */
export const freshToken = (): string => randomBytes(12).toString("hex")

/** One for all and each time, so that a new one can be told from it. */
const oldHash = Effect.promise(() => hash(oldPassword, { salt: Buffer.alloc(16) }))

/**
 * What `makeAccounts` of ./accounts.ts makes, in the tables of better-auth, which it has made at its start. The code is its reset token, which stands
 * in clear in the row that it is looked up by.
 */
export const makeAccounts = Effect.fn("makeAccounts")(function* (sql: SqlClient.SqlClient, count: number) {
  const accounts = Array.from({ length: count }, (_, number): Account => {
    // It looks addresses up in lower case.
    return { id: randomBytes(16).toString("hex"), email: `bench.${number}@example.com`, code: freshToken() }
  })
  yield* sql`
    with peer as materialized (
      select id, email, code, now() as now
      from json_to_recordset(${JSON.stringify(accounts)}::text::json) as (id text, email text, code text)
    ), owner as (
      insert into "user" (id, name, email, "emailVerified", "createdAt", "updatedAt")
      select id, email, email, true, now, now from peer
    ), credential as (
      insert into account (id, "accountId", "providerId", "userId", password, "createdAt", "updatedAt")
      select id, id, 'credential', id, ${yield* oldHash}, now, now from peer
    ), token as (
      insert into verification (id, identifier, value, "expiresAt", "createdAt", "updatedAt")
      select id, 'reset-password:' || code, id, now + interval '1 day', now, now from peer
    )
    insert into session (id, token, "userId", "expiresAt", "createdAt", "updatedAt")
    select id, id, id, now + interval '30 days', now, now from peer`
  // As after makeAccounts.
  for (const table of ["user", "account", "verification", "session"]) yield* sql.unsafe(`vacuum analyze "${table}"`)
  yield* Effect.ignore(sql`checkpoint`)
  return accounts
}, Effect.orDie)

/** How many accounts have their new password and nothing that the old one opened. */
export const countRecovered = Effect.fn("countRecovered")(function* (sql: SqlClient.SqlClient) {
  const [row] = yield* sql<{ readonly recovered: number }>`
    select count(*)::int as recovered from account a
    where a.password <> ${yield* oldHash}
      and not exists (select from session s where s."userId" = a."userId")
      and not exists (select from verification v where v.value = a."userId")`
  return row?.recovered ?? 0
}, Effect.orDie)
