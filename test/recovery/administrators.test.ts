import { assert } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { AdministratorName } from "../../src/domain/Administrator.ts"
import { trustedProxy } from "../../src/http/clientAddress.ts"
import { assertError, bearer } from "../support/client.ts"
import {
  administrators,
  aliceToken,
  codeIn,
  onBothDatabases,
  onPostgres,
  Service,
  timePasses
} from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"

const path = "/admin/send-reset-code"
const bobToken = "the-token-of-bob-who-is-another-one"
const metricsToken = "a-token-of-the-tests-that-is-long-enough"

const settings = {
  administrators: [
    ...administrators,
    { name: AdministratorName.make("Bob (support)"), token: Redacted.make(bobToken) }
  ],
  metricsToken: Option.some(Redacted.make(metricsToken)),
  resetLimits: { codeTtlMillis: 1_800_000, cooldownMillis: 60_000, hourlyCap: 5 }
}

/** Starts a reset for somebody. */
const start = Effect.fnUntraced(function* (identifier: string, token = aliceToken) {
  const { post } = yield* Service
  return yield* post(path, { identifier }, bearer(token))
})

/** Starts one and takes its code out of the owner's mail. */
const started = Effect.fnUntraced(function* (email: string, identifier = email, token = aliceToken) {
  const answer = yield* start(identifier, token)
  assert.deepStrictEqual([answer.status, answer.text], [200, '{"ok":true}'])
  const { parsed } = yield* (yield* MailServer).next(email)
  return { answer, code: codeIn(parsed.text ?? ""), text: parsed.text ?? "" }
})

/** What the trail says of a request, but for what became of its mail, which comes later. */
const told = Effect.fnUntraced(function* (requestId: unknown) {
  const sql = yield* SqlClient.SqlClient
  return yield* sql`
    select event, outcome, reason, actor, administrator, user_id from audit
    where request_id = ${String(requestId)} and event not like 'mail.%' order by id`
})

/** Waits until all that was asked for so far has been worked off. */
const workedOff = Effect.gen(function* () {
  const { codeFor, register } = yield* Service
  yield* codeFor((yield* register()).email)
})

const codesOf = Effect.fnUntraced(function* (id: string) {
  const sql = yield* SqlClient.SqlClient
  return (yield* sql`select from reset_codes where user_id = ${id}::uuid`).length
})

onBothDatabases("an administrator's start", Service.layer({ settings }), (it) => {
  it.effect("takes an address or a user name, however it is spelt, and tells administrators apart", () =>
    Effect.gen(function* () {
      const { register } = yield* Service
      for (const [token, name] of [
        [aliceToken, "alice"],
        [bobToken, "Bob (support)"]
      ] as const) {
        const ada = yield* register()
        for (const identifier of [ada.email.toUpperCase(), ` ${ada.username.toUpperCase()} `]) {
          const { answer } = yield* started(ada.email, identifier, token)
          const [asked] = yield* told(answer.headers["x-request-id"])
          assert.deepInclude(asked, { actor: "administrator", administrator: name, userId: ada.id })
          yield* timePasses("61 seconds")
        }
      }
    })
  )

  it.effect("shares the cooldown with what the owner asks for, either way, and can't lock the owner out (B3, E4)", () =>
    Effect.gen(function* () {
      const { check, codeFor, forgot, register } = yield* Service
      const [ada, grace] = [yield* register(), yield* register()]
      const own = yield* codeFor(ada.email)
      const { code } = yield* started(grace.email)
      const refused = yield* start(ada.email)
      assert.strictEqual(refused.status, 200)
      yield* forgot(grace.email)
      yield* workedOff
      assert.deepStrictEqual([yield* codesOf(ada.id), yield* codesOf(grace.id)], [1, 1])
      for (const live of [own, code]) assert.strictEqual((yield* check(live)).status, 200)
      assert.deepInclude((yield* told(refused.headers["x-request-id"]))[1], { outcome: "refused", reason: "cooldown" })

      // Past the hourly cap the newest code stays alive, and once it is over there is another.
      let newest = code
      for (let time = 1; time < 5; time++) {
        yield* timePasses("61 seconds")
        newest = (yield* started(grace.email)).code
      }
      yield* timePasses("61 seconds")
      for (const token of [aliceToken, bobToken]) yield* start(grace.email, token)
      yield* workedOff
      assert.strictEqual(yield* codesOf(grace.id), 5)
      assert.strictEqual((yield* check(newest)).status, 200)
      yield* timePasses("30 minutes")
      assert.strictEqual((yield* check(yield* codeFor(grace.email))).status, 200)
    })
  )

  it.effect(
    "says that nobody has the name, or that the account is blocked; that is in the trail, and no mail goes",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { register } = yield* Service
        const blocked = yield* register()
        yield* sql`update users set blocked = true where id = ${blocked.id}::uuid`
        const refused = {
          event: "recovery.requested",
          outcome: "refused",
          actor: "administrator",
          administrator: "alice"
        }
        for (const identifier of ["nobody@example.com", "nobody", "@", "%' or 1=1 --", blocked.id, "a".repeat(5000)]) {
          const answer = yield* start(identifier)
          assertError(answer, 404, "AccountNotFound")
          assert.deepStrictEqual(yield* told(answer.headers["x-request-id"]), [
            { ...refused, reason: "no-account", userId: null }
          ])
        }
        for (const identifier of [blocked.email, blocked.username]) {
          const answer = yield* start(identifier)
          assertError(answer, 403, "AccountBlocked")
          assert.deepStrictEqual(yield* told(answer.headers["x-request-id"]), [
            { ...refused, reason: "blocked", userId: blocked.id }
          ])
        }
        yield* workedOff
        assert.strictEqual(yield* codesOf(blocked.id), 0)
        const arrived = yield* (yield* MailServer).arrived
        assert.notInclude(
          arrived.flatMap(({ envelope }) => envelope.to),
          blocked.email
        )
      })
  )
})

