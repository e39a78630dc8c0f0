import { assert, layer } from "@effect/vitest"
import { Array, Effect, Fiber, Option, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { assertError, type Client, type Somebody, textAt } from "../support/client.ts"
import { timePasses } from "../support/databases.ts"
import { spawnServer, startServer } from "../support/server.ts"
import { MailServer } from "../support/smtp.ts"
import { newCluster } from "./cluster.ts"
import {
  assertAllWholeOrNotThere,
  assertWholeOrNotThere,
  cheapHashes,
  countOf,
  freshClientOf,
  peopleWithCodes,
  personWithCode,
  quiet,
  ready,
  settingsFor,
  trialOf,
  tryReset,
  until
} from "./invariants.ts"

/** A database that can be ill-treated, and the settings of a process on it. */
const database = Effect.gen(function* () {
  const cluster = yield* newCluster
  return { cluster, env: { ...(yield* settingsFor), DATABASE_URL: Redacted.value(cluster.url) } }
})

layer(MailServer.layer, { excludeTestServices: true })("a database", (it) => {
  it.effect("killed under 40 resets: each is whole or not there, and every 200 is true (B8)", () =>
    Effect.gen(function* () {
      const { cluster, env } = yield* database
      yield* cluster.start
      const client = yield* freshClientOf((yield* startServer({ env })).url)
      for (const killedAfter of [1, 10, 20, 30]) {
        const trials = yield* peopleWithCodes(client, 40)
        const resets = yield* Effect.forkChild(
          Effect.forEach(trials, (trial) => tryReset(client, trial), { concurrency: "unbounded" })
        )
        yield* until(() => countOf(trials, 200) >= killedAfter)
        yield* cluster.kill
        yield* Fiber.join(resets)
        assert.isAbove(countOf(trials, 503), 0)
        yield* cluster.start
        yield* ready(client)
        yield* assertAllWholeOrNotThere(client, cluster.sql, trials)
      }
    })
  )

  it.effect("paused for 10 s: what is asked meanwhile gets 503, and is whole or not there (B8)", () =>
    Effect.gen(function* () {
      const { cluster, env } = yield* database
      yield* cluster.start
      const client = yield* freshClientOf((yield* startServer({ env })).url)
      const [caught, late] = [yield* peopleWithCodes(client, 40), yield* peopleWithCodes(client, 20)]
      const resets = yield* Effect.forkChild(
        Effect.forEach(caught, (trial) => tryReset(client, trial), { concurrency: "unbounded" })
      )
      yield* until(() => countOf(caught, 200) >= 10)
      yield* cluster.pause
      const pause = yield* Effect.forkChild(Effect.sleep("10 seconds"))
      yield* Fiber.join(resets)
      yield* Effect.forEach(late, (trial) => tryReset(client, trial), { concurrency: "unbounded" })
      assert.strictEqual(countOf(late, 503), 20)
      assertError(yield* client.get("/ready"), 503, "Unavailable")
      assert.strictEqual((yield* client.get("/health")).status, 200)
      yield* Fiber.join(pause)
      yield* cluster.resume
      yield* ready(client)
      // By then what was sent before the pause has been done.
      yield* tryReset(client, yield* personWithCode(client))
      yield* quiet(cluster.sql)
      yield* assertAllWholeOrNotThere(client, cluster.sql, [...caught, ...late])
    })
  )

  it.effect("that refuses connections at the start and is there later is waited for", () =>
    Effect.gen(function* () {
      const { cluster, env } = yield* database
      const server = yield* spawnServer({ env })
      yield* server.waitFor("stderr", /can't be used now/)
      yield* server.waitFor("stdout", /listens on/)
      const client = yield* freshClientOf(server.url)
      for (const answer of [
        yield* client.get("/ready"),
        yield* client.forgot("ada@example.com"),
        yield* client.reset("x".repeat(43), "a new long phrase"),
        yield* client.signIn("ada", "an old long phrase")
      ]) {
        assertError(answer, 503, "Unavailable")
      }
      yield* cluster.start
      yield* ready(client)
      const trials = yield* peopleWithCodes(client, 10)
      yield* Effect.forEach(trials, (trial) => tryReset(client, trial), { concurrency: "unbounded" })
      assert.strictEqual(yield* assertAllWholeOrNotThere(client, cluster.sql, trials), 10)
    })
  )

  it.effect("whose pause outlives the server: the server is gone within 10 s of being told to (B9)", () =>
    Effect.gen(function* () {
      const { cluster, env } = yield* database
      yield* cluster.start
      const first = yield* startServer({ env })
      const before = yield* freshClientOf(first.url)
      const trials = yield* peopleWithCodes(before, 20)
      const resets = yield* Effect.forkChild(
        Effect.forEach(trials, (trial) => tryReset(before, trial), { concurrency: "unbounded" })
      )
      yield* until(() => countOf(trials, 200) >= 1)
      yield* cluster.pause
      const gone = Effect.timeoutOption(first.stop("SIGTERM"), "10 seconds")
      assert.isTrue(Option.isSome(yield* gone))
      yield* Fiber.join(resets)
      yield* cluster.resume
      const after = yield* freshClientOf((yield* startServer({ env })).url)
      yield* quiet(cluster.sql)
      yield* assertAllWholeOrNotThere(after, cluster.sql, trials, { serverKilled: true })
    })
  )

  it.effect(
    "whose connections end at random for 30 s: each reset is whole or not there, and no mail is lost (B8)",
    () =>
      Effect.gen(function* () {
        const { cluster, env } = yield* database
        yield* cluster.start
        const { sql } = cluster
        const client = yield* freshClientOf((yield* startServer({ env: { ...env, ...cheapHashes } })).url)
        const over = Date.now() + 30_000

        let ended = 0
        const storm = Effect.gen(function* () {
          const rows = yield* sql`
          select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'rekey' order by random() limit 1`
          ended += rows.length
        }).pipe(Effect.delay("50 millis"), Effect.repeat({ while: () => Date.now() < over }))

        let resets = 0
        const waiting: globalThis.Array<Somebody> = []
        const load = Effect.gen(function* () {
          const person = yield* newcomer(client)
          // A mail whose claim was cut off comes when its lease is over: in 60 s.
          const trial = yield* Effect.timeoutOption(trialOf(client, person), "6 seconds")
          if (Option.isNone(trial)) return void waiting.push(person)
          yield* tryReset(client, trial.value)
          yield* assertWholeOrNotThere(client, sql, trial.value)
          resets++
        }).pipe(Effect.repeat({ while: () => Date.now() < over }))

        yield* Effect.all([storm, ...Array.makeBy(20, () => load)], { concurrency: "unbounded" })
        assert.isAbove(ended, 100)
        assert.isAbove(resets, 20)

        yield* Effect.provideService(timePasses("61 seconds"), SqlClient.SqlClient, sql)
        yield* Effect.forEach(
          waiting,
          Effect.fnUntraced(function* (person) {
            const trial = yield* trialOf(client, person)
            yield* tryReset(client, trial)
            assert.isTrue(yield* assertWholeOrNotThere(client, sql, trial))
          }),
          { concurrency: 8 }
        )
      })
  )
})

let newcomers = 0

/** Somebody new, under another name until that is taken: after a 503 nobody knows whether it was. */
const newcomer = Effect.fnUntraced(function* (client: Client) {
  const register = Effect.suspend(() => {
    const username = `newcomer${newcomers++}`
    const person = { username, email: `${username}@example.com`, password: "an old long phrase" }
    return Effect.map(client.post("/auth/local/register", person), (answer) => ({ person, answer }))
  })
  const { answer, person } = yield* Effect.repeat(register, { while: ({ answer }) => answer.status === 503 })
  return { ...person, id: textAt(answer, "user", "id"), jwt: textAt(answer, "jwt") } satisfies Somebody
})
