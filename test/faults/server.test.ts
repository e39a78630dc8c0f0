import { fileURLToPath } from "node:url"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { decodeJwt } from "jose"
import { assertError, textAt } from "../support/client.ts"
import { migratedPostgres, timePasses } from "../support/databases.ts"
import { startServer } from "../support/server.ts"
import { MailServer } from "../support/smtp.ts"
import {
  assertAllWholeOrNotThere,
  cheapHashes,
  countOf,
  forgotten,
  freshClientOf,
  lostOf,
  peopleWithCodes,
  personWithCode,
  settingsFor,
  type Trial,
  tryReset,
  until
} from "./invariants.ts"

/** A database, a client of it that isn't Rekey's, and the settings of the processes on it. */
const database = Effect.gen(function* () {
  const url = yield* migratedPostgres
  const client = yield* Layer.build(PgClient.layer({ url, maxConnections: 4, applicationName: "faults" }))
  const env = { ...(yield* settingsFor), DATABASE_URL: Redacted.value(url) }
  return { env, sql: Context.get(client, SqlClient.SqlClient) }
})

/** Waits until so many of Rekey's statements wait for a row that somebody holds. */
const waitingFor = (sql: SqlClient.SqlClient, count: number) =>
  sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.pipe(
    Effect.delay("5 millis"),
    Effect.repeat({ until: (rows) => rows.length >= count })
  )

/** Does something while the rows of these are held, which holds their resets up. */
const whileHeld = Effect.fnUntraced(function* <A>(
  sql: SqlClient.SqlClient,
  trials: ReadonlyArray<Trial>,
  work: Effect.Effect<A, SqlError>
) {
  const [held, release] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
  const ids = trials.map(({ person }) => person.id)
  const holder = yield* sql`select from users where ${sql.in("id", ids)} for update`.pipe(
    Effect.andThen(Deferred.succeed(held, undefined)),
    Effect.andThen(Deferred.await(release)),
    sql.withTransaction,
    Effect.forkChild
  )
  yield* Deferred.await(held)
  const done = yield* work
  yield* Deferred.succeed(release, undefined)
  yield* Fiber.join(holder)
  return done
})

