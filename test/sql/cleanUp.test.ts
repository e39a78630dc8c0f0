import { assert } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { Confirmations } from "../../src/accounts/Confirmations.ts"
import { Leftovers } from "../../src/background/CleanUp.ts"
import { Email, emailKey } from "../../src/domain/Email.ts"
import type { Username } from "../../src/domain/User.ts"
import { Outbox } from "../../src/mail/Outbox.ts"
import { RecoveryRequests, ResetCodes } from "../../src/recovery/ResetCodes.ts"
import * as LeftoversSql from "../../src/sql/LeftoversSql.ts"
import { onEachDatabase, onPostgres, timePasses } from "../support/databases.ts"
import {
  ask,
  confirmationLimits,
  emptyQueues,
  freshCode,
  hashOf,
  limits,
  liveCode,
  newAccount,
  newUserId,
  openSession,
  registerWith
} from "./people.ts"
import { repositories } from "./repositories.ts"

const withLeftovers = Layer.merge(repositories, LeftoversSql.layer({ auditRetentionMillis: 400 * 86_400_000 }))

/** How many rows each table has. */
const counts = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<Record<"codes" | "requests" | "mails" | "sessions" | "steps", number>>`
    select (select count(*)::int from reset_codes) as codes, (select count(*)::int from recovery_requests) as requests,
      (select count(*)::int from outbox) as mails, (select count(*)::int from sessions) as sessions,
      (select count(*)::int from audit) as steps`
  return row ?? assert.fail()
})

const cleanUp = Effect.flatMap(Leftovers, ({ deleteSome }) => Effect.repeat(deleteSome, { while: (more) => more }))

const startOver = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* emptyQueues
  yield* sql`delete from registrations`
  yield* sql`delete from confirmation_codes`
  yield* sql`delete from users`
  yield* sql`delete from audit`
})

