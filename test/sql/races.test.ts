import { assert, it as once } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Option, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { AccountRepository } from "../../src/accounts/AccountRepository.ts"
import { EmailChanges } from "../../src/accounts/EmailChanges.ts"
import { SessionRepository, type StoredSession } from "../../src/accounts/SessionRepository.ts"
import { Email, emailKey } from "../../src/domain/Email.ts"
import { Unavailable } from "../../src/domain/Failure.ts"
import { Outbox } from "../../src/mail/Outbox.ts"
import { RecoveryRequests, ResetCodes } from "../../src/recovery/ResetCodes.ts"
import * as PostgresClient from "../../src/sql/PostgresClient.ts"
import { emptyPostgres, migrated, onPostgres } from "../support/databases.ts"
import { proxyTo } from "../support/proxy.ts"
import {
  block,
  confirmationLimits,
  emptyQueues,
  freshCode,
  freshEmailChange,
  hashOf,
  limits,
  liveCode,
  newAccount,
  newName,
  newSessionId,
  openSession,
  stored,
  wasDropped,
  wasIssued
} from "./people.ts"
import { repositories } from "./repositories.ts"

/** Whether each of two writers got through, and the session of a third. */
interface Outcome {
  readonly changed?: boolean
  readonly reset?: boolean
  readonly session?: Option.Option<StoredSession>
}

const atOnce = <A, E, R>(count: number, effect: (index: number) => Effect.Effect<A, E, R>) =>
  Effect.all(
    Array.from({ length: count }, (_, index) => effect(index)),
    { concurrency: "unbounded" }
  )

