import { availableParallelism } from "node:os"
import { Effect } from "effect"
import type { SqlClient } from "effect/sql"
import { makeProgressBar } from "./progressBar.ts"

/** Rows a statement: some seconds. */
const batchSize = 100_000

/** Has numbers from 1 to `count` made by as many statements at once as there are cores: each keeps one busy. */
const inBatches = Effect.fnUntraced(function* <E>(
  what: string,
  count: number,
  make: (from: number, to: number) => Effect.Effect<unknown, E>
) {
  const show = makeProgressBar(`Making ${count.toLocaleString("en")} ${what}`, count)
  let made = 0
  const makeFrom = Effect.fnUntraced(function* (from: number) {
    const to = Math.min(count, from + batchSize - 1)
    yield* make(from, to)
    made += to - from + 1
    yield* show(made)
  })
  const starts = Array.from({ length: Math.ceil(count / batchSize) }, (_, index) => 1 + index * batchSize)
  yield* Effect.forEach(starts, makeFrom, { concurrency: availableParallelism(), discard: true })
})

/**
 * Fills the tables with accounts that nobody touches, each with a session, a code that is dead and still kept, and a row of the
 * trail; and every tenth with a mail that was sent.
 */
export const makeCrowd = (sql: SqlClient.SqlClient, count: number) =>
  inBatches(
    "accounts",
    count,
    (from, to) => sql`
      with account as (
        insert into users (id, username, username_key, email, email_key, password_hash, confirmed)
        select gen_random_uuid(), 'crowd ' || n, 'crowd ' || n, 'crowd.' || n || '@example.com', 'crowd.' || n || '@example.com',
          '$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', true
        from generate_series(${from}::int, ${to}::int) n
        returning id, email
      ), session as (
        insert into sessions (id, user_id, credentials_version, expires_at)
        select gen_random_uuid(), id, 1, now() + interval '30 days' from account
      ), dead as (
        insert into reset_codes (code_hash, user_id, issued_at, expires_at)
        select sha256(id::text::bytea), id, now() - interval '12 hours', now() - interval '11 hours' from account
      ), trail as (
        insert into audit (at, event, outcome, actor, user_id, request_id)
        select now() - ${1 - from / count}::float8 * interval '390 days', 'code.issued', 'done', 'system', id, gen_random_uuid()
        from account
      )
      insert into outbox (kind, recipient, user_id, details, outcome, settled_at)
      select 'password-reset', email, id, '{"device": "", "clientAddress": null}', 'sent', now()
      from (select *, row_number() over () as n from account) numbered where n % 10 = 0`
  ).pipe(Effect.orDie)

/** Further rows of the trail, over 390 days, and as many codes that have ended within a day, of the accounts that are there. */
export const makeHistory = (sql: SqlClient.SqlClient, count: number) =>
  inBatches(
    "rows of the trail, and codes",
    count,
    (from, to) => sql`
      with owner as materialized (select array_agg(id) as ids from users), history as (
        select n, ids[1 + n % cardinality(ids)] as id from owner, generate_series(${from}::int, ${to}::int) n
      ), dead as (
        insert into reset_codes (code_hash, user_id, issued_at, expires_at)
        select sha256(gen_random_uuid()::text::bytea), id, ended - interval '30 minutes', ended
        from (select id, now() - n::float8 / ${count} * interval '20 hours' as ended from history) code
      )
      insert into audit (at, event, outcome, actor, user_id, request_id)
      select now() - (1 - n::float8 / ${count}) * interval '390 days', 'code.issued', 'done', 'system', id, gen_random_uuid()
      from history`
  ).pipe(Effect.orDie)

/** Has the planner know what is there, and done now what would else be done while something is measured. */
export const settleDown = Effect.fn("settleDown")(function* (sql: SqlClient.SqlClient) {
  yield* sql`vacuum analyze`
  yield* Effect.ignore(sql`checkpoint`) // not everyone may
}, Effect.orDie)

/** Gives so many accounts a further code, each of which the clean-up may delete. */
export const addOldCodes = Effect.fn("addOldCodes")(function* (sql: SqlClient.SqlClient, count: number) {
  // Some of the first thousand accounts, whatever their number.
  yield* sql`
    insert into reset_codes (code_hash, user_id, issued_at, expires_at)
    select sha256(gen_random_uuid()::text::bytea), id, now() - interval '3 days', now() - interval '2 days'
    from (select id from users limit 1000) owner, generate_series(1, ${Math.ceil(count / 1000)}::int) time
    limit ${count}::int`
}, Effect.orDie)

/** The same of all else that the clean-up deletes. */
export const addOldRest = Effect.fn("addOldRest")(function* (sql: SqlClient.SqlClient, count: number) {
  const owners = sql`(select id, email, row_number() over () as n from users limit ${count}::int) owner`
  yield* sql`
    insert into sessions (id, user_id, credentials_version, expires_at)
    select gen_random_uuid(), id, 1, now() - interval '1 hour' from ${owners}`
  yield* sql`
    insert into outbox (kind, recipient, user_id, outcome, settled_at)
    select 'password-reset', email, id, (array['sent', 'dropped', 'dead'])[1 + n % 3], now() - interval '8 days' from ${owners}`
  yield* sql`
    insert into audit (at, event, outcome, actor, user_id)
    select now() - interval '401 days', 'code.issued', 'done', 'system', id from ${owners}`
  yield* sql`
    insert into rate_limits (key, count, ends_at)
    select sha256(n::text::bytea), 1, now() - interval '1 hour' from generate_series(1, ${count}::int) n`
  yield* sql`
    insert into confirmation_codes (code_hash, account_id, email_key, expires_at)
    select sha256(n::text::bytea), gen_random_uuid(), n || '@old.example', now() - interval '2 days'
    from generate_series(1, ${count}::int) n`
}, Effect.orDie)

/** How many codes the clean-up has still to delete. */
export const countOldCodes = Effect.fn("countOldCodes")(function* (sql: SqlClient.SqlClient) {
  const [row] = yield* sql<{ readonly count: number }>`
    select count(*)::int as count from reset_codes where expires_at < now() - interval '1 day'`
  return row?.count ?? 0
}, Effect.orDie)
