import { assert } from "@effect/vitest"
import { Effect, Exit, Layer, Option, Scope } from "effect"
import { assertError, bearer, type Client } from "../support/client.ts"
import { emptyPostgres } from "../support/databases.ts"
import { proxyTo } from "../support/proxy.ts"
import { onPostgres, startServiceWithInbox } from "../support/service.ts"

const nobodysCode = "x".repeat(43)

/** Whoever needs the database, all at once. */
const assertUnavailable = Effect.fnUntraced(function* (service: Client, jwt: string) {
  const form = { "content-type": "application/x-www-form-urlencoded", cookie: `rekey_reset_code=${nobodysCode}` }
  const fields = "password=a+long+phrase&passwordConfirmation=a+long+phrase"
  const account = { username: "somebody", email: "somebody@example.com", password: "a long phrase" }
  const answers = yield* Effect.all(
    [
      service.get("/ready"),
      service.forgot("ada@example.com"),
      service.reset(nobodysCode, "a long phrase"),
      service.check(nobodysCode),
      service.signIn("ada@example.com", "a long phrase"),
      service.post("/auth/local/register", account),
      service.me(jwt),
      service.changePassword(jwt, "a long phrase", "a new phrase"),
      service.get("/auth/sessions", bearer(jwt)),
      service.send("DELETE", "/auth/sessions", { headers: bearer(jwt) }),
      service.send("POST", "/auth/logout", { headers: bearer(jwt) })
    ],
    { concurrency: "unbounded" }
  )
  for (const answer of answers) {
    assertError(answer, 503, "Unavailable")
    assert.match(String(answer.headers["retry-after"]), /^\d+$/)
  }
  const pages = yield* Effect.all(
    [
      service.get("/reset-password", { cookie: `rekey_reset_code=${nobodysCode}` }),
      service.send("POST", "/reset-password", { headers: form, body: fields })
    ],
    { concurrency: "unbounded" }
  )
  for (const page of pages) {
    assert.strictEqual(page.status, 503)
    assert.include(page.text, "The service can&#39;t answer now. Try again shortly.")
    assert.match(String(page.headers["retry-after"]), /^\d+$/)
    // What was kept is still there for the next try.
    assert.isUndefined(page.headers["set-cookie"])
  }
  assert.strictEqual((yield* service.get("/health")).status, 200)
})

/** Waits until the service has its database again. */
const ready = (service: Client) =>
  service.get("/ready").pipe(Effect.delay("50 millis"), Effect.repeat({ until: ({ status }) => status === 200 }))

onPostgres("a service whose database is away", Layer.empty, (it) => {
  it.effect("says 503 where the database hangs, and goes on once it answers", () =>
    Effect.gen(function* () {
      const proxy = yield* proxyTo(yield* emptyPostgres)
      const service = yield* startServiceWithInbox({ settings: { databaseUrl: Option.some(proxy.url) } })
      const { email, jwt, password } = yield* service.register()
      yield* proxy.swallow(true)
      yield* assertUnavailable(service, jwt)
      yield* proxy.swallow(false)
      yield* proxy.cut
      yield* ready(service)
      assert.strictEqual((yield* service.me(jwt)).status, 200)
      assert.strictEqual((yield* service.signIn(email, password)).status, 200)
      assert.strictEqual((yield* service.reset(yield* service.codeFor(email), "a new phrase")).status, 200)
    })
  )

  it.effect("says 503 where connections are refused", () =>
    Effect.gen(function* () {
      const network = yield* Scope.make()
      const proxy = yield* Scope.provide(proxyTo(yield* emptyPostgres), network)
      const service = yield* startServiceWithInbox({ settings: { databaseUrl: Option.some(proxy.url) } })
      const { jwt } = yield* service.register()
      yield* Scope.close(network, Exit.void)
      yield* assertUnavailable(service, jwt)
      const told = service.logs.filter((line) => line.includes("The database can't be used now"))
      assert.lengthOf(told, 1) // not one for each request
    })
  )

  it.effect("lets what needs no database be answered as ever", () =>
    Effect.gen(function* () {
      const network = yield* Scope.make()
      const proxy = yield* Scope.provide(proxyTo(yield* emptyPostgres), network)
      const service = yield* startServiceWithInbox({ settings: { databaseUrl: Option.some(proxy.url) } })
      yield* Scope.close(network, Exit.void)
      assertError(yield* service.post("/auth/local", {}), 400, "InvalidRequest")
      assertError(yield* service.reset(nobodysCode, "short"), 400, "PasswordRejected")
      assertError(yield* service.me("x"), 401, "Unauthenticated")
      assertError(yield* service.get("/nowhere"), 404, "NotFound")
      assert.strictEqual((yield* service.get("/reset-password")).status, 200)
      assert.strictEqual((yield* service.get("/openapi.json")).status, 200)
    })
  )
})
