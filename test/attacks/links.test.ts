import { assert } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Option, Redacted, type Tracer } from "effect"
import { SqlClient } from "effect/sql"
import { trustedProxy } from "../../src/http/clientAddress.ts"
import { type Answer, assertError, bearer, textAt } from "../support/client.ts"
import { assertPage, both, browserOf, form } from "../support/page.ts"
import { codeIn, onBothDatabases, onPostgres, Service, startServiceWithInbox, timePasses } from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"
import { dump, found, newPassword, nobodysCode, spellingsOf } from "./common.ts"

const token = "a-token-of-the-tests-that-is-long-enough"
const metricsToken = Option.some(Redacted.make(token))
const trustedProxies = [Option.getOrThrow(trustedProxy("127.0.0.1"))]
const link = "http://accounts.example.com/reset-password?code="

/** What an observer is sent of a span: its name, its attributes, its events, and how it failed. */
const exported = (span: Tracer.Span): string => {
  const { attributes, name, status } = span
  const failure = status._tag === "Ended" && Exit.isFailure(status.exit) ? Cause.pretty(status.exit.cause) : ""
  const events =
    "events" in span ? JSON.stringify(span.events, (_, value) => (typeof value === "bigint" ? "" : value)) : ""
  return [name, ...[...attributes].map(([key, value]) => `${key}=${String(value)}`), events, failure].join("\n")
}

/** A client each of whose answers is kept. */
const recorded = (service: Service["Service"]) => {
  const answers: Array<Answer> = []
  const kept =
    <Parameters extends ReadonlyArray<unknown>>(ask: (...parameters: Parameters) => Effect.Effect<Answer>) =>
    (...parameters: Parameters) =>
      Effect.tap(ask(...parameters), (answer) => Effect.sync(() => void answers.push(answer)))
  const { changePassword, check, forgot, get, me, post, raw, reset, send, signIn } = service
  return {
    answers,
    service: {
      ...service,
      ...{ get: kept(get), post: kept(post), raw: kept(raw), send: kept(send), me: kept(me), signIn: kept(signIn) },
      ...{ changePassword: kept(changePassword), check: kept(check), forgot: kept(forgot), reset: kept(reset) }
    }
  }
}

/** A mail in the outbox, which it can't leave while the mail server takes none. */
const waitingFor = (address: string) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => sql`select from outbox where recipient = ${address} and outcome is null`)

