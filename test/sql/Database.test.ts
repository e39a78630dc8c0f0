import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Logger, Redacted, Scope } from "effect"
import { SqlClient } from "effect/sql"
import { Unavailable } from "../../src/domain/Failure.ts"
import { AccountExists } from "../../src/domain/User.ts"
import { Database } from "../../src/sql/Database.ts"
import * as PostgresClient from "../../src/sql/PostgresClient.ts"
import { emptyPostgres, onEachDatabase } from "../support/databases.ts"
import { proxyTo } from "../support/proxy.ts"

const quiet = Logger.layer([])

/** All that a log of these lines could show. */
const logged = () => {
  const lines: Array<string> = []
  const logger = Logger.map(Logger.formatJson, (line) => void lines.push(line))
  return { lines, layer: Logger.layer([logger]) }
}

/** Raises an error as the server would. */
const raise = (state: string) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) =>
    sql.unsafe(
      `do $$ begin raise exception 'it holds 4711' using errcode = '${state}', detail = 'it holds 4711'; end $$`
    )
  )

const answer = Effect.flatMap(SqlClient.SqlClient, (sql) => sql<{ readonly n: number }>`select 1 as n`)

/** A PostgreSQL client and the way to it, as a service of its own, until the scope ends. */
const service = Effect.fnUntraced(function* (url: Redacted.Redacted, poolSize = 4, log: Layer.Layer<never> = quiet) {
  const client = PostgresClient.layer({ url, poolSize, prepare: true })
  const context = yield* Layer.build(Database.layer.pipe(Layer.provideMerge(client), Layer.provide(log)))
  return { ...Context.get(context, Database), sql: Context.get(context, SqlClient.SqlClient) }
})

const startedService = (...of: Parameters<typeof service>) => Effect.tap(service(...of), ({ started }) => started)

/** The URL with other parts. */
const changed = (url: Redacted.Redacted, parts: Partial<Pick<URL, "pathname" | "username" | "password" | "port">>) =>
  Redacted.make(Object.assign(new URL(Redacted.value(url)), parts).href)

/** Ends every other connection of the database, as a restart does. */
const disconnectAll = Effect.fnUntraced(function* (sql: SqlClient.SqlClient) {
  yield* sql`
    select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`
})

const until = <E, R>(condition: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  Effect.repeat(Effect.delay(condition, "5 millis"), { until: (holds) => holds }).pipe(Effect.asVoid)

onEachDatabase("the way to the database", Layer.empty, (it) => {
  it.effect("answers when it is ready", () =>
    Effect.gen(function* () {
      const database = yield* Database
      yield* database.ready
      assert.deepEqual(yield* database.run(answer), [{ n: 1 }])
    })
  )

  it.effect.each(["40001", "40P01"])("work that the database rolled back is done once more (%s)", (state) =>
    Effect.gen(function* () {
      const { run } = yield* Database
      let attempts = 0
      const work = Effect.suspend(() => (++attempts === 1 ? raise(state) : answer))
      assert.deepEqual(yield* run(work), [{ n: 1 }])
      attempts = 0
      const sql = yield* SqlClient.SqlClient
      assert.deepEqual(yield* run(sql.withTransaction(work)), [{ n: 1 }])
      let rolledBack = 0
      const always = Effect.suspend(() => {
        rolledBack++
        return raise(state)
      })
      assert.deepEqual(yield* Effect.flip(run(always)), new Unavailable())
      assert.strictEqual(rolledBack, 2)
    })
  )

  it.effect.each(["08006", "25006", "28P01", "3D000", "53100", "53300", "55P03", "57P01", "57P02", "57P03"])(
    "a database that can't do it now is unavailable (%s)",
    (state) =>
      Effect.gen(function* () {
        const { run } = yield* Database
        assert.deepEqual(yield* Effect.flip(run(raise(state))), new Unavailable())
        assert.deepEqual(yield* run(answer), [{ n: 1 }])
      })
  )

  it.effect.each(["42501", "42601", "22P02", "23505", "23514", "XX000"])(
    "a statement that is wrong is a defect, and nothing of its values is in it (%s)",
    (state) =>
      Effect.gen(function* () {
        const { run } = yield* Database
        const exit = yield* Effect.exit(run(raise(state)))
        assert.isTrue(Exit.hasDies(exit) && !Exit.hasFails(exit))
        const { layer, lines } = logged()
        yield* Effect.logError("failed", Exit.isFailure(exit) ? exit.cause : "").pipe(Effect.provide(layer))
        assert.include(lines.join(), state)
        assert.notInclude(lines.join(), "4711")
      })
  )

  it.effect("what a use case says of itself passes, and rolls its transaction back", () =>
    Effect.gen(function* () {
      const { run } = yield* Database
      const sql = yield* SqlClient.SqlClient
      const work = sql`create table half_done (id int)`.pipe(Effect.andThen(Effect.fail(new AccountExists())))
      assert.deepEqual(yield* Effect.flip(run(sql.withTransaction(work))), new AccountExists())
      assert.deepEqual(yield* sql`select to_regclass('half_done') as name`, [{ name: null }])
    })
  )

  it.effect("a caller that hangs up leaves nothing half done", () =>
    Effect.gen(function* () {
      const { run } = yield* Database
      const sql = yield* SqlClient.SqlClient
      yield* sql`create table steps (step int)`
      const begun = yield* Deferred.make<void>()
      const goOn = yield* Deferred.make<void>()
      const work = Effect.gen(function* () {
        yield* sql`insert into steps values (1)`
        yield* Deferred.succeed(begun, undefined)
        yield* Deferred.await(goOn)
        yield* sql`insert into steps values (2)`
      })
      const caller = yield* Effect.forkChild(run(sql.withTransaction(work)))
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(caller)
      yield* Deferred.succeed(goOn, undefined)
      while ((yield* sql`select from steps`).length === 0) yield* Effect.sleep("5 millis")
      assert.deepEqual(yield* sql`select step from steps order by 1`, [{ step: 1 }, { step: 2 }])
    })
  )

  it.effect("stopping waits for what is under way (B9), and refuses what comes then", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const scope = yield* Scope.make()
      const layer = Layer.provide(
        Layer.fresh(Database.layer),
        Layer.merge(Layer.succeed(SqlClient.SqlClient, sql), quiet)
      )
      const { run, started } = Context.get(yield* Scope.provide(Layer.build(layer), scope), Database)
      yield* started
      const begun = yield* Deferred.make<void>()
      let done = false
      const work = Effect.gen(function* () {
        yield* sql`select 1`
        yield* Deferred.succeed(begun, undefined)
        yield* Effect.sleep("50 millis")
        yield* sql`select 2`
        done = true
      })
      const caller = yield* Effect.forkChild(run(sql.withTransaction(work)))
      yield* Deferred.await(begun)
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(done)
      yield* Fiber.join(caller)
      assert.deepEqual(yield* Effect.flip(run(answer)), new Unavailable())
    })
  )
})