layer(MailServer.layer, { excludeTestServices: true })("a server", (it) => {
  it.effect("killed under 40 resets: each is whole or not there, and every 200 is true (B8)", () =>
    Effect.gen(function* () {
      const { env, sql } = yield* database
      let server = yield* startServer({ env })
      let client = yield* freshClientOf(server.url)
      for (const killedAfter of [1, 8, 16, 24, 32]) {
        const trials = yield* peopleWithCodes(client, 40)
        const resets = yield* Effect.forkChild(
          Effect.forEach(trials, (trial) => tryReset(client, trial), { concurrency: "unbounded" })
        )
        yield* until(() => countOf(trials, 200) >= killedAfter)
        yield* server.stop("SIGKILL")
        yield* Fiber.join(resets)
        assert.isAbove(lostOf(trials), 0)
        yield* forgotten(sql)
        server = yield* startServer({ env })
        client = yield* freshClientOf(server.url)
        yield* assertAllWholeOrNotThere(client, sql, trials, { serverKilled: true })
      }
    })
  )

  it.effect("killed while its statements are under way: each is whole or not there (B8)", () =>
    Effect.gen(function* () {
      const { env, sql } = yield* database
      const first = yield* startServer({ env: { ...env, ...cheapHashes, DATABASE_POOL_SIZE: "40" } })
      const before = yield* freshClientOf(first.url)
      const trials = yield* peopleWithCodes(before, 40)
      const killed = Effect.gen(function* () {
        const resets = yield* Effect.forkChild(
          Effect.forEach(trials, (trial) => tryReset(before, trial), { concurrency: "unbounded" })
        )
        yield* waitingFor(sql, 20)
        yield* first.stop("SIGKILL")
        yield* Fiber.join(resets)
      })
      yield* whileHeld(sql, trials.slice(0, 20), killed)
      assert.isAtLeast(lostOf(trials), 20)
      yield* forgotten(sql)
      const after = yield* freshClientOf((yield* startServer({ env })).url)
      yield* assertAllWholeOrNotThere(after, sql, trials, { serverKilled: true })
    })
  )

  it.effect(
    "killed beside another: the other answers all of its own, and the rest through it are whole or not there",
    () =>
      Effect.gen(function* () {
        const { env, sql } = yield* database
        const [dying, living] = yield* Effect.all([startServer({ env }), startServer({ env })], { concurrency: 2 })
        const [one, other] = [yield* freshClientOf(dying.url), yield* freshClientOf(living.url)]
        const [lost, kept] = [yield* peopleWithCodes(one, 20), yield* peopleWithCodes(other, 20)]
        const resets = yield* Effect.forkChild(
          Effect.all([...lost.map((trial) => tryReset(one, trial)), ...kept.map((trial) => tryReset(other, trial))], {
            concurrency: "unbounded"
          })
        )
        yield* until(() => countOf(lost, 200) >= 1)
        yield* dying.stop("SIGKILL")
        yield* Fiber.join(resets)
        assert.isAbove(lostOf(lost), 0)
        assert.strictEqual(countOf(kept, 200), 20)
        assert.strictEqual(yield* assertAllWholeOrNotThere(other, sql, kept), 20)
        yield* assertAllWholeOrNotThere(other, sql, lost, { serverKilled: true })
      })
  )

  it.effect("told to end under 40 resets completes them, refuses what comes then, and is gone within 10 s (B9)", () =>
    Effect.gen(function* () {
      const { env, sql } = yield* database
      const first = yield* startServer({ env: { ...env, ...cheapHashes, DATABASE_POOL_SIZE: "50" } })
      const before = yield* freshClientOf(first.url)
      const [trials, late] = [yield* peopleWithCodes(before, 40), yield* peopleWithCodes(before, 10)]
      const told = Effect.gen(function* () {
        const resets = yield* Effect.forkChild(
          Effect.forEach(trials, (trial) => tryReset(before, trial), { concurrency: "unbounded" })
        )
        yield* waitingFor(sql, 40)
        const ending = yield* Effect.forkChild(first.stop("SIGTERM"))
        const healthy = Effect.map(before.get("/health"), ({ status }) => status === 200)
        yield* Effect.repeat(
          Effect.catchDefect(healthy, () => Effect.succeed(false)),
          { while: (healthy) => healthy }
        )
        yield* Effect.forEach(late, (trial) => tryReset(before, trial), { concurrency: "unbounded" })
        return { ending, resets }
      })
      const { ending, resets } = yield* whileHeld(sql, trials, told)
      for (const { answer, lost } of late.flatMap(({ tries }) => tries)) {
        if (answer === undefined) assert.strictEqual(lost, "ECONNREFUSED")
        else assertError(answer, 503, "Unavailable")
      }
      yield* Fiber.join(resets)
      assert.strictEqual(countOf(trials, 200), 40)
      const gone = Effect.timeoutOrElse(Fiber.join(ending), {
        duration: "10 seconds",
        orElse: () => Effect.die(new Error("It is still there."))
      })
      assert.deepStrictEqual(yield* gone, { code: 0, signal: null })
      const after = yield* freshClientOf((yield* startServer({ env })).url)
      assert.strictEqual(yield* assertAllWholeOrNotThere(after, sql, trials), 40)
      assert.strictEqual(yield* assertAllWholeOrNotThere(after, sql, late, { serverKilled: true }), 0)
    })
  )

  it.effect("whose clock is an hour off either way does all by the database's clock (B5)", () =>
    Effect.gen(function* () {
      const { env, sql } = yield* database
      const shift = fileURLToPath(new URL("shiftClock.ts", import.meta.url))
      const offBy = (millis: number) =>
        startServer({ env: { ...env, NODE_OPTIONS: `--import=${shift}`, CLOCK_OFF_MILLIS: String(millis) } })
      const servers = yield* Effect.all([offBy(-3_600_000), offBy(3_600_000)], { concurrency: 2 })
      const [slow, fast] = yield* Effect.all([freshClientOf(servers[0].url), freshClientOf(servers[1].url)])
      for (const [server, hours] of [
        [slow, -1],
        [fast, 1]
      ] as const) {
        const { iat } = decodeJwt((yield* server.register()).jwt)
        assert.closeTo(Number(iat), Date.now() / 1000 + hours * 3600, 60)
      }
      for (const [one, other] of [
        [slow, fast],
        [fast, slow]
      ] as const) {
        const trials = yield* peopleWithCodes(one, 10)
        yield* Effect.forEach(trials, (trial) => tryReset(other, trial), { concurrency: "unbounded" })
        assert.strictEqual(countOf(trials, 200), 10)
        assert.strictEqual(yield* assertAllWholeOrNotThere(other, sql, trials), 10)

        const { code, person } = yield* personWithCode(one)
        const jwt = textAt(yield* other.signIn(person.email, person.password), "jwt")
        for (const server of [one, other]) {
          assert.strictEqual((yield* server.me(jwt)).status, 200)
          assert.strictEqual((yield* server.me(person.jwt)).status, 200)
        }
        const later = (duration: string) => Effect.provideService(timePasses(duration), SqlClient.SqlClient, sql)
        yield* later("29 minutes")
        for (const server of [one, other]) assert.strictEqual((yield* server.check(code)).status, 200)
        yield* later("1 minute")
        for (const server of [one, other]) {
          assertError(yield* server.check(code), 403, "ResetCodeExpired")
          assertError(yield* server.reset(code, "a new long phrase"), 403, "ResetCodeExpired")
        }
      }
    })
  )
})
