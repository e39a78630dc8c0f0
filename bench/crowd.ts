import { Effect } from "effect"
import type { SqlClient } from "effect/sql"
import { makeProgressBar } from "./progressBar.ts"

/** Accounts a statement: some seconds. */
const batchSize = 100_000

/**
 * Fills the tables with accounts that nobody touches, each with a session, a code that is dead and still kept, and every tenth with
 * one that the clean-up is about to delete.
 */
export const makeCrowd = Effect.fn("makeCrowd")(function* (sql: SqlClient.SqlClient, count: number) {
  const show = makeProgressBar(`Making ${count.toLocaleString("en")} accounts`, count)
  for (let from = 1; from <= count; from += batchSize) {
    const to = Math.min(count, from + batchSize - 1)
    yield* sql`
      with account as (
        insert into users (id, username, username_key, email, email_key, password_hash, confirmed)
        select gen_random_uuid(), 'crowd ' || n, 'crowd ' || n, 'crowd.' || n || '@example.com', 'crowd.' || n || '@example.com',
          '$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', true
        from generate_series(${from}::int, ${to}::int) n
        returning id
      ), session as (
        insert into sessions (id, user_id, credentials_version, expires_at)
        select gen_random_uuid(), id, 1, now() + interval '30 days' from account
      ), dead as (
        insert into reset_codes (code_hash, user_id, issued_at, expires_at)
        select sha256(id::text::bytea), id, now() - interval '12 hours', now() - interval '11 hours' from account
      )
      insert into reset_codes (code_hash, user_id, issued_at, expires_at)
      select sha256(('old ' || id)::bytea), id, now() - interval '3 days', now() - interval '2 days'
      from (select id, row_number() over () as n from account) numbered where n % 10 = 0`
    yield* show(to)
  }
}, Effect.orDie)