describe("a PostgreSQL that comes and goes", { concurrent: true }, () => {
  it.live("before the migrations are applied nothing runs", () =>
    Effect.gen(function* () {
      const url = yield* emptyPostgres
      const other = Context.get(
        yield* Layer.build(PostgresClient.layer({ url, poolSize: 2, prepare: true })),
        SqlClient.SqlClient
      )
      const migrated = yield* Deferred.make<void>()
      const locked = yield* Deferred.make<void>()
      // Another process is at it.
      yield* other`select pg_advisory_xact_lock(${0x72656b6579n})`.pipe(
        Effect.andThen(Deferred.succeed(locked, undefined)),
        Effect.andThen(Deferred.await(migrated)),
        other.withTransaction,
        Effect.forkScoped
      )
      yield* Deferred.await(locked)
      const { run, ready, started } = yield* service(url)
      yield* until(
        Effect.map(
          other`
            select from pg_locks l join pg_database d on d.oid = l.database
            where d.datname = current_database() and not l.granted`,
          (waiting) => waiting.length > 0
        )
      )
      let ran = false
      const work = Effect.sync(() => {
        ran = true
      })
      assert.deepEqual(yield* Effect.flip(run(work)), new Unavailable())
      assert.deepEqual(yield* Effect.flip(ready), new Unavailable())
      assert.isFalse(ran)
      yield* Deferred.succeed(migrated, undefined)
      yield* started
      yield* ready
    })
  )

  it.live("one that isn't there yet is waited for, with one line when the waiting begins and one when it ends", () =>
    Effect.gen(function* () {
      const url = yield* emptyPostgres
      const { sql } = yield* startedService(url)
      const name = `late_${crypto.randomUUID().slice(0, 8)}`
      const { layer, lines } = logged()
      const { started } = yield* service(changed(url, { pathname: name }), 1, layer)
      yield* until(Effect.sync(() => lines.length > 0))
      yield* Effect.sleep("1200 millis") // at least one more attempt
      yield* Effect.acquireRelease(sql`create database ${sql(name)}`, () =>
        Effect.orDie(sql`drop database ${sql(name)} with (force)`)
      )
      yield* started
      const messages = lines.map((line) => [JSON.parse(line).message].flat()[0])
      assert.deepEqual(messages, [
        "The database can't be used now, waiting for it",
        "Migrations applied",
        "The database answers"
      ])
    })
  )

  it.live("what keeps it away is logged, and no password", () =>
    Effect.gen(function* () {
      const url = yield* emptyPostgres
      for (const [parts, reason] of [
        [{ port: "1" }, "ECONNREFUSED"],
        [{ username: "nobody_here" }, "nobody_here"]
      ] as const) {
        const { layer, lines } = logged()
        const { ready } = yield* service(changed(url, { ...parts, password: "hunter2hunter2" }), 1, layer)
        yield* until(Effect.sync(() => lines.length > 0))
        assert.include(lines.join(), reason)
        assert.notInclude(lines.join(), "hunter2")
        assert.deepEqual(yield* Effect.flip(ready), new Unavailable())
      }
    })
  )

  it.live("one that can only be read, as a standby, isn't ready", () =>
    Effect.gen(function* () {
      const { ready, sql } = yield* startedService(yield* emptyPostgres, 1)
      yield* sql`set default_transaction_read_only = on`
      assert.deepEqual(yield* Effect.flip(ready), new Unavailable())
      yield* sql`set default_transaction_read_only = off`
      yield* ready
    })
  )

  it.live("a database that can never be used is told to who waits for the start", () =>
    Effect.gen(function* () {
      const url = yield* emptyPostgres
      const { sql } = yield* startedService(url)
      yield* sql`insert into rekey_migrations (id, name, checksum) values (9999, '9999_future.sql', '')`
      const { ready, started } = yield* service(url)
      assert.match((yield* Effect.flip(started)).message, /^.*9999_future\.sql.*$/)
      assert.deepEqual(yield* Effect.flip(ready), new Unavailable())
    })
  )

  it.live("a statement without an answer is given up, without waiting for the client to drain it", () =>
    Effect.gen(function* () {
      const proxy = yield* proxyTo(yield* emptyPostgres)
      const { ready } = yield* startedService(proxy.url)
      yield* proxy.swallow(true)
      const drained = Effect.as(Effect.sleep("4500 millis"), "drained")
      assert.deepEqual(yield* Effect.raceFirst(Effect.flip(ready), drained), new Unavailable())
      yield* proxy.swallow(false)
      yield* proxy.cut
      yield* ready
    }).pipe(Effect.provide(quiet))
  )

  it.live(
    "connections that are lost midway are unavailable, in a transaction too, and the next statement gets a new one",
    () =>
      Effect.gen(function* () {
        const url = yield* emptyPostgres
        const { sql: admin } = yield* startedService(url)
        const { ready, run, sql } = yield* startedService(url)
        yield* sql`create table steps (step int)`
        for (const within of [sql.withTransaction, <A>(work: A) => work]) {
          const begun = yield* Deferred.make<void>()
          const work = Effect.andThen(
            sql`insert into steps values (1)`,
            Effect.andThen(Deferred.succeed(begun, undefined), sql`select pg_sleep(20)`)
          )
          const caller = yield* Effect.forkChild(Effect.flip(run(within(work))))
          yield* Deferred.await(begun)
          yield* until(
            Effect.map(
              admin`
              select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`,
              (_) => _.length > 0
            )
          )
          yield* disconnectAll(admin)
          assert.deepEqual(yield* Fiber.join(caller), new Unavailable())
          yield* ready
        }
        assert.lengthOf(yield* sql`select from steps`, 1) // the one outside of the transaction
      }).pipe(Effect.provide(quiet))
  )

  it.live("callers that hang up cost the pool no connection", () =>
    Effect.gen(function* () {
      const url = yield* emptyPostgres
      const { run, sql } = yield* startedService(url, 2)
      const { sql: admin } = yield* service(url, 1)
      const connections = Effect.map(
        admin<{ readonly pid: number }>`
          select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
        (rows) => rows.map(({ pid }) => pid)
      )
      const slow = run(sql`select pg_sleep(0.05)`)
      yield* Effect.all([slow, slow], { concurrency: 2 })
      const before = yield* connections
      for (let index = 0; index < 5; index++) {
        const callers = yield* Effect.forEach([slow, slow], (caller) => Effect.forkChild(caller))
        yield* Effect.sleep("10 millis")
        yield* Fiber.interruptAll(callers)
      }
      yield* slow
      assert.isNotEmpty(before)
      assert.includeMembers(yield* connections, before)
    })
  )

  it.live("an outage is logged once, not once a request", () =>
    Effect.gen(function* () {
      const { layer, lines } = logged()
      const { run, sql } = yield* startedService(yield* emptyPostgres, 4, layer)
      const failing = Effect.ignore(run(Effect.provideService(raise("57P03"), SqlClient.SqlClient, sql)))
      lines.length = 0
      const requests = [failing, failing, run(sql`select 1`), failing]
      yield* Effect.all(requests).pipe(Effect.provide(layer))
      assert.lengthOf(lines, 1)
      assert.include(lines[0], "57P03")
      assert.notInclude(lines[0], "4711")
    })
  )
})