onEachDatabase("the clean-up", withLeftovers, (it) => {
  it.effect(
    "takes webhooks a day after they were sent, and others after a week: dropped, dead, or told by nobody",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`delete from webhook_outbox`
        yield* sql`
        insert into webhook_outbox (id, type, at, user_id, actor, outcome, settled_at)
        select number, 'password.reset', now(), gen_random_uuid(), 'owner', outcome, case when outcome is not null then now() end
        from (values (1, 'sent'), (2, 'dropped'), (3, 'dead'), (4, null)) as webhook (number, outcome)`
        const leftAfter = Effect.fnUntraced(function* (duration: string) {
          yield* timePasses(duration)
          yield* cleanUp
          const left = yield* sql<{ readonly id: bigint }>`select id from webhook_outbox order by id`
          return left.map(({ id }) => Number(id))
        })
        assert.deepStrictEqual(yield* leftAfter("23 hours 59 minutes"), [1, 2, 3, 4])
        assert.deepStrictEqual(yield* leftAfter("2 minutes"), [2, 3, 4])
        assert.deepStrictEqual(yield* leftAfter("5 days 23 hours"), [2, 3, 4])
        assert.deepStrictEqual(yield* leftAfter("1 hour"), [])
      })
  )

  it.effect("takes each thing at its time, and nothing before it", () =>
    Effect.gen(function* () {
      yield* startOver
      const outbox = yield* Outbox
      const requests = yield* RecoveryRequests
      const sql = yield* SqlClient.SqlClient
      const account = yield* newAccount
      yield* openSession(account) // 30 days
      const settled = [outbox.sent, (id: bigint) => outbox.drop(id, "x"), (id: bigint) => outbox.setAside(id, "x")]
      for (const settle of settled) {
        yield* ask(account)
        yield* sql`update reset_codes set issued_at = issued_at - interval '61 seconds'`
        const [mail] = yield* outbox.claim(1, 60_000)
        yield* settle(mail?.id ?? assert.fail())
      }
      yield* requests.add(emailKey(account.user.email))
      const { steps } = yield* counts
      const after = Effect.fnUntraced(function* (duration: string) {
        yield* timePasses(duration)
        yield* cleanUp
        return yield* counts
      })
      assert.deepEqual(yield* after("23 hours 59 minutes"), { codes: 3, requests: 1, mails: 3, sessions: 1, steps })
      assert.deepEqual(yield* after("2 minutes"), { codes: 3, requests: 0, mails: 2, sessions: 1, steps })
      assert.deepEqual(yield* after("30 minutes"), { codes: 0, requests: 0, mails: 2, sessions: 1, steps })
      assert.deepEqual(yield* after("6 days"), { codes: 0, requests: 0, mails: 0, sessions: 1, steps })
      assert.deepEqual(yield* after("23 days"), { codes: 0, requests: 0, mails: 0, sessions: 0, steps })
      assert.deepEqual(yield* after("369 days"), { codes: 0, requests: 0, mails: 0, sessions: 0, steps })
      assert.deepEqual(yield* after("1 day"), { codes: 0, requests: 0, mails: 0, sessions: 0, steps: 0 })
      assert.lengthOf(yield* sql`select from users`, 1)
    })
  )

  it.effect(
    "a registration goes at its end, its name is free again, and its code is told to be expired for a day (C6)",
    () =>
      Effect.gen(function* () {
        yield* startOver
        const confirmations = yield* Confirmations
        const sql = yield* SqlClient.SqlClient
        const owner = yield* newAccount
        const left = Effect.gen(function* () {
          yield* cleanUp
          const [row] = yield* sql<Record<"waiting" | "codes" | "requests", number>>`
          select (select count(*)::int from registrations) as waiting,
            (select count(*)::int from confirmation_codes) as codes,
            (select count(*)::int from confirmation_requests) as requests`
          return row
        })
        const free = yield* registerWith(Email.make("free@example.com"))
        const taken = yield* registerWith(owner.user.email)
        const confirmed = yield* registerWith(Email.make("confirmed@example.com"))
        yield* confirmations.confirm(confirmed.code.codeHash)
        yield* confirmations.askAgain(emailKey(owner.user.email))
        yield* timePasses("23 hours 59 minutes")
        assert.deepEqual(yield* left, { waiting: 3, codes: 2, requests: 1 })
        const again = (username: Username) =>
          Effect.gen(function* () {
            const id = yield* newUserId
            const email = Email.make("another@example.com")
            const { ttlMillis } = confirmationLimits
            yield* confirmations.register({ id, username, email, passwordHash: hashOf("asked"), ttlMillis })
          })
        for (const { username } of [free, taken, confirmed]) {
          assert.strictEqual((yield* Effect.flip(again(username)))._tag, "AccountExists")
        }
        yield* timePasses("2 minutes")
        assert.deepEqual(yield* left, { waiting: 0, codes: 2, requests: 0 })
        const tag = Effect.map(Effect.flip(confirmations.confirm(free.code.codeHash)), ({ _tag }) => _tag)
        assert.strictEqual(yield* tag, "ConfirmationCodeExpired")
        for (const { username } of [free, taken]) yield* again(username)
        assert.strictEqual((yield* Effect.flip(again(confirmed.username)))._tag, "AccountExists") // the account's
        yield* timePasses("1 day")
        assert.deepEqual(yield* left, { waiting: 0, codes: 0, requests: 0 })
        assert.strictEqual(yield* tag, "ConfirmationCodeNotFound")
      })
  )

  it.effect("a used code stays used after its row is gone (B6)", () =>
    Effect.gen(function* () {
      yield* startOver
      const codes = yield* ResetCodes
      const { codeHash } = yield* liveCode(yield* newAccount)
      yield* codes.consume(codeHash, hashOf("new"))
      yield* timePasses("25 hours")
      yield* cleanUp
      const refused = yield* Effect.flip(codes.consume(codeHash, hashOf("newer")))
      assert.strictEqual(refused._tag, "ResetCodeNotFound")
    })
  )

  it.effect("sessions of an older password go, whichever of many they are, and the others stay", () =>
    Effect.gen(function* () {
      yield* startOver
      const sql = yield* SqlClient.SqlClient
      const [changed, other] = [yield* newAccount, yield* newAccount]
      yield* openSession(changed)
      yield* sql`
        insert into sessions (id, user_id, credentials_version, expires_at)
        select gen_random_uuid(), ${other.user.id}::uuid, 1, now() + interval '1 day' from generate_series(1, 1100)`
      yield* sql`update users set credentials_version = 2 where id = ${changed.user.id}`
      for (let pass = 0; pass < 3; pass++) yield* cleanUp
      assert.strictEqual((yield* counts).sessions, 1100)
      assert.lengthOf(yield* sql`select from sessions where user_id = ${changed.user.id}`, 0)
      yield* openSession(changed) // with the version that was read before
      for (let pass = 0; pass < 3; pass++) yield* cleanUp
      assert.strictEqual((yield* counts).sessions, 1100)
    })
  )

  it.effect("takes more than a batch, batch by batch", () =>
    Effect.gen(function* () {
      yield* startOver
      const sql = yield* SqlClient.SqlClient
      const { deleteSome } = yield* Leftovers
      yield* sql`insert into recovery_requests (email_key, asked_at) select 'x', now() - interval '2 days' from generate_series(1, 1200)`
      assert.isTrue(yield* deleteSome)
      assert.strictEqual((yield* counts).requests, 700)
      yield* cleanUp
      assert.strictEqual((yield* counts).requests, 0)
    })
  )

  it.effect("forgets an import, and what it refused, a month after it was last touched", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`delete from imports`
      yield* sql`insert into imports (file_hash) values (sha256('old')), (sha256('new'))`
      yield* sql`
        insert into import_refusals (import_id, line, reason)
        select id, line, 'x' from imports, generate_series(1, 1200) line`
      const left = sql<{ readonly imports: number; readonly refusals: number }>`
        select (select count(*)::int from imports) as imports, (select count(*)::int from import_refusals) as refusals`
      yield* timePasses("29 days")
      yield* cleanUp
      assert.deepEqual(yield* left, [{ imports: 2, refusals: 2400 }])
      yield* sql`update imports set touched_at = now() where file_hash = sha256('new')`
      yield* timePasses("2 days")
      yield* cleanUp
      assert.deepEqual(yield* left, [{ imports: 1, refusals: 1200 }])
    })
  )
})

