import { assert } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import { assertError, bearer } from "../support/client.ts"
import { onPostgres, Service, startService } from "../support/service.ts"
import { failures, knows, prefixOf, startRangeServer } from "./rangeServer.ts"

const leaked = "a phrase that leaked"
const secret = "a phrase of nobody's"

const token = "a token of whoever scrapes the metrics"

/** A service that asks a range API of its own. */
const start = Effect.fnUntraced(function* (mode: "open" | "closed") {
  const ranges = yield* startRangeServer
  const metricsToken = Option.some(Redacted.make(token))
  const service = yield* startService({ settings: { breachCheck: { mode, url: ranges.url }, metricsToken } })
  /** The outages that an operator sees counted. */
  const counted = Effect.map(service.get("/metrics", bearer(token)), ({ text }) =>
    Number(/^rekey_breach_check_outages_total (\d+)/m.exec(text)?.[1] ?? 0)
  )
  let people = 0
  const registerWith = (password: string) => {
    const name = `someone${people++}x${mode}x${crypto.randomUUID().slice(0, 8)}`
    return service.post("/auth/local/register", { username: name, email: `${name}@example.com`, password })
  }
  return { ...service, ...ranges, counted, registerWith }
})

const clientsOwn = {
  accept: "*/*",
  "accept-encoding": "gzip, deflate",
  "accept-language": "*",
  connection: "keep-alive",
  "sec-fetch-mode": "cors"
}

const outageLines = (logs: ReadonlyArray<string>) => logs.filter((line) => line.includes("for breaches"))

