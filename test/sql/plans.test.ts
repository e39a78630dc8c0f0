import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { AccountEvents } from "../../src/accounts/AccountEvents.ts"
import { AccountRecords } from "../../src/accounts/AccountRecords.ts"
import { AccountRepository } from "../../src/accounts/AccountRepository.ts"
import { Confirmations } from "../../src/accounts/Confirmations.ts"
import { EmailChanges } from "../../src/accounts/EmailChanges.ts"
import { SessionRepository } from "../../src/accounts/SessionRepository.ts"
import { AdministratorName } from "../../src/domain/Administrator.ts"
import { Email, emailKey } from "../../src/domain/Email.ts"
import { ResetCodeHash } from "../../src/domain/ResetCode.ts"
import { usernameKey } from "../../src/domain/User.ts"
import { Outbox } from "../../src/mail/Outbox.ts"
import { RecoveryRequests, ResetCodes } from "../../src/recovery/ResetCodes.ts"
import * as PostgresClient from "../../src/sql/PostgresClient.ts"
import { migrated, migratedPostgres } from "../support/databases.ts"
import {
  confirmationLimits,
  freshCode,
  freshConfirmation,
  freshEmailChange,
  hashOf,
  limits,
  newAccount,
  newName,
  openSession,
  registerWith,
  remove,
  stored,
  wasIssued
} from "./people.ts"
import { repositories } from "./repositories.ts"

/** One connection, which counts for itself what it scans. */
const oneConnection = Layer.unwrap(
  Effect.map(migratedPostgres, (url) => PostgresClient.layer({ url, poolSize: 1, prepare: true }))
)