onBothDatabases("links and leaks", Service.layer({ settings: { metricsToken } }), (it) => {
  it.effect(
    "D4: no answer, log line, span, metric and row holds a code, a password, a token or an address, whatever happens",
    () =>
      Effect.gen(function* () {
        const { answers, service } = recorded(yield* Service)
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

        const metrics = yield* service.get("/metrics", bearer(token))
        assert.strictEqual(metrics.status, 200)
        const stored = yield* dump

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
          assert.notInclude(metrics.text, text)
        }
        assert.isUndefined(service.logs.find((line) => forms.some((secret) => line.includes(secret))))
        assert.isAbove(service.logs.length, 30)

        const values = stored.flatMap(spellingsOf).filter((value) => value.length > 3)
        for (const secret of forms)
          assert.isUndefined(
            values.find((value) => value.includes(secret)),
            secret
          )

        // An answer has the token that it is the answer of, and the page keeps the code in its cookie.
        const given = [...passwords, superseded, code, cookie]
        for (const { headers, text } of answers) {
          const { "set-cookie": _, ...others } = headers
          const whole = `${JSON.stringify(others)}\n${text}`
          assert.isUndefined(
            given.find((secret) => whole.includes(secret) || whole.includes(encodeURIComponent(secret)))
          )
        }
        assert.isAbove(answers.length, 30)
      })
  )

  it.effect(
    "D5: no value of a dump, in whatever spelling, is a code or a token, not even while a mail waits (CVE-2023-22894)",
    () =>
      Effect.gen(function* () {
        const { behave } = yield* MailServer
        const { check, codeFor, forgot, me, register, reset } = yield* Service
        const [ada, grace, used] = [yield* register(), yield* register(), yield* register()]
        const live = yield* codeFor(ada.email)
        yield* reset(yield* codeFor(used.email), newPassword)
        yield* behave("hang")
        yield* forgot(grace.email)
        yield* found(waitingFor(grace.email))
        const stored = yield* dump
        yield* behave("take")
        const values = new Set(stored.flatMap(spellingsOf).filter((value) => value !== ""))
        assert.isAbove(values.size, 100)
        for (const secret of [live, ada.jwt, grace.jwt]) assert.isFalse(values.has(secret))
        const tried = Effect.fnUntraced(function* (value: string) {
          // What a JSON string can't be is refused for that.
          assert.include([400, 404], (yield* check(value)).status, value)
          assert.include([400, 404], (yield* reset(value, newPassword)).status, value)
          if (/^[\x21-\x7e]+$/.test(value)) assertError(yield* me(value), 401, "Unauthenticated")
        })
        yield* Effect.forEach(values, tried, { concurrency: 8, discard: true })
        assert.strictEqual((yield* check(live)).status, 200)
      })
  )

  it.effect(
    "D1: the mail goes to the stored address alone, with the configured link, whoever asked with whatever headers",
    () =>
      Effect.gen(function* () {
        const { next } = yield* MailServer
        const { post, register } = yield* Service
        const { email } = yield* register({ email: "Grace.Hopper@Bücher.Example" })
        const forged = {
          host: "evil.example",
          "x-forwarded-host": "evil.example",
          forwarded: "host=evil.example",
          origin: "https://evil.example",
          referer: "https://evil.example"
        }
        for (const spelling of [email, " grace.HOPPER@xn--bcher-kva.example "]) {
          yield* post("/auth/forgot-password", { email: spelling }, forged)
          const { envelope, parsed } = yield* next("Grace.Hopper@bücher.example")
          assert.deepStrictEqual(envelope.to, ["Grace.Hopper@bücher.example"])
          const text = parsed.text ?? ""
          const code = codeIn(text)
          assert.include(text, `http://accounts.example.com/reset-password?code=${code}`)
          assert.notInclude(`${text}${parsed.html}`, "evil")
          yield* timePasses("61 seconds")
        }
      })
  )
})

onPostgres("links, behind no proxy and behind one", Layer.empty, (it) => {
  it.effect("D1: no host and no scheme of a header is believed, whoever sends it", () =>
    Effect.gen(function* () {
      const service = yield* startServiceWithInbox()
      const { headers } = yield* service.get("/reset-password?code=x", {
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "https",
        forwarded: "host=evil.example;proto=https"
      })
      assert.strictEqual(headers.location, "./reset-password")
      assert.isUndefined(headers["strict-transport-security"])
    })
  )
})

const forgedHeaders = {
  host: "evil.example",
  ...Object.fromEntries(
    [
      "x-forwarded-host",
      "x-forwarded-server",
      "x-host",
      "x-original-host",
      "x-http-host-override",
      "x-forwarded-prefix"
    ]
      .concat(["x-original-url", "x-rewrite-url", "x-forwarded-uri", "x-forwarded-scheme", "x-forwarded-port", "via"])
      .map((name) => [name, "evil.example"])
  ),
  "x-forwarded-proto": "javascript",
  forwarded: 'for=evil;host="evil.example";proto=https',
  origin: "https://evil.example",
  referer: "https://evil.example/reset-password?code=x"
}

