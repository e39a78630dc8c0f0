import { readFileSync } from "node:fs"
import { assert } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import { trustedProxy } from "../../src/http/clientAddress.ts"
import { assertError, bearer, textAt } from "../support/client.ts"
import { onBothDatabases, onPostgres, Service } from "../support/service.ts"

const token = "a-token-of-the-tests-that-is-long-enough"
const metricsToken = Option.some(Redacted.make(token))
const settings = {
  metricsToken,
  rateLimit: true,
  trustedProxies: [Option.getOrThrow(trustedProxy("127.0.0.1"))]
}

/** The samples of a scrape by name and labels, as in `name{a="b"}`. */
const samples = (text: string): ReadonlyMap<string, number> =>
  new Map(
    text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))])
  )

onBothDatabases("GET /metrics", Service.layer({ settings }), (it) => {
  it.effect("counts a whole walk, and holds no secret, no address and no account (D4)", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const ada = yield* service.register()
      const client = "203.0.113.77"
      const from = { "x-forwarded-for": client, "user-agent": "the-agent" }
      yield* service.post("/auth/local", { identifier: ada.email, password: "a wrong phrase" }, from)
      const code = yield* service.codeFor(ada.email)
      yield* service.get(`/reset-password?code=${code}`)
      yield* service.get(`/${code}`)
      yield* service.get(`/auth/sessions/${ada.id}`, bearer(ada.jwt))
      yield* service.reset("x".repeat(43), "a new long phrase")
      yield* service.reset(code, "short")
      assert.strictEqual((yield* service.reset(code, "a new long phrase")).status, 200)
      yield* service.reset(code, "a newer long phrase")
      yield* service.post("/auth/email-confirmation", { code })
      for (let time = 0; time < 12; time++) {
        yield* service.post("/auth/forgot-password", { email: "nobody@example.com" }, from)
      }
      for (let time = 0; time < 7; time++) {
        yield* service.post("/auth/local", { identifier: ada.email, password: "a wrong phrase" }, from)
      }

      // The notice of the reset may still be in hand.
      const answer = yield* Effect.repeat(service.get("/metrics", bearer(token)), {
        while: ({ text }) => /^rekey_outbox_waiting [1-9]/m.test(text)
      })
      assert.strictEqual(answer.status, 200)
      assert.match(String(answer.headers["content-type"]), /^text\/plain; version=0\.0\.4/)
      const found = samples(answer.text)
      for (const [sample, value] of [
        ['rekey_http_requests_total{method="POST",route="/auth/local/register",status="200"}', 1],
        ['rekey_http_requests_total{method="POST",route="/auth/reset-password",status="200"}', 1],
        ['rekey_http_requests_total{method="POST",route="/auth/reset-password",status="404"}', 1],
        ['rekey_http_requests_total{method="POST",route="/auth/reset-password",status="403"}', 1],
        ['rekey_http_requests_total{method="POST",route="/auth/forgot-password",status="429"}', 2],
        ['rekey_http_requests_total{method="GET",route="none",status="404"}', 1],
        ['rekey_http_requests_total{method="GET",route="/reset-password",status="303"}', 1],
        ['rekey_http_request_duration_seconds_count{route="/auth/reset-password"}', 4],
        ['rekey_resets_total{outcome="done"}', 1],
        ['rekey_resets_total{outcome="ResetCodeNotFound"}', 1],
        ['rekey_resets_total{outcome="ResetCodeUsed"}', 1],
        ['rekey_resets_total{outcome="PasswordRejected"}', 1],
        ['rekey_confirmations_total{outcome="ConfirmationCodeNotFound"}', 1],
        ['rekey_limiter_refusals_total{door="forgotPassword"}', 2],
        ['rekey_guesses_refused_total{kind="signIn"}', 3],
        ["rekey_hash_queue_length", 0],
        ["rekey_hash_wait_seconds_count", 7],
        ["rekey_outbox_waiting", 0],
        ["rekey_outbox_retrying", 0],
        ["rekey_outbox_oldest_seconds", 0]
      ] as const) {
        const key = [...found.keys()].find((key) => sameSample(key, sample))
        assert.strictEqual(found.get(key ?? ""), value, `${sample}\n${answer.text}`)
      }

      const secrets = [
        ada.id,
        ada.email,
        ada.username,
        ada.password,
        ada.jwt,
        code,
        client,
        "127.0.0.1",
        "the-agent",
        token
      ]
      for (const secret of [...secrets, "nobody@", "phrase"]) assert.notInclude(answer.text, secret)
    })
  )
})

/** Labels come in any order. */
const sameSample = (one: string, other: string): boolean => {
  const parts = (sample: string) => sample.replace("}", "").split(/[{,]/).toSorted().join()
  return parts(one) === parts(other)
}

onPostgres("/metrics", Service.layer({ settings: { metricsToken } }), (it) => {
  it.effect("is for whoever has the token", () =>
    Effect.gen(function* () {
      const { get, me, register } = yield* Service
      const { jwt } = yield* register()
      for (const headers of [
        {},
        bearer(""),
        bearer(jwt),
        bearer(`${token}x`),
        bearer(token.slice(1)),
        { authorization: token }
      ]) {
        const answer = yield* get("/metrics", headers)
        assertError(answer, 401, "Unauthenticated")
        assert.strictEqual(answer.headers["www-authenticate"], "Bearer")
      }
      assert.strictEqual((yield* get("/metrics", { authorization: `bearer ${token}` })).status, 200)
      assertError(yield* me(token), 401, "Unauthenticated") // and opens nothing else
    })
  )

  it.effect("has a row in the operator's table for each thing that is measured, and no other", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const table = readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8")
      const documented = [...table.matchAll(/^\| `(rekey_\w+)`/gm)].map(([, name]) => name ?? "")
      const { email } = yield* service.register()
      textAt(yield* service.signIn(email, "an old long phrase"), "jwt")
      const { text } = yield* service.get("/metrics", bearer(token))
      const measured = [...text.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name ?? "")
      assert.isNotEmpty(measured)
      for (const name of measured) assert.include(documented, name)
      for (const name of documented) assert.include(sources, `"${name}"`)
    })
  )
})

const sources = [
  "accounts/EmailChange.ts",
  "accounts/EmailConfirmation.ts",
  "accounts/GuessLimits.ts",
  "events/WebhookStatistics.ts",
  "events/WebhookWorker.ts",
  "http/edge.ts",
  "http/limits.ts",
  "mail/OutboxStatistics.ts",
  "passwords/Bulkhead.ts",
  "passwords/BreachCheck.ts",
  "recovery/PasswordReset.ts"
]
  .map((file) => readFileSync(new URL(`../../src/${file}`, import.meta.url), "utf8"))
  .join("\n")

onPostgres("without METRICS_TOKEN", Service.layer(), (it) => {
  it.effect("there is no /metrics", () =>
    Effect.gen(function* () {
      const { get, send } = yield* Service
      for (const headers of [{}, bearer(token)]) assertError(yield* get("/metrics", headers), 404, "NotFound")
      assertError(yield* send("POST", "/metrics"), 404, "NotFound")
    })
  )
})