onPostgres("an administrator's token", Service.layer({ settings }), (it) => {
  it.effect("is asked for before anything else, and opens nothing else", () =>
    Effect.gen(function* () {
      const { get, me, post, register } = yield* Service
      const sql = yield* SqlClient.SqlClient
      const { email, jwt } = yield* register()
      for (const headers of [
        {},
        { authorization: aliceToken },
        { authorization: "Bearer" },
        { authorization: `Basic ${Buffer.from(`alice:${aliceToken}`).toString("base64")}` },
        { authorization: `Digests ${aliceToken}` },
        { authorization: `Basic   ${aliceToken}` },
        { "x-api-key": aliceToken, cookie: `authorization=Bearer ${aliceToken}` },
        ...["", jwt, `${aliceToken}x`, aliceToken.slice(1), aliceToken.toUpperCase(), `alice:${aliceToken}`].map(
          bearer
        ),
        bearer(`${aliceToken},${bobToken}`),
        bearer(metricsToken)
      ]) {
        for (const body of [{ identifier: email }, { identifier: 7 }, {}]) {
          const answer = yield* post(path, body, headers)
          assertError(answer, 401, "Unauthenticated")
          assert.strictEqual(answer.headers["www-authenticate"], "Bearer")
        }
        assertError(yield* post(`${path}?token=${aliceToken}`, { identifier: email }, headers), 401, "Unauthenticated")
      }
      assert.deepStrictEqual(yield* sql`select from recovery_requests`, [])
      assert.deepStrictEqual(yield* sql`select from audit where actor = 'administrator'`, [])

      assertError(yield* me(aliceToken), 401, "Unauthenticated")
      assertError(yield* get("/metrics", bearer(aliceToken)), 401, "Unauthenticated")
      const anyCase = { authorization: `bEARER ${aliceToken}` }
      assert.strictEqual((yield* post(path, { identifier: email }, anyCase)).status, 200)
    })
  )
})

const behindProxy = { rateLimit: true, trustedProxies: [Option.getOrThrow(trustedProxy("127.0.0.1"))] }

onPostgres(
  "guesses at an administrator's token",
  Service.layer({ settings: { ...settings, ...behindProxy } }),
  (it) => {
    it.effect("are counted for each client, who then waits", () =>
      Effect.gen(function* () {
        const { post } = yield* Service
        const from = (address: string, token: string) => ({ "x-forwarded-for": address, ...bearer(token) })
        const body = { identifier: "nobody" }
        for (let guess = 0; guess < 30; guess++) {
          assertError(yield* post(path, body, from("203.0.113.1", `${guess}${bobToken}`)), 401, "Unauthenticated")
        }
        const answer = yield* post(path, body, from("203.0.113.1", aliceToken))
        assertError(answer, 429, "RateLimited")
        assert.match(String(answer.headers["retry-after"]), /^\d+$/)
        assertError(yield* post(path, body, from("203.0.113.2", aliceToken)), 404, "AccountNotFound")
      })
    )
  }
)

onPostgres("without ADMIN_TOKENS", Service.layer({ settings: { rateLimit: true } }), (it) => {
  it.effect("there is no door for administrators, and no word of one", () =>
    Effect.gen(function* () {
      const { get, register, send } = yield* Service
      const { email } = yield* register()
      for (const token of [aliceToken, "", "undefined"]) {
        for (const method of ["POST", "GET", "PATCH", "OPTIONS"]) {
          const headers = { ...bearer(token), "content-type": "application/json" }
          const answer = yield* send(method, path, { headers, body: { identifier: email } })
          assertError(answer, 404, "NotFound")
          assert.isUndefined(answer.headers["ratelimit-limit"])
        }
      }
      for (const description of ["/openapi.json", "/docs"]) assert.notInclude((yield* get(description)).text, "/admin")
    })
  )
})
