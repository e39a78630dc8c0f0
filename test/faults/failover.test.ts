import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, Redacted, Schedule } from "effect"
import { proxyTo } from "../support/proxy.ts"
import { startServer } from "../support/server.ts"
import { MailServer } from "../support/smtp.ts"
import { replicatedClusters } from "./cluster.ts"
import {
  assertAllWholeOrNotThere,
  countOf,
  freshClientOf,
  peopleWithCodes,
  quiet,
  ready,
  settingsFor,
  tryReset,
  until
} from "./invariants.ts"

/** A database with a replica behind one address, and a server on it. */
const replicated = Effect.gen(function* () {
  const { primary, replica } = yield* replicatedClusters
  const address = yield* proxyTo(primary.url)
  const server = yield* startServer({ env: { ...(yield* settingsFor), DATABASE_URL: Redacted.value(address.url) } })
  return { primary, replica, address, client: yield* freshClientOf(server.url) }
})

layer(MailServer.layer, { excludeTestServices: true })("a failover", (it) => {
  it.effect("under 40 resets: each is whole or not there on the promoted replica, and every 200 is true there", () =>
    Effect.gen(function* () {
      const { address, client, primary, replica } = yield* replicated
      const [caught, late] = [yield* peopleWithCodes(client, 40), yield* peopleWithCodes(client, 20)]
      const resets = yield* Effect.forkChild(
        Effect.forEach(caught, (trial) => tryReset(client, trial), { concurrency: "unbounded" })
      )
      yield* until(() => countOf(caught, 200) >= 10)
      yield* primary.kill
      yield* address.leadTo(replica.url)
      yield* Fiber.join(resets)
      assert.isAbove(countOf(caught, 503), 0)
      // It can be read, and not written yet.
      yield* Effect.forEach(late, (trial) => tryReset(client, trial), { concurrency: "unbounded" })
      assert.strictEqual(countOf(late, 503), 20)
      assert.strictEqual((yield* client.get("/ready")).status, 503)
      yield* replica.sql`select pg_promote()`
      yield* ready(client)
      yield* quiet(replica.sql)
      yield* assertAllWholeOrNotThere(client, replica.sql, [...caught, ...late])
    })
  )

  it.effect("to a replica that didn't follow any more: no 200 was told of what it hasn't got", () =>
    Effect.gen(function* () {
      const { address, client, primary, replica } = yield* replicated
      const [before, caught] = [yield* peopleWithCodes(client, 10), yield* peopleWithCodes(client, 20)]
      yield* Effect.forEach(before, (trial) => tryReset(client, trial), { concurrency: "unbounded" })
      assert.strictEqual(countOf(before, 200), 10)
      yield* primary.sql`select from pg_stat_replication where replay_lsn = pg_current_wal_flush_lsn()`.pipe(
        Effect.repeat({ until: (rows) => rows.length === 1, schedule: Schedule.spaced("10 millis") })
      )
      yield* replica.kill
      // Those that are told to end wait for the replica no longer: what they did is there for whoever reads, here alone.
      let ended = 0
      const cutShort = primary.sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'rekey' and wait_event = 'SyncRep'`.pipe(
        Effect.tap((rows) =>
          Effect.sync(() => {
            ended += rows.length
          })
        ),
        Effect.delay("10 millis"),
        Effect.forever
      )
      const resets = Effect.forEach(caught, (trial) => tryReset(client, trial), { concurrency: "unbounded" })
      yield* Effect.raceFirst(resets, cutShort)
      assert.isAtLeast(ended, 20)
      yield* primary.kill
      yield* replica.start
      yield* replica.sql`select pg_promote()`
      yield* address.leadTo(replica.url)
      yield* ready(client)
      yield* quiet(replica.sql)
      assert.strictEqual(yield* assertAllWholeOrNotThere(client, replica.sql, before), 10)
      yield* assertAllWholeOrNotThere(client, replica.sql, caught)
    })
  )
})
