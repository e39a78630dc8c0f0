import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { bearer } from "../support/client.ts"
import { Receiver, verified } from "../support/receiver.ts"
import { onBothDatabases, onPostgres, Service } from "../support/service.ts"
import { keptFor, pausesEnd, telling, untilKept } from "../support/webhooks.ts"

const isSent = ({ outcome }: { readonly outcome: string | null }) => outcome === "sent"

onBothDatabases("webhooks", telling(), (it) => {
  it.effect("tell what happens to an account, in its order, signed, with no secret and no address", () =>
    Effect.gen(function* () {
      const receiver = yield* Receiver
      const { changePassword, codeFor, register, reset, signIn } = yield* Service
      yield* receiver.behave("take")
      const ada = yield* register()
      const code = yield* codeFor(ada.email)
      assert.strictEqual((yield* reset(code, "a new long phrase")).status, 200)
      const signedIn = yield* signIn(ada.email, "a new long phrase")
      const jwt = JSON.parse(signedIn.text).jwt
      const changed = yield* changePassword(jwt, "a new long phrase", "a newer long phrase")
      assert.strictEqual(changed.status, 200)
      yield* untilKept(ada.id, (kept) => kept.length === 6 && kept.every(isSent))
      const told = receiver.takenFor(ada.id)
      assert.deepStrictEqual(
        told.map(({ type }) => type),
        [
          "account.registered",
          "session.opened",
          "recovery.requested",
          "password.reset",
          "session.opened",
          "password.changed"
        ]
      )
      for (const webhook of told) {
        verified(webhook)
        assert.strictEqual(webhook.headers["content-type"], "application/json")
        for (const secret of [code, jwt, ada.email, ada.username, "phrase", "$argon2", "127.0.0"]) {
          assert.notInclude(webhook.body, secret)
        }
      }
      const [last] = told.slice(-1)
      const payload = JSON.parse(last?.body ?? "")
      assert.deepStrictEqual(payload, {
        type: "password.changed",
        timestamp: payload.timestamp,
        data: { user: { id: ada.id }, actor: "owner", requestId: changed.headers["x-request-id"] }
      })
      assert.strictEqual(new Date(payload.timestamp).toISOString(), payload.timestamp)
      assert.strictEqual(new Set(told.map(({ id }) => id)).size, told.length)
    })
  )

  for (const [reception, failure] of [
    [500, "status 500"],
    [429, "status 429"],
    ["drop", "no connection, or a broken one"],
    ["refuse", "no connection, or a broken one"],
    [{ redirect: "http://127.0.0.1:1/inside" }, "status 302"]
  ] as const) {
    it.effect(
      `are told again with the same id and body after ${JSON.stringify(reception)}, later ones behind them`,
      () =>
        Effect.gen(function* () {
          const receiver = yield* Receiver
          const { register, signIn } = yield* Service
          yield* receiver.behave(reception)
          const ada = yield* register()
          yield* signIn(ada.email, ada.password)
          const [first] = yield* untilKept(ada.id, ([first]) => first?.failure === failure)
          assert.isNull(first?.outcome)
          yield* receiver.behave("take")
          yield* pausesEnd
          yield* register()
          const kept = yield* untilKept(ada.id, (kept) => kept.length === 3 && kept.every(isSent))
          assert.deepStrictEqual(
            receiver.takenFor(ada.id).map(({ type }) => type),
            ["account.registered", "session.opened", "session.opened"]
          )
          assert.isAbove(kept[0]?.attempts ?? 0, 1)
          // None of the later ones was even tried before.
          assert.deepStrictEqual(
            kept.slice(1).map(({ attempts }) => attempts),
            [1, 1]
          )
          const tries = receiver.arrived.filter(
            ({ type, userId }) => userId === ada.id && type === "account.registered"
          )
          assert.strictEqual(new Set(tries.map(({ id }) => id)).size, 1)
          assert.strictEqual(new Set(tries.map(({ body }) => body)).size, 1)
        })
    )
  }

  for (const reception of ["break", "drip"] as const) {
    it.effect(`are done with the status of the answer, whatever comes of its body: ${reception}`, () =>
      Effect.gen(function* () {
        const receiver = yield* Receiver
        const { register } = yield* Service
        yield* receiver.behave(reception)
        const ada = yield* register()
        const kept = yield* untilKept(ada.id, (kept) => kept.length === 2 && kept.every(isSent))
        assert.deepStrictEqual(
          kept.map(({ attempts }) => attempts),
          [1, 1]
        )
      })
    )
  }

  it.effect("hold nobody else up where the receiver never takes one of them, and are dead after three days", () =>
    Effect.gen(function* () {
      const receiver = yield* Receiver
      const sql = yield* SqlClient.SqlClient
      const { logs, register, signIn } = yield* Service
      yield* receiver.behave("take")
      yield* receiver.behaveFor("language.changed", 500)
      const { send } = yield* Service
      const ada = yield* register()
      yield* send("PUT", "/users/me/language", {
        body: { language: "de" },
        headers: { ...bearer(ada.jwt), "content-type": "application/json" }
      })
      yield* signIn(ada.email, ada.password)
      yield* untilKept(ada.id, (kept) => kept.some(({ failure }) => failure === "status 500"))
      const bob = yield* register()
      yield* untilKept(bob.id, (kept) => kept.length === 2 && kept.every(isSent))
      const held = yield* untilKept(ada.id, (kept) => kept.length === 4)
      assert.deepStrictEqual(
        held.map(({ outcome, type }) => [type, outcome]),
        [
          ["account.registered", "sent"],
          ["session.opened", "sent"],
          ["language.changed", null],
          ["session.opened", null]
        ]
      )
      yield* sql`update webhook_outbox set created_at = created_at - interval '3 days' where outcome is null`
      yield* pausesEnd
      yield* register()
      const ended = yield* untilKept(ada.id, (kept) => kept.every(({ outcome }) => outcome !== null))
      assert.deepStrictEqual(
        ended.slice(2).map(({ failure, outcome }) => [outcome, failure]),
        [
          ["dead", "status 500"],
          ["sent", null]
        ]
      )
      const line = logs.find((line) => line.includes("A webhook was set aside"))
      assert.include(line, '"type":"language.changed"')
    })
  )
})

onPostgres("webhooks of some events", telling({ types: ["password.changed"] }), (it) => {
  it.effect("leave the others out", () =>
    Effect.gen(function* () {
      const receiver = yield* Receiver
      const { changePassword, register } = yield* Service
      const ada = yield* register()
      yield* changePassword(ada.jwt, ada.password, "a new long phrase")
      const webhook = yield* receiver.next
      assert.deepStrictEqual([webhook.type, webhook.userId], ["password.changed", ada.id])
      yield* untilKept(ada.id, (kept) => kept.length === 1 && kept.every(isSent))
    })
  )
})

onBothDatabases("without WEBHOOK_URL", Service.layer(), (it) => {
  it.effect("nothing is written for webhooks", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { codeFor, register, reset } = yield* Service
      const ada = yield* register()
      yield* reset(yield* codeFor(ada.email), "a new long phrase")
      assert.lengthOf(yield* keptFor(ada.id), 0)
      assert.deepStrictEqual(yield* sql`select last_seen::text as last from webhook_progress`, [{ last: "0" }])
    })
  )
})