onPostgres("links", Service.layer({ settings: { trustedProxies } }), (it) => {
  it.effect("D1: a mail's link is built from configuration alone, whatever headers and target the request has", () =>
    Effect.gen(function* () {
      const mails = yield* MailServer
      const { post, raw, register } = yield* Service
      const { email } = yield* register()
      const body = JSON.stringify({ email })
      const head = (target: string, host: string) =>
        `POST ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n`
      const requests = [
        ...Object.entries(forgedHeaders).map(([name, value]) =>
          post("/auth/forgot-password", { email }, { [name]: value })
        ),
        post("/auth/forgot-password", { email }, forgedHeaders),
        raw(`${head("http://evil.example/auth/forgot-password", "accounts.example.com")}\r\n${body}`),
        raw(`${head("https://evil.example:8443/auth/forgot-password", "evil.example")}\r\n${body}`),
        raw(`${head("/auth/forgot-password", "accounts.example.com@evil.example")}\r\n${body}`),
        raw(
          `${head("/auth/forgot-password", "accounts.example.com")}X-Forwarded-Host: evil.example, evil.example\r\n\r\n${body}`
        )
      ]
      for (const request of requests) {
        const answer = yield* request
        assert.strictEqual(answer.status, 200, answer.text)
        const { parsed, raw } = yield* mails.next(email)
        assert.include(parsed.text, `${link}${codeIn(parsed.text ?? "")}`)
        assert.notInclude(raw, "evil")
        assert.notInclude(JSON.stringify(parsed.html), "evil")
      }
    })
  )

  it.effect("D1: the absolute form of a target is its path, whatever host it names", () =>
    Effect.gen(function* () {
      const { raw } = yield* Service
      assert.strictEqual(
        (yield* raw(`GET http://evil.example/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)).status,
        200
      )
      assertError(
        yield* raw(`GET http://evil.example/nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
        404,
        "NotFound"
      )
    })
  )

  it.effect("D2: no redirect and no link in a request is taken up, in a mail, in an answer, by the page", () =>
    Effect.gen(function* () {
      const mails = yield* MailServer
      const { get, post, register, reset } = yield* Service
      const { email } = yield* register()
      const targets = [
        ...[
          "//evil.example",
          "https://evil.example",
          "https://accounts.example.com@evil.example",
          "javascript:alert(1)"
        ],
        ...[
          "\\\\evil.example",
          "/\\evil.example",
          "data:text/html,evil",
          "https:evil.example",
          "/%09/evil.example",
          "?evil"
        ]
      ]
      const keys = [
        "redirect",
        "redirectTo",
        "redirect_uri",
        "url",
        "link",
        "next",
        "returnUrl",
        "callbackURL",
        "resetUrl"
      ]
      let newest = ""
      for (const target of targets) {
        const parameters = Object.fromEntries(keys.map((key) => [key, target]))
        const query = new URLSearchParams(parameters).toString()
        yield* post(`/auth/forgot-password?${query}`, { ...parameters, email })
        const { parsed, raw } = yield* mails.next(email)
        const code = codeIn(parsed.text ?? "")
        assert.include(parsed.text, `${link}${code}`)
        assert.notInclude(raw, "evil")
        const page = yield* get(`/reset-password?code=${code}&${query}`)
        assert.deepStrictEqual([page.status, page.headers.location], [303, "./reset-password"])
        const checked = yield* post(`/auth/reset-password/check?${query}`, { ...parameters, code })
        assert.strictEqual(checked.status, 200)
        assert.isUndefined(checked.headers.location)
        newest = code
      }
      const done = yield* reset(newest, newPassword)
      assert.deepStrictEqual([done.status, done.headers.location], [200, undefined])
    })
  )

  it.effect("D2: the page goes nowhere that a query or a field names", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { email } = yield* service.register()
      const code = yield* service.codeFor(email)
      const { open, post } = browserOf(service)
      const link = yield* open(
        `/reset-password?code=${code}&redirect=//evil.example&url=https://evil.example&next=javascript:x`
      )
      assert.strictEqual(link.headers.location, "./reset-password")
      const done = yield* post({ ...both(newPassword), redirect: "//evil.example" })
      assert.strictEqual(done.headers.location, "./reset-password/done")
    })
  )

  it.effect("D3: a scanner that opens the link ten times changes nothing", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const code = yield* service.codeFor((yield* service.register()).email)
      for (let time = 0; time < 10; time++) {
        const { open } = browserOf(service)
        for (const method of ["GET", "HEAD"]) {
          assert.strictEqual((yield* open(`/reset-password?code=${code}`, method)).status, 303)
          assert.strictEqual((yield* open("/reset-password", method)).status, 200)
        }
      }
      assert.strictEqual((yield* service.reset(code, newPassword)).status, 200)
    })
  )

  it.effect("D3: nothing but the form's own POST uses a code", () =>
    Effect.gen(function* () {
      const { codeFor, register, reset, send } = yield* Service
      const { email } = yield* register()
      const code = yield* codeFor(email)
      for (const method of ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "PROPFIND"]) {
        for (const path of [
          "/reset-password",
          "/reset-password/done",
          "/auth/reset-password",
          "/auth/reset-password/check"
        ]) {
          const query = `code=${code}&password=a+long+phrase&passwordConfirmation=a+long+phrase`
          const headers = { ...form, cookie: `rekey_reset_code=${code}`, purpose: "prefetch" }
          yield* send(method, `${path}?${query}`, { headers: { cookie: headers.cookie, purpose: headers.purpose } })
          if (method !== "GET" && method !== "HEAD") yield* send(method, path, { headers, body: query })
        }
      }
      assert.strictEqual((yield* reset(code, newPassword)).status, 200)
    })
  )

  it.effect("D6: each page runs, frames, caches and refers nothing", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { codeFor, register, reset, send } = service
      const { email } = yield* register()
      const superseded = yield* codeFor(email)
      const code = yield* codeFor(email)
      const { open, post } = browserOf(service)
      yield* open(`/reset-password?code=${code}`)
      const pages: Record<string, Answer> = {
        withCode: yield* open("/reset-password"),
        refused: yield* post(both("short")),
        differing: yield* post({ password: newPassword, passwordConfirmation: "another" }),
        foreign: yield* post(both(newPassword), { origin: "https://evil.example" }),
        withoutCode: yield* service.get("/reset-password"),
        nobodys: yield* service.get("/reset-password", { cookie: `rekey_reset_code=${nobodysCode}` }),
        superseded: yield* service.get("/reset-password", { cookie: `rekey_reset_code=${superseded}` }),
        done: yield* service.get("/reset-password/done")
      }
      for (const [name, page] of Object.entries(pages)) {
        assertPage(page)
        assert.strictEqual(page.headers["x-content-type-options"], "nosniff", name)
        assert.notInclude(page.text, code, name)
        assert.notMatch(page.text, / on[a-z]+=|style=|javascript:/i, name)
      }
      const redirect = yield* send("GET", `/reset-password?code=${code}`)
      assert.deepStrictEqual([redirect.status, redirect.text], [303, ""])
      assert.strictEqual(redirect.headers["referrer-policy"], "no-referrer")
      assert.strictEqual(redirect.headers["cache-control"], "no-store")
      assert.strictEqual((yield* reset(code, newPassword)).status, 200)
    })
  )

  it.effect(
    "D7: markup and line breaks in a name, an address and a user agent are text in mails and no line of a log",
    () =>
      Effect.gen(function* () {
        const mails = yield* MailServer
        const service = yield* Service
        const script = "<script>alert(1)</script>"
        for (const [index, username] of [
          script,
          '"><img src=x onerror=alert(1)>',
          "a\r\nBcc: evil",
          "\u202egnp"
        ].entries()) {
          const { email } = yield* service.register({ username, email: `&'*+/=?^\`{|}~${index}@example.com` })
          yield* service.post("/auth/forgot-password", { email }, { "user-agent": script, referer: script })
          const asked = yield* mails.next(email)
          const body = { code: codeIn(asked.parsed.text ?? ""), ...both(newPassword) }
          assert.strictEqual((yield* service.post("/auth/reset-password", body, { "user-agent": script })).status, 200)
          const notice = yield* mails.next(email)
          assert.include(notice.parsed.text, "Unknown device")
          for (const { envelope, parsed } of [asked, notice]) {
            assert.deepStrictEqual(envelope.to, [email])
            for (const text of [parsed.text, parsed.html, parsed.subject])
              assert.notMatch(String(text), /<script|<img|evil/)
            assert.isFalse(parsed.headers.has("bcc"))
          }
        }
        for (const line of service.logs) assert.notMatch(line, /<script|<img|evil|\n/)
      })
  )

  it.effect("D7: the page shows nothing of what came in a query, a cookie or a field as markup", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { open, post } = browserOf(service)
      const markup = '"><script>alert(1)</script>'
      yield* open(`/reset-password?code=${encodeURIComponent(markup)}&message=${encodeURIComponent(markup)}`)
      const answers = [
        yield* open("/reset-password"),
        yield* post({ code: markup, password: markup, passwordConfirmation: "x" }),
        yield* open(`/reset-password?message=${encodeURIComponent(markup)}`)
      ]
      for (const answer of answers) assertPage(answer)
    })
  )

  it.effect("D7: the log takes no id from the client, and nothing that could start a line of its own", () =>
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