onPostgres("the breach check", Service.layer(), (it) => {
  it.effect("refuses a leaked password at each door, with a reason beside the field", () =>
    Effect.gen(function* () {
      const { behave, changePassword, codeFor, register, registerWith, reset } = yield* start("closed")
      behave(knows([leaked]))
      const ada = yield* register()
      const code = yield* codeFor(ada.email)
      for (const answer of [
        yield* registerWith(leaked),
        yield* changePassword(ada.jwt, ada.password, leaked),
        yield* reset(code, leaked)
      ]) {
        const details = assertError(answer, 400, "PasswordRejected")
        assert.deepStrictEqual(
          details.map(({ path }) => path),
          [["password"]]
        )
        assert.match(details[0]?.message ?? "", /breach/)
      }
      assert.strictEqual((yield* reset(code, secret)).status, 200) // the code is still good (B7)
    })
  )

  it.effect("ignores padding, reads either line end and either case", () =>
    Effect.gen(function* () {
      const { behave, registerWith } = yield* start("closed")
      behave(knows([leaked], 0))
      assert.strictEqual((yield* registerWith(leaked)).status, 200)
      behave(knows([leaked], 1, "\n"))
      assertError(yield* registerWith(leaked), 400, "PasswordRejected")
      behave((prefix) => ({
        bytes: knows([leaked])(prefix).bytes?.toLowerCase().replace("http/1.1 200 ok", "HTTP/1.1 200 OK") ?? ""
      }))
      assertError(yield* registerWith(leaked), 400, "PasswordRejected")
    })
  )

  it.effect("tells the server five digits, and nothing else of the password, the account or the request", () =>
    Effect.gen(function* () {
      const { logs, received, registerWith, spans, url } = yield* start("closed")
      assert.strictEqual((yield* registerWith(secret)).status, 200)
      assert.strictEqual((yield* registerWith("pässwörter für alle")).status, 200)
      assert.strictEqual((yield* registerWith("pässwörter für alle".normalize("NFD"))).status, 200)
      assert.lengthOf(received, 3)
      const lines = received.map((request) => request.split("\r\n"))
      assert.deepStrictEqual(
        lines.map(([first]) => first),
        [secret, ...Array(2).fill("pässwörter für alle")].map((password) => `GET /range/${prefixOf(password)} HTTP/1.1`)
      )
      for (const [, ...fields] of lines) {
        assert.deepStrictEqual(fields.slice(-2), ["", ""]) // no body
        const headers = Object.fromEntries(fields.slice(0, -2).map((field) => field.toLowerCase().split(": ", 2)))
        // The client's own words about itself, the same for everybody: no trace context, no cookie, no request id.
        const ours = { "add-padding": "true", host: url.host, "user-agent": "rekey" }
        assert.deepStrictEqual(headers, { ...clientsOwn, ...ours })
      }
      const told = [...logs, ...spans.map((span) => JSON.stringify([span.name, [...span.attributes]]))].join("\n")
      assert.notInclude(told, prefixOf(secret))
      assert.notInclude(told.toLowerCase(), "/range/")
    })
  )

  it.effect("asks about no password that something else is against, nor for a wrong code (E6)", () =>
    Effect.gen(function* () {
      const { received, registerWith, reset } = yield* start("closed")
      assertError(yield* registerWith("short"), 400, "PasswordRejected")
      assertError(yield* registerWith("Password1"), 400, "PasswordRejected")
      assertError(yield* reset("x".repeat(43), secret), 404, "ResetCodeNotFound")
      assert.deepStrictEqual(received, [])
    })
  )

  it.effect("when the server doesn't answer as it should, `open` lets the password pass, and each is counted", () =>
    Effect.gen(function* () {
      const { behave, counted, logs, received, registerWith } = yield* start("open")
      const ways = Object.entries(failures(leaked))
      for (const [way, behaviour] of ways) {
        behave(behaviour)
        assert.strictEqual((yield* registerWith(leaked)).status, 200, way)
      }
      assert.strictEqual(yield* counted, ways.length)
      assert.isAtLeast(received.length, ways.length)
      assert.lengthOf(outageLines(logs), 1) // one outage, one line
      assert.match(outageLines(logs)[0] ?? "", /"level":"WARN"/i)
    })
  )

  it.effect("when the server doesn't answer as it should, `closed` refuses with 503 and leaves the code alive", () =>
    Effect.gen(function* () {
      const { behave, codeFor, logs, register, registerWith, reset, signIn } = yield* start("closed")
      const ada = yield* register()
      const code = yield* codeFor(ada.email)
      const ways = Object.entries(failures(leaked))
      for (const [way, behaviour] of ways) {
        behave(behaviour)
        const answer = yield* registerWith(leaked)
        assert.strictEqual(answer.headers["retry-after"], "1", way)
        assertError(answer, 503, "Unavailable")
      }
      assertError(yield* reset(code, secret), 503, "Unavailable")
      assert.strictEqual((yield* signIn(ada.email, ada.password)).status, 200) // signing in asks nobody
      behave(knows([leaked]))
      assert.strictEqual((yield* reset(code, secret)).status, 200)
      assert.lengthOf(outageLines(logs), 1)
    })
  )

  it.effect("follows no redirect", () =>
    Effect.gen(function* () {
      const elsewhere = yield* startRangeServer
      const { behave, received, registerWith } = yield* start("closed")
      for (const status of ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"]) {
        behave((prefix) => ({
          bytes: `HTTP/1.1 ${status}\r\nLocation: ${elsewhere.url.href}${prefix}\r\nContent-Length: 0\r\n\r\n`
        }))
        assertError(yield* registerWith(leaked), 503, "Unavailable")
      }
      assert.lengthOf(received, 4)
      assert.deepStrictEqual(elsewhere.received, [])
    })
  )

  it.effect("where nobody listens, `open` lets the password pass and `closed` doesn't", () =>
    Effect.gen(function* () {
      const url = new URL("http://127.0.0.1:1/range")
      const open = yield* startService({ settings: { breachCheck: { mode: "open", url } } })
      yield* open.register({ password: leaked })
      const closed = yield* startService({ settings: { breachCheck: { mode: "closed", url } } })
      const person = { username: "grace", email: "grace@example.com", password: leaked }
      assertError(yield* closed.post("/auth/local/register", person), 503, "Unavailable")
    })
  )

  it.effect("is off unless it is asked for", () =>
    Effect.gen(function* () {
      const ranges = yield* startRangeServer
      ranges.behave(knows([leaked]))
      const service = yield* startService({ settings: { breachCheck: { mode: "off", url: ranges.url } } })
      yield* service.register({ password: leaked })
      assert.deepStrictEqual(ranges.received, [])
    })
  )
})
