import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { Api } from "../../src/api/Api.ts"
import { RateLimits } from "../../src/api/RateLimits.ts"
import { trustedProxy } from "../../src/http/clientAddress.ts"
import { limits } from "../../src/http/limits.ts"
import { type Answer, assertError, bearer, type Client } from "../support/client.ts"
import { migratedPostgres } from "../support/databases.ts"
import { proxyTo } from "../support/proxy.ts"
import { administrators, aliceToken, onBothDatabases, onPostgres, startServiceWithInbox } from "../support/service.ts"

const limited = { rateLimit: true }
const behindProxy = { rateLimit: true, trustedProxies: [Option.getOrThrow(trustedProxy("127.0.0.1"))] }
const from = (address: string) => ({ "x-forwarded-for": address })
const nobodysCode = "x".repeat(43)

/** A request at each door that has a limit, without a body that is good for anything. */
const doors: Record<string, string> = {
  forgotPassword: "/auth/forgot-password",
  resetPassword: "/auth/reset-password",
  checkResetCode: "/auth/reset-password/check",
  signIn: "/auth/local",
  register: "/auth/local/register",
  sendEmailConfirmation: "/auth/send-email-confirmation",
  confirmEmail: "/auth/email-confirmation",
  sendResetCode: "/admin/send-reset-code",
  changeEmail: "/auth/change-email",
  confirmEmailChange: "/auth/change-email/confirm",
  undoEmailChange: "/auth/change-email/undo",
  export: "/users/me/export"
}

/** The doors of those who are signed in: others are told so before they are counted. */
const forWhoIsSignedIn = ["changeEmail", "export"]

const forgot = (client: Client, address: string, email = "nobody@example.com") =>
  client.post("/auth/forgot-password", { email }, from(address))

/** So many of one request at once, and their statuses counted. */
const flood = Effect.fnUntraced(function* (times: number, request: (index: number) => Effect.Effect<Answer>) {
  const answers = yield* Effect.forEach(
    Array.from({ length: times }, (_, index) => index),
    request,
    { concurrency: 50 }
  )
  return Object.fromEntries(
    [...Map.groupBy(answers, ({ status }) => status)].map(([status, answers]) => [status, answers.length])
  )
})

const assertRefused = (answer: Answer) => {
  assertError(answer, 429, "RateLimited")
  const seconds = Number(answer.headers["retry-after"])
  assert.isTrue(Number.isInteger(seconds) && seconds >= 1 && seconds <= 60, answer.headers["retry-after"])
  assert.strictEqual(answer.headers["ratelimit-remaining"], "0")
  assert.strictEqual(answer.headers["ratelimit-reset"], answer.headers["retry-after"])
}

describe("the contract", () => {
  it("has a number for each endpoint that is limited, and no other", () => {
    const endpoints = Object.values(Api.groups).flatMap((group) => Object.values(group.endpoints))
    const marked = endpoints.filter(({ middlewares }) => [...middlewares].some(({ key }) => key === RateLimits.key))
    assert.sameMembers(
      marked.map(({ identifier }) => identifier),
      Object.keys(limits)
    )
  })
})