onPostgres("the clean-up at size", withLeftovers, (it) => {
  it.effect("skips what a reset or a worker holds, and blocks neither", () =>
    Effect.gen(function* () {
      yield* startOver
      const sql = yield* SqlClient.SqlClient
      const account = yield* newAccount
      yield* liveCode(account)
      yield* liveCode(yield* newAccount)
      yield* timePasses("25 hours")
      const held = yield* Deferred.make<void>()
      const goOn = yield* Deferred.make<void>()
      const holder = yield* sql`select from reset_codes where user_id = ${account.user.id} for update`.pipe(
        Effect.andThen(Deferred.succeed(held, undefined)),
        Effect.andThen(Deferred.await(goOn)),
        sql.withTransaction,
        Effect.forkChild
      )
      yield* Deferred.await(held)
      yield* cleanUp
      assert.strictEqual((yield* counts).codes, 1)
      yield* Deferred.succeed(goOn, undefined)
      yield* Fiber.join(holder)
      yield* cleanUp
      assert.strictEqual((yield* counts).codes, 0)
    })
  )

  it.effect("is shared by several processes, and goes on while codes are issued and used", () =>
    Effect.gen(function* () {
      yield* startOver
      const sql = yield* SqlClient.SqlClient
      const codes = yield* ResetCodes
      const accounts = yield* Effect.forEach(Array.from({ length: 10 }), () => newAccount)
      yield* sql`
        insert into reset_codes (code_hash, user_id, issued_at, expires_at)
        select sha256(n::text::bytea), u.id, now() - interval '2 days', now() - interval '2 days'
        from users u, generate_series(1, 500) n where u.id = ${accounts[0]?.user.id ?? ""}`
      const life = Effect.forEach(
        accounts,
        (account) => Effect.flatMap(liveCode(account), ({ codeHash }) => codes.consume(codeHash, hashOf("new"))),
        { concurrency: 4 }
      )
      yield* Effect.all([cleanUp, cleanUp, cleanUp, life], { concurrency: "unbounded" })
      assert.strictEqual((yield* counts).codes, 10)
    })
  )

  it.effect("finds what is old by an index, and so does every statement of the outbox and the trail", () =>
    Effect.gen(function* () {
      yield* startOver
      const sql = yield* SqlClient.SqlClient
      const outbox = yield* Outbox
      const requests = yield* RecoveryRequests
      const codes = yield* ResetCodes
      const { deleteSome } = yield* Leftovers
      const account = yield* newAccount
      yield* sql`
        insert into users (id, username, username_key, email, email_key, password_hash)
        select gen_random_uuid(), n, n, n, n, '' from (select 'person ' || generate_series(1, 20000)) as people (n)`
      yield* sql`
        insert into reset_codes (code_hash, user_id, expires_at)
        select sha256(username::bytea), id, now() + interval '1 day' from users`
      yield* sql`
        insert into sessions (id, user_id, credentials_version, expires_at)
        select gen_random_uuid(), id, 1, now() + interval '1 day' from users`
      yield* sql`
        insert into outbox (kind, recipient, user_id, code_hash, outcome, settled_at)
        select 'reset-code', email, id, sha256(username::bytea), 'sent', now() from users`
      yield* sql`insert into audit (event, outcome, actor, user_id) select 'sign-in', 'done', 'owner', id from users`
      yield* sql`insert into recovery_requests (email_key) select 'somebody' || n from generate_series(1, 5000) n`
      yield* sql`
        insert into recovery_requests (email_key, asked_at) overriding system value
        select 'somebody', now() - interval '2 days' from generate_series(1, 100)`
      for (const table of ["users", "reset_codes", "sessions", "outbox", "audit", "recovery_requests"]) {
        yield* sql`analyze ${sql(table)}`
      }

      const scans = sql<{ readonly name: string; readonly rows: bigint }>`
        select relname as name, seq_tup_read as rows from pg_stat_xact_user_tables where schemaname = current_schema()`

      /** The tables that a piece of work reads from end to end; in one transaction, since each connection counts for itself. */
      const scannedBy = <A, E, R>(work: Effect.Effect<A, E, R>) =>
        Effect.gen(function* () {
          const before = new Map((yield* scans).map(({ name, rows }) => [name, rows]))
          yield* work
          return (yield* scans)
            .filter(({ name, rows }) => rows - (before.get(name) ?? 0n) > 100n)
            .map(({ name }) => name)
        }).pipe(sql.withTransaction)

      assert.deepEqual(yield* scannedBy(sql`select count(*) from users where username = 'x'`), ["users"])
      assert.deepEqual(yield* scannedBy(deleteSome), [])
      yield* requests.add(emailKey(account.user.email))
      assert.deepEqual(yield* scannedBy(requests.takeNext(freshCode(), limits)), [])
      const { codeHash } = yield* liveCode(yield* newAccount)
      assert.deepEqual(yield* scannedBy(Effect.ignore(codes.consume(codeHash, hashOf("new")))), [])
      assert.deepEqual(
        yield* scannedBy(
          Effect.gen(function* () {
            for (const mail of yield* outbox.claim(10, 60_000)) yield* outbox.sent(mail.id)
            yield* outbox.rehearse
          })
        ),
        []
      )
      assert.deepEqual(yield* scannedBy(sql`delete from users where id = ${account.user.id}`), [])
      assert.deepEqual(yield* scannedBy(sql`select * from audit where user_id = ${account.user.id} order by at`), [])
    })
  )
})
