import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Queue, Stream } from "effect"
import { SqlClient } from "effect/sql"
import type { Credentials } from "../../src/accounts/AccountRepository.ts"
import { Events } from "../../src/events/Events.ts"
import { eventId, type RekeyEvent } from "../../src/events/RekeyEvent.ts"
import * as TrailReaderSql from "../../src/sql/TrailReaderSql.ts"
import { startTestRekey } from "../../src/testing/index.ts"
import { newAccount, openSession } from "../sql/people.ts"
import { repositories } from "../sql/repositories.ts"
import { onEachDatabase, onPostgres } from "../support/databases.ts"

const withEvents = Layer.merge(repositories, Layer.provide(Events.layer, TrailReaderSql.layer))

/** So many events of a stream, behind the making of an account that is there already. */
const eventsAfter = Effect.fnUntraced(function* ({ user }: Credentials, count: number) {
  const { stream } = yield* Events
  return yield* stream({ since: user.createdAt }).pipe(
    Stream.dropUntil(({ userId }) => userId === user.id),
    Stream.take(count),
    Stream.runCollect,
    Effect.forkChild
  )
})

const brief = (events: ReadonlyArray<RekeyEvent>) => events.map(({ type, userId }) => [type, userId])

onEachDatabase("the stream of events", withEvents, (it) => {
  it.effect("has what happens in its order, and nothing that was rolled back", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const coming = yield* eventsAfter(yield* newAccount, 3)
      const ada = yield* newAccount
      yield* openSession(ada)
      yield* Effect.andThen(newAccount, Effect.fail("rolled back")).pipe(sql.withTransaction, Effect.ignore)
      const bob = yield* newAccount
      assert.deepStrictEqual(brief(yield* Fiber.join(coming)), [
        ["account.registered", ada.user.id],
        ["session.opened", ada.user.id],
        ["account.registered", bob.user.id]
      ])
    })
  )

  it.effect("says by the same ids again what happened since then", () =>
    Effect.gen(function* () {
      const { stream } = yield* Events
      const ada = yield* newAccount
      yield* openSession(ada)
      const since = ada.user.createdAt
      const ofAda = stream({ since }).pipe(
        Stream.filter(({ userId }) => userId === ada.user.id),
        Stream.take(2),
        Stream.runCollect
      )
      const first = yield* ofAda
      assert.deepStrictEqual(
        first.map(({ actor, type }) => [type, actor]),
        [
          ["account.registered", "owner"],
          ["session.opened", "owner"]
        ]
      )
      assert.deepStrictEqual(yield* ofAda, first)
      const sql = yield* SqlClient.SqlClient
      const rows = yield* sql<{ readonly id: bigint; readonly at: Date }>`
        select id, at from audit where user_id = ${ada.user.id} order by id`
      assert.deepStrictEqual(
        first.map(({ id }) => id),
        rows.map(({ at, id }) => eventId(id, at))
      )
    })
  )
})

onPostgres("the stream of events", withEvents, (it) => {
  it.effect("shows what commits late when it does, and what happened meanwhile at once", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { stream } = yield* Events
      const written = yield* Deferred.make<void>()
      const mayCommit = yield* Deferred.make<void>()
      const ada = yield* newAccount
      const seen = yield* Queue.unbounded<RekeyEvent>()
      yield* Effect.forkChild(
        Stream.runForEach(stream({ since: ada.user.createdAt }), (event) => Queue.offer(seen, event))
      )
      const nextFor = (userId: string) =>
        Queue.take(seen).pipe(
          Effect.repeat({ until: (event) => event.userId === userId }),
          Effect.map(({ type }) => type)
        )
      assert.strictEqual(yield* nextFor(ada.user.id), "account.registered")
      // It has a number before that of what happens meanwhile.
      const late = yield* Effect.gen(function* () {
        yield* openSession(ada)
        yield* Deferred.succeed(written, undefined)
        yield* Deferred.await(mayCommit)
      }).pipe(sql.withTransaction, Effect.forkChild)
      yield* Deferred.await(written)
      const bob = yield* newAccount
      assert.strictEqual(yield* nextFor(bob.user.id), "account.registered")
      const carol = yield* newAccount
      assert.strictEqual(yield* nextFor(carol.user.id), "account.registered")
      yield* Deferred.succeed(mayCommit, undefined)
      yield* Fiber.join(late)
      assert.strictEqual(yield* nextFor(ada.user.id), "session.opened")
    })
  )
})

describe("the events of Rekey inside another application", () => {
  it.effect("come in their order, from a loop over them, which ends when Rekey is closed", () =>
    Effect.promise(async () => {
      const rekey = await startTestRekey()
      const told: Array<string> = []
      const listening = (async () => {
        for await (const { type } of rekey.events({ since: new Date(0) })) {
          told.push(type)
          if (type === "password.reset") void rekey.close()
        }
      })()
      const email = "ada@example.com"
      await rekey.client().accounts.register({ username: "ada", email, password: "an old phrase" })
      await rekey.client().recovery.forgotPassword({ email })
      const code = await rekey.takeCode(email)
      const password = "a new long phrase"
      await rekey.client().recovery.resetPassword({ code, password, passwordConfirmation: password })
      await listening
      assert.deepStrictEqual(told, ["account.registered", "session.opened", "recovery.requested", "password.reset"])
    })
  )
})
