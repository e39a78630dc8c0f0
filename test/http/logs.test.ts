import { assert } from "@effect/vitest"
import { Cause, Effect, Exit, type Tracer } from "effect"
import { bearer, textAt } from "../support/client.ts"
import { onBothDatabases, onPostgres, Service } from "../support/service.ts"

const form = { "content-type": "application/x-www-form-urlencoded" }

/** What an observer is sent of a span: its name, its attributes, and how it failed. */
const exported = ({ attributes, name, status }: Tracer.Span): string => {
  const failure = status._tag === "Ended" && Exit.isFailure(status.exit) ? Cause.pretty(status.exit.cause) : ""
  return [name, ...[...attributes].map(([key, value]) => `${key}=${String(value)}`), failure].join("\n")
}

onBothDatabases("no log line and no span", Service.layer(), (it) => {
  it.effect("holds a code, a password, a token, an address or a query, whatever happens (D4)", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const passwords = [
        "first p4ssword",
        "second p4ssword",
        "third p4ssword",
        "wrong p4ssword",
        "shrt",
        "é p4ssword",
        "f0rm p4ssword"
      ]
      const [first = "", second = "", third = "", wrong = "", short = "", nfc = "", typed = ""] = passwords

      // Each step once as it should be, and each way in which it goes wrong.
      const ada = yield* service.register({ password: first })
      yield* service.post("/auth/local/register", ada)
      yield* service.post("/auth/local/register", { ...ada, password: short })
      yield* service.post("/auth/local/register", { ...ada, email: `${wrong}@@` })
      yield* service.signIn(ada.email, wrong)
      yield* service.signIn("nobody@example.com", wrong)
      const signedIn = textAt(yield* service.signIn(ada.email, first), "jwt")
      yield* service.me(`${signedIn}x`)
      yield* service.changePassword(signedIn, wrong, nfc)
      yield* service.changePassword(signedIn, first, short)
      const changed = textAt(yield* service.changePassword(signedIn, first, second), "jwt")
      yield* service.get("/auth/sessions", bearer(changed))
      yield* service.send("DELETE", `/auth/sessions/${signedIn}`, { headers: bearer(changed) })
      const superseded = yield* service.codeFor(ada.email)
      const code = yield* service.codeFor(ada.email)
      yield* service.get(`/reset-password?code=${code}`)
      yield* service.get(`/auth/reset-password?code=${code}&password=${encodeURIComponent(third)}`)
      yield* service.get(`/nowhere?code=${code}`)
      yield* service.get(`/${code}`)
      yield* service.check(superseded)
      yield* service.check(code)
      yield* service.reset(code, short)
      yield* service.post("/auth/reset-password", { code, password: third, passwordConfirmation: wrong })
      yield* service.post("/auth/reset-password", { code: [code], password: { third }, passwordConfirmation: 1 })
      yield* service.post("/auth/reset-password", `{"code":"${code}","password":"${third}",`)
      yield* service.post("/auth/reset-password", `code=${code}`, form)
      yield* service.reset(code, third)
      yield* service.reset(code, third)
      const cookie = yield* service.codeFor(ada.email)
      const headers = { ...form, cookie: `rekey_reset_code=${cookie}` }
      yield* service.get("/reset-password", headers)
      yield* service.send("POST", "/reset-password", {
        headers,
        body: `password=${short}&passwordConfirmation=${short}`
      })
      const body = new URLSearchParams({ password: typed, passwordConfirmation: typed }).toString()
      assert.strictEqual((yield* service.send("POST", "/reset-password", { headers, body })).status, 303)
      yield* service.send("POST", "/auth/logout", { headers: bearer(changed) })
      yield* service.raw(`GET /health?code=${code} NONSENSE\r\n\r\n`)

      const secrets = [...passwords, ada.jwt, signedIn, changed, superseded, code, cookie]
      const forms = secrets.flatMap((secret) => [
        secret,
        encodeURIComponent(secret),
        new URLSearchParams({ secret }).toString().slice(7)
      ])
      const written = [...service.logs, ...service.spans.map(exported)]
      // A path that isn't a route's is nobody's to read in a span, but may name what somebody typed there by mistake.
      const ours = written.filter(
        (line) => !line.includes(`/${code}\n`) && !line.includes(`/auth/sessions/${signedIn}`)
      )
      for (const text of [...forms, ada.email, "?code="]) {
        assert.isUndefined(
          ours.find((line) => line.includes(text)),
          text
        )
      }
      assert.isUndefined(service.logs.find((line) => forms.some((secret) => line.includes(secret))))
      assert.isAbove(service.logs.length, 30)
    })
  )
})

onPostgres("the log", Service.layerWithInbox(), (it) => {
  it.effect("has a line for each request, with its id, method, route pattern, status and milliseconds", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { jwt } = yield* service.register()
      const session = "01a20fbe-1e09-71b6-b4ea-06529239c4aa"
      for (const [method, path, route, status] of [
        ["GET", "/health", "/health", 200],
        ["GET", "/health?code=secret", "/health", 200],
        ["GET", "/reset-password?code=secret", "/reset-password", 303],
        ["GET", "/reset-password/done", "/reset-password/done", 200],
        ["DELETE", `/auth/sessions/${session}`, "/auth/sessions/:id", 404],
        ["PUT", "/users/me", "none", 405],
        ["GET", "/no/where?code=secret", "none", 404],
        ["GET", "/%zz", "none", 404],
        ["POST", "/auth/logout", "/auth/logout", 200]
      ] as const) {
        const answer = yield* service.send(method, path, { headers: bearer(jwt) })
        const line = JSON.parse(service.logs.at(-1) ?? "")
        const { millis, ...annotations } = line.annotations
        assert.deepStrictEqual(annotations, { method, route, status, requestId: answer.headers["x-request-id"] })
        assert.isAtLeast(millis, 0)
        assert.deepInclude(line, { message: "request", level: "INFO" })
        assert.strictEqual(answer.status, status)
      }
    })
  )

  it.effect("takes no id from the client, and nothing that could start a line of its own (D7)", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const mine = "01a20fbe-1e09-71b6-b4ea-06529239c4aa"
      const answer = yield* service.get("/health", {
        "x-request-id": mine,
        "user-agent": "<script>",
        referer: "forged"
      })
      assert.notStrictEqual(answer.headers["x-request-id"], mine)
      const line = service.logs.at(-1) ?? ""
      for (const text of [mine, "<script>", "forged", "\n"]) assert.notInclude(line, text)
    })
  )
})