/** Ten thousand of everything, so that reading a whole table is never the cheapest. */
const crowd = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    insert into users (id, username, username_key, email, email_key, password_hash)
    select gen_random_uuid(), n, n, n || '@example.com', n || '@example.com', 'hash' from generate_series(1, 10000) n`
  yield* sql`
    insert into sessions (id, user_id, credentials_version, expires_at)
    select gen_random_uuid(), id, 1, now() + interval '1 day' from users`
  yield* sql`
    insert into reset_codes (code_hash, user_id, expires_at)
    select sha256(id::text::bytea), id, now() + interval '1 day' from users`
  yield* sql`
    insert into outbox (kind, recipient, user_id, code_hash, nonce, outcome, settled_at, due_at)
    select 'reset-code', '', user_id, code_hash, case when n <= 1000 then '\\x00'::bytea end,
      case when n > 1000 then 'sent' end, case when n > 1000 then now() end, now() + interval '1 day'
    from (select user_id, code_hash, row_number() over () as n from reset_codes) as codes`
  yield* sql`
    insert into audit (event, outcome, actor, user_id) select 'mail.reset-code', 'sent', 'system', id from users`
  // Behind those that the test asks for.
  yield* sql`
    insert into recovery_requests (id, email_key) overriding system value
    select 1000000 + n, n || '@example.com' from generate_series(1, 10000) n`
  yield* sql`
    insert into registrations (id, username, username_key, email, email_key, password_hash, expires_at, device)
    select gen_random_uuid(), 'waits' || n, 'waits' || n, n || '@waits.example', n || '@waits.example', 'hash',
      now() + interval '1 day', '' from generate_series(1, 10000) n`
  yield* sql`
    insert into confirmation_codes (code_hash, account_id, email_key, expires_at)
    select sha256(username::bytea), id, email_key, expires_at from registrations`
  yield* sql`
    insert into outbox (kind, recipient, confirmation_hash, outcome, settled_at)
    select 'email-confirmation', '', code_hash, 'sent', now() from confirmation_codes`
  yield* sql`
    insert into confirmation_requests (id, email_key, kind) overriding system value
    select 1000000 + n, n || '@waits.example', 'again' from generate_series(1, 10000) n`
  // Behind those that the test asks for.
  yield* sql`
    insert into email_change_requests (id, user_id, credentials_version, session_id, email, email_key) overriding system value
    select 1000000 + n, gen_random_uuid(), 1, gen_random_uuid(), n, n from generate_series(1, 10000) n`
  yield* sql`
    insert into email_changes (code_hash, user_id, credentials_version, session_id, email, email_key, asked_at, expires_at)
    select sha256(email_key::bytea), id, 1, id, 'new ' || email, 'new ' || email_key, now(), now() + interval '1 day' from users`
  yield* sql`
    insert into former_emails (code_hash, user_id, email, email_key, expires_at)
    select sha256(email_key::bytea), id, 'old ' || email, 'old ' || email_key, now() + interval '1 day' from users`
  yield* sql`analyze`
})

/** How often each table was read from its first row to its last. */
const wholeTablesRead = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`select pg_stat_force_next_flush()`
  return yield* sql<{ readonly table: string; readonly times: bigint }>`
    select relname as table, seq_scan as times from pg_stat_user_tables order by 1`
})

/** Statements that the server plans anew each time, since that seems cheaper to it: a plan can take longer than what it is for. */
const plannedAnew = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  return yield* sql`select left(regexp_replace(statement, $$\s+$$, $$ $$, $$g$$), 120) as statement, custom_plans from pg_prepared_statements where custom_plans > 5 and generic_plans = 0`
})

/** Sends what waits; a mail waits for an older one of its account. */
const deliver = Effect.gen(function* () {
  const outbox = yield* Outbox
  const mails = yield* outbox.claim(10, 60_000)
  for (const mail of mails) yield* outbox.sent(mail.id)
  return mails.length
}).pipe(Effect.repeat({ while: (sent) => sent > 0 }))

/** Every statement that a request or a worker waits for. The clean-up's batches aren't: a batch is much of a small table. */
const everything = Effect.gen(function* () {
  const confirmations = yield* Confirmations
  const changes = yield* EmailChanges
  const accounts = yield* AccountRepository
  const sessions = yield* SessionRepository
  const codes = yield* ResetCodes
  const requests = yield* RecoveryRequests
  const outbox = yield* Outbox
  const account = yield* newAccount
  const { id, username, email } = account.user
  const key = emailKey(email)
  yield* accounts.find({ _tag: "Email", key })
  yield* accounts.find({ _tag: "Username", key: usernameKey(username) })
  yield* accounts.upgradeHash(id, account.version, hashOf("upgraded"))
  const kept = Option.getOrThrow(yield* openSession(account))
  const ended = Option.getOrThrow(yield* openSession(account))
  assert.isTrue(Option.isSome(yield* sessions.authenticate(kept.id)))
  assert.lengthOf(yield* sessions.list(id), 2)
  yield* sessions.end(id, ended.id)
  yield* sessions.endOthers(id, kept.id)
  yield* accounts.changePassword({ id, version: account.version, passwordHash: hashOf("changed"), keep: kept.id })
  yield* requests.add(key)
  const alice = { _tag: "Administrator", name: AdministratorName.make("alice") } as const
  yield* requests.addFor({ _tag: "Email", key }, alice)
  yield* requests.addFor({ _tag: "Username", key: usernameKey(username) }, alice)
  const code = freshCode()
  assert.deepEqual(yield* requests.takeNext(code, limits), wasIssued)
  const [mail, ...others] = yield* outbox.claim(10, 60_000)
  assert.lengthOf(others, 0)
  const mailId = mail?.id ?? assert.fail()
  yield* outbox.retry(mailId, 0)
  yield* outbox.claim(10, 60_000)
  yield* outbox.sent(mailId)
  yield* outbox.rehearse
  yield* codes.find(code.codeHash)
  yield* codes.consume(code.codeHash, hashOf("reset"))
  yield* codes.consume(code.codeHash, hashOf("reset")).pipe(Effect.flip)
  yield* stored(account)
  const [notice] = yield* outbox.claim(10, 60_000)
  yield* outbox.drop(notice?.id ?? assert.fail(), "of a test")
  // A registration with a taken address, then two with a free one: mailed, asked for again, confirmed by code and by a reset.
  yield* registerWith(email)
  yield* deliver
  for (const reset of [false, true]) {
    const free = Email.make(`${newName()}@free.example`)
    const asked = yield* registerWith(free)
    yield* confirmations.askAgain(emailKey(free))
    yield* confirmations.takeNext(freshConfirmation(), confirmationLimits)
    yield* requests.add(emailKey(free))
    yield* requests.takeNext(freshCode(), limits)
    yield* confirmations.takeNext(freshConfirmation(), confirmationLimits)
    yield* deliver
    const resetHash = ResetCodeHash.make(asked.code.codeHash)
    yield* codes.find(resetHash)
    if (reset) yield* codes.consume(resetHash, hashOf("first"))
    else yield* confirmations.confirm(asked.code.codeHash)
    yield* confirmations.confirm(asked.code.codeHash).pipe(Effect.flip)
    yield* deliver
  }
  // An address that is changed, and changed back; an owner who looks at it, exports all, and leaves.
  const changing = yield* newAccount
  const asking = Option.getOrThrow(yield* openSession(changing))
  const change = freshEmailChange()
  const wayBack = freshEmailChange()
  const newEmail = Email.make(`${newName()}@new.example`)
  assert.isTrue(
    yield* changes.ask({ id: changing.user.id, version: changing.version, session: asking.id, email: newEmail })
  )
  yield* changes.takeNext(change, confirmationLimits)
  yield* deliver
  yield* changes.confirm(change.codeHash, wayBack, 86_400_000)
  yield* changes.confirm(change.codeHash, wayBack, 86_400_000).pipe(Effect.flip)
  yield* deliver
  yield* changes.checkWayBack(wayBack.codeHash)
  yield* changes.undo(wayBack.codeHash, hashOf("nobody's"))
  yield* requests.takeNext(freshCode(), limits)
  yield* deliver
  yield* (yield* AccountEvents).before(changing.user.id, Option.none(), 50)
  yield* (yield* AccountRecords).export(changing.user.id)
  const { version } = yield* stored(changing)
  assert.isTrue(yield* accounts.remove(changing.user.id, version))
  yield* deliver
  yield* remove(account) // and what hangs on it
})

layer(Layer.provideMerge(repositories, migrated(oneConnection)), { excludeTestServices: true })("plans", (it) => {
  it.effect(
    "no statement reads a whole table, planned for its values or for any, and each soon has a plan for any",
    () =>
      Effect.gen(function* () {
        yield* crowd
        const before = yield* wholeTablesRead
        // The server plans a prepared statement anew five times, and then once for all values.
        for (let time = 0; time < 8; time++) yield* everything
        assert.deepEqual(yield* wholeTablesRead, before)
        assert.deepEqual(yield* plannedAnew, [])
      })
  )
})