onBothDatabases("limits", Layer.empty, (it) => {
  it.effect("are each door's own, and stand on every answer of the door", () =>
    Effect.gen(function* () {
      const service = yield* startServiceWithInbox({ settings: { ...behindProxy, administrators } })
      const { jwt } = yield* service.register()
      for (const [door, limit] of Object.entries(limits)) {
        const path = doors[door] ?? ""
        const headers = {
          ...from("203.0.113.2"),
          ...bearer(forWhoIsSignedIn.includes(door) ? jwt : aliceToken)
        }
        const ask = door === "export" ? service.get(path, headers) : service.post(path, {}, headers)
        for (let remaining = limit - 1; remaining >= 0; remaining--) {
          const answer = yield* ask
          if (door === "export") assert.strictEqual(answer.status, 200)
          else assertError(answer, 400, "InvalidRequest")
          assert.strictEqual(answer.headers["ratelimit-limit"], String(limit))
          assert.strictEqual(answer.headers["ratelimit-remaining"], String(remaining))
          assert.match(String(answer.headers["ratelimit-reset"]), /^[1-9]\d?$/)
        }
        assertRefused(yield* ask)
      }
      for (const path of ["/health", "/users/me", "/openapi.json"]) {
        assert.isUndefined((yield* service.get(path, from("203.0.113.2"))).headers["ratelimit-limit"])
      }
    })
  )

  it.effect("count each who comes at once, and each for themselves", () =>
    Effect.gen(function* () {
      const service = yield* startServiceWithInbox({ settings: behindProxy })
      const clients = ["203.0.113.10", "203.0.113.11", "203.0.113.12", "203.0.113.13"]
      const answers = yield* Effect.forEach(
        Array.from({ length: 12 }, () => clients).flat(),
        (client) => Effect.map(forgot(service, client), (answer) => ({ client, answer })),
        { concurrency: 50 }
      )
      for (const client of clients) {
        const own = answers.filter((one) => one.client === client).map(({ answer }) => answer)
        const through = own.filter(({ status }) => status !== 429)
        const remaining = through.map(({ headers }) => Number(headers["ratelimit-remaining"]))
        assert.sameMembers(remaining, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
        assert.strictEqual(own.filter(({ status }) => status === 429).length, 2)
      }
    })
  )

  it.effect("hold for a path however it is spelt", () =>
    Effect.gen(function* () {
      const service = yield* startServiceWithInbox({ settings: limited })
      yield* flood(10, () => service.forgot("nobody@example.com"))
      for (const path of [
        "/auth/forgot-password?x",
        "/auth//forgot-password",
        "/%61uth/forgot-password",
        "/AUTH/forgot-password",
        "/auth/forgot-password/"
      ]) {
        const { status } = yield* service.post(path, { email: "nobody@example.com" })
        assert.include([404, 429], status, path)
      }
    })
  )

  it.effect("hold for what the page posts and looks up, and say so on the page", () =>
    Effect.gen(function* () {
      const service = yield* startServiceWithInbox({ settings: limited })
      const headers = { "content-type": "application/x-www-form-urlencoded", cookie: `rekey_reset_code=${nobodysCode}` }
      const post = service.send("POST", "/reset-password", {
        headers,
        body: "password=a+long+phrase&passwordConfirmation=a+long+phrase"
      })
      yield* flood(15, () => service.reset(nobodysCode, "a long phrase"))
      assert.strictEqual((yield* post).headers["ratelimit-remaining"], "4")
      assert.deepStrictEqual(yield* flood(10, () => post), { 404: 4, 429: 6 })
      const page = yield* post
      assert.strictEqual(page.status, 429)
      assert.match(String(page.headers["content-type"]), /^text\/html/)
      assert.include(page.text, "Too many requests. Try again later.")
      assert.isAtLeast(Number(page.headers["retry-after"]), 1)
      assert.isUndefined(page.headers["set-cookie"]) // the code is kept for the next try
      const look = service.get("/reset-password", { cookie: headers.cookie })
      assert.deepStrictEqual(yield* flood(31, () => look), { 404: 30, 429: 1 })
      assert.strictEqual((yield* service.get("/reset-password")).status, 200)
    })
  )

  it.effect("keep no address", () =>
    Effect.gen(function* () {
      const service = yield* startServiceWithInbox({ settings: behindProxy })
      yield* forgot(service, "203.0.113.7")
      const sql = yield* SqlClient.SqlClient
      const rows = yield* sql<{ readonly row: string; readonly size: number }>`
        select r::text as row, octet_length(key) as size from rate_limits r`
      assert.isNotEmpty(rows)
      for (const { row, size } of rows) {
        assert.strictEqual(size, 32)
        assert.notInclude(row, Buffer.from("203.0.113.7").toString("hex"))
      }
    })
  )

  it.effect("can be off", () =>
    Effect.gen(function* () {
      const service = yield* startServiceWithInbox({ settings: { rateLimit: false } })
      assert.deepStrictEqual(yield* flood(100, () => service.forgot("nobody@example.com")), { 200: 100 })
      assert.deepStrictEqual(yield* flood(30, () => service.signIn("nobody", "a long phrase")), { 400: 30 })
      assert.isUndefined((yield* service.forgot("nobody@example.com")).headers["ratelimit-limit"])
    })
  )
})

onPostgres("limits of two services on one PostgreSQL", Layer.empty, (it) => {
  it.effect(
    "let a flood neither wait on its row nor take the pool, and answer 503 for others while the database is away",
    () =>
      Effect.gen(function* () {
        const proxy = yield* proxyTo(yield* migratedPostgres)
        const service = yield* startServiceWithInbox({
          settings: { ...behindProxy, databaseUrl: Option.some(proxy.url) }
        })
        yield* flood(11, () => forgot(service, "203.0.113.1"))
        yield* proxy.swallow(true)
        // From memory: no statement could answer now.
        assert.deepStrictEqual(yield* flood(500, () => forgot(service, "203.0.113.1")), { 429: 500 })
        const answer = yield* forgot(service, "203.0.113.2")
        assertError(answer, 503, "Unavailable")
        assert.match(String(answer.headers["retry-after"]), /^\d+$/)
        assert.isUndefined(answer.headers["ratelimit-limit"])
        yield* proxy.swallow(false)
        yield* proxy.cut
      })
  )
})