onPostgres("races", repositories, (it) => {
  it.effect("of 50 resets at once with one code one succeeds, and its hash is stored (B1)", () =>
    Effect.gen(function* () {
      const codes = yield* ResetCodes
      for (let round = 0; round < 5; round++) {
        const account = yield* newAccount
        const { codeHash } = yield* liveCode(account)
        const results = yield* atOnce(50, (index) => Effect.result(codes.consume(codeHash, hashOf(`new ${index}`))))
        const winners = results.flatMap((result, index) => (result._tag === "Success" ? [index] : []))
        assert.lengthOf(winners, 1)
        for (const result of results)
          if (result._tag === "Failure") assert.strictEqual(result.failure._tag, "ResetCodeUsed")
        const after = yield* stored(account)
        assert.strictEqual(Redacted.value(after.passwordHash), `new ${winners[0]}`)
        assert.strictEqual(after.version, account.version + 1)
      }
    })
  )

  it.effect("50 requests at once and six workers leave one live code and one mail (B2)", () =>
    Effect.gen(function* () {
      yield* emptyQueues
      const requests = yield* RecoveryRequests
      const codes = yield* ResetCodes
      const account = yield* newAccount
      const issued: Array<ReturnType<typeof freshCode>> = []
      const worker = Effect.gen(function* () {
        let idle = 0
        while (idle < 5) {
          const code = freshCode()
          const taken = yield* requests.takeNext(code, limits)
          if (Option.exists(taken, ({ outcome }) => outcome === "Issued")) issued.push(code)
          idle = Option.isNone(taken) ? idle + 1 : 0
        }
      })
      yield* Effect.all([atOnce(50, () => requests.add(emailKey(account.user.email))), atOnce(6, () => worker)], {
        concurrency: "unbounded"
      })
      assert.lengthOf(issued, 1)
      assert.lengthOf(yield* (yield* Outbox).claim(10, 60_000), 1)
      yield* codes.find(issued[0]?.codeHash ?? assert.fail())
    })
  )

  it.effect("workers at once give each mail to one of them (G1)", () =>
    Effect.gen(function* () {
      yield* emptyQueues
      const outbox = yield* Outbox
      for (let index = 0; index < 20; index++) yield* liveCode(yield* newAccount)
      const claims = yield* atOnce(6, () => outbox.claim(7, 60_000))
      const ids = claims.flat().map(({ id }) => id)
      assert.lengthOf(ids, new Set(ids).size)
      assert.lengthOf([...ids, ...(yield* outbox.claim(20, 60_000)).map(({ id }) => id)], 20)
    })
  )

  it.effect("one address's requests, held by a worker, keep no other address waiting (E4)", () =>
    Effect.gen(function* () {
      yield* emptyQueues
      const requests = yield* RecoveryRequests
      const sql = yield* SqlClient.SqlClient
      const [slow, other] = [yield* newAccount, yield* newAccount]
      yield* requests.add(emailKey(slow.user.email))
      const commit = yield* uncommitted(sql`delete from recovery_requests`)
      yield* requests.add(emailKey(other.user.email))
      assert.deepEqual(yield* requests.takeNext(freshCode(), limits), wasIssued)
      assert.deepEqual(yield* requests.takeNext(freshCode(), limits), Option.none())
      yield* commit
    })
  )

  it.effect(
    "a reset, a change of password, a sign-in and an upgrade at once: the newest password stands alone (F8, F9)",
    () =>
      Effect.gen(function* () {
        const accounts = yield* AccountRepository
        const codes = yield* ResetCodes
        const sessions = yield* SessionRepository
        for (let round = 0; round < 40; round++) {
          const account = yield* newAccount
          const { id } = account.user
          const { codeHash } = yield* liveCode(account)
          const change = { id, version: account.version, passwordHash: hashOf("changed"), keep: yield* newSessionId }
          // In another order each round.
          const order = <A>(works: ReadonlyArray<A>) =>
            works.map((_, index) => works[(index + round) % works.length] as A)
          const outcomes = yield* Effect.all(
            order([
              Effect.map(Effect.option(codes.consume(codeHash, hashOf("reset"))), (done) => ({
                reset: Option.isSome(done)
              })),
              Effect.map(accounts.changePassword(change), (done) => ({ changed: Option.isSome(done) })),
              Effect.map(openSession(account), (session) => ({ session })),
              Effect.as(accounts.upgradeHash(id, account.version, hashOf("upgraded")), {})
            ]),
            { concurrency: "unbounded" }
          )
          const { changed, reset, session }: Outcome = Object.assign({}, ...outcomes)
          assert.isTrue(reset !== changed) // one of the two, whichever came first
          assert.strictEqual(Redacted.value((yield* stored(account)).passwordHash), reset ? "reset" : "changed")
          if (session !== undefined && Option.isSome(session)) {
            assert.isTrue(Option.isNone(yield* sessions.authenticate(session.value.id)))
          }
        }
      })
  )

  it.effect("a session that commits after the reset is dead on arrival (F8)", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const codes = yield* ResetCodes
      const sessions = yield* SessionRepository
      const account = yield* newAccount
      const { codeHash } = yield* liveCode(account)
      const id = yield* newSessionId
      const commit = yield* uncommitted(sql`
        insert into sessions (id, user_id, credentials_version, expires_at)
        select ${id}::uuid, u.id, u.credentials_version, now() + interval '1 day' from users u where u.id = ${account.user.id}`)
      yield* codes.consume(codeHash, hashOf("new"))
      yield* commit
      assert.lengthOf(yield* sql`select from sessions where id = ${id}`, 1) // it is there
      assert.isTrue(Option.isNone(yield* sessions.authenticate(id))) // and can't be used
    })
  )

  it.effect("a session that is opened while its account is deleted isn't, and nothing fails", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const account = yield* newAccount
      const commit = yield* uncommitted(sql`delete from users where id = ${account.user.id}`)
      const opened = yield* Effect.forkChild(openSession(account))
      yield* waiting(1)
      yield* commit
      assert.deepStrictEqual(yield* Fiber.join(opened), Option.none())
    })
  )

  it.effect("an account that is blocked while its reset waits isn't reset, and its code isn't burnt", () =>
    Effect.gen(function* () {
      const codes = yield* ResetCodes
      const account = yield* newAccount
      const { codeHash } = yield* liveCode(account)
      const commit = yield* uncommitted(block(account))
      const reset = yield* Effect.forkChild(Effect.flip(codes.consume(codeHash, hashOf("new"))))
      yield* waiting(1)
      yield* commit
      assert.strictEqual((yield* Fiber.join(reset))._tag, "AccountBlocked")
      assert.strictEqual(Redacted.value((yield* stored(account)).passwordHash), "old")
      yield* block(account, false)
      yield* codes.consume(codeHash, hashOf("new"))
    })
  )

  it.effect("an account that is blocked while a worker waits for it gets no code", () =>
    Effect.gen(function* () {
      yield* emptyQueues
      const requests = yield* RecoveryRequests
      const account = yield* newAccount
      yield* requests.add(emailKey(account.user.email))
      const commit = yield* uncommitted(block(account))
      const worker = yield* Effect.forkChild(requests.takeNext(freshCode(), limits))
      yield* waiting(1)
      yield* commit
      assert.deepEqual(yield* Fiber.join(worker), wasDropped)
      assert.deepEqual(yield* (yield* Outbox).claim(10, 60_000), [])
    })
  )

  it.effect("of two ways back that are taken at once the earliest wins, and the later one comes too late (F25)", () =>
    Effect.gen(function* () {
      const { ask, confirm, takeNext, undo } = yield* EmailChanges
      const sql = yield* SqlClient.SqlClient
      const account = yield* newAccount
      const { id: session } = Option.getOrThrow(yield* openSession(account))
      const changed = Effect.gen(function* () {
        const { version } = yield* stored(account)
        const [code, wayBack] = [freshEmailChange(), freshEmailChange()]
        yield* ask({ id: account.user.id, version, session, email: Email.make(`${newName()}@new.example`) })
        yield* takeNext(code, confirmationLimits)
        yield* confirm(code.codeHash, wayBack, 60_000)
        return wayBack
      })
      const [earliest, later] = [yield* changed, yield* changed]
      const commit = yield* uncommitted(sql`select from users where id = ${account.user.id} for update`)
      const first = yield* Effect.forkChild(undo(earliest.codeHash, hashOf("nobody's")))
      yield* waiting(1)
      const second = yield* Effect.forkChild(Effect.flip(undo(later.codeHash, hashOf("nobody's"))))
      yield* waiting(2)
      yield* commit
      assert.strictEqual((yield* Fiber.join(first)).email, account.user.email)
      assert.strictEqual((yield* Fiber.join(second))._tag, "EmailChangeCodeSuperseded")
      assert.strictEqual((yield* stored(account)).user.email, account.user.email)
      yield* emptyQueues // a reset code was asked for
    })
  )

  it.effect("a reset whose connection is lost before it was done is not done, and its code still works (B8)", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const codes = yield* ResetCodes
      const account = yield* newAccount
      const { codeHash } = yield* liveCode(account)
      const commit = yield* uncommitted(sql`select from users where id = ${account.user.id} for update`)
      const reset = yield* Effect.forkChild(Effect.flip(codes.consume(codeHash, hashOf("new"))))
      yield* waiting(1)
      yield* sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`
      yield* commit
      assert.deepStrictEqual(yield* Fiber.join(reset), new Unavailable())
      assert.strictEqual(Redacted.value((yield* stored(account)).passwordHash), "old")
      yield* codes.consume(codeHash, hashOf("newer"))
    })
  )
})

once.live("a reset whose answer is lost on its way is read back, and is told as the success that it is (B8)", () =>
  Effect.gen(function* () {
    const direct = yield* emptyPostgres
    const proxy = yield* proxyTo(direct)
    const behindProxy = migrated(PostgresClient.layer({ url: proxy.url, poolSize: 2, prepare: true }))
    yield* Effect.gen(function* () {
      const codes = yield* ResetCodes
      const account = yield* newAccount
      const { codeHash } = yield* liveCode(account)
      yield* proxy.swallow(true)
      const reset = yield* Effect.forkChild(codes.consume(codeHash, hashOf("new")))
      yield* hashIs("new", account.user.id).pipe(
        Effect.provide(PostgresClient.layer({ url: direct, poolSize: 1, prepare: true }), { local: true })
      )
      yield* proxy.swallow(false)
      yield* proxy.refuse(true)
      yield* proxy.cut
      yield* Effect.sleep("150 millis") // so the first attempt to read back fails
      yield* proxy.refuse(false)
      const { user, version } = yield* Fiber.join(reset)
      assert.strictEqual(user.id, account.user.id)
      assert.strictEqual(version, account.version + 1)
    }).pipe(Effect.provide(Layer.provideMerge(repositories, behindProxy)))
  })
)

/** Runs a statement in a transaction that stays open; the effect that comes back commits it. */
const uncommitted = Effect.fnUntraced(function* <A, E>(statement: Effect.Effect<A, E, SqlClient.SqlClient>) {
  const sql = yield* SqlClient.SqlClient
  const done = yield* Deferred.make<void>()
  const goOn = yield* Deferred.make<void>()
  const transaction = yield* statement.pipe(
    Effect.andThen(Deferred.succeed(done, undefined)),
    Effect.andThen(Deferred.await(goOn)),
    sql.withTransaction,
    Effect.forkChild
  )
  yield* Deferred.await(done)
  return Effect.andThen(Deferred.succeed(goOn, undefined), Fiber.join(transaction))
})

/** Waits until the account has this hash. */
const hashIs = Effect.fnUntraced(function* (hash: string, id: string) {
  const sql = yield* SqlClient.SqlClient
  const found = sql`select from users where id = ${id}::uuid and password_hash = ${hash}`
  yield* Effect.repeat(Effect.delay(found, "5 millis"), { until: (rows) => rows.length === 1 })
})

/** Waits until this many statements of the database wait for a lock. */
const waiting = Effect.fnUntraced(function* (count: number) {
  const sql = yield* SqlClient.SqlClient
  const blocked = sql`
    select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  yield* Effect.repeat(Effect.delay(blocked, "5 millis"), { until: (rows) => rows.length >= count })
})
