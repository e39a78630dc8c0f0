import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { ServerLayer } from "../../src/server.ts"
import { startRekey } from "../../src/startRekey.ts"
import { embeddedDatabase, fastHasher, testVariables } from "../../src/testing/index.ts"
import { assertError } from "../support/client.ts"
import { embeddedClient } from "../support/databases.ts"
import { codeIn, onPostgres, Service, testSettings } from "../support/service.ts"

const json = { accept: "application/json" }

onPostgres("the development inbox", Service.layerWithInbox({ settings: { appName: '<script>"&' } }), (it) => {
  it.effect("shows a program the mails, the newest first", () =>
    Effect.gen(function* () {
      const { codeFor, get, register } = yield* Service
      const [ada, eve] = [yield* register(), yield* register()]
      const codes = [yield* codeFor(ada.email), yield* codeFor(eve.email)]
      const answer = yield* get("/dev/inbox", json)
      assert.match(String(answer.headers["content-type"]), /^application\/json/)
      const { mails } = Object(answer.json)
      assert.deepStrictEqual([mails[0].to, mails[1].to], [eve.email, ada.email])
      assert.deepStrictEqual([codeIn(mails[1].text), codeIn(mails[0].text)], codes)
      // A program that says nothing of what it accepts gets the same.
      assert.strictEqual((yield* get("/dev/inbox")).text, answer.text)
    })
  )

  it.effect("shows a person a page with links to click, in which nothing of a mail is markup (D7)", () =>
    Effect.gen(function* () {
      const { codeFor, get, register } = yield* Service
      const { email } = yield* register()
      const code = yield* codeFor(email)
      const { headers, text } = yield* get("/dev/inbox", { accept: "text/html,application/xhtml+xml,*/*;q=0.8" })
      assert.match(String(headers["content-type"]), /^text\/html/)
      assert.include(text, email)
      assert.include(text, `<code>${code}</code>`)
      assert.include(text, "&lt;script&gt;&quot;&amp;")
      assert.notInclude(text, '<script>"')
      const [, path = ""] = /href="(\/dev\/inbox\/\w+)" aria-current/.exec(text) ?? []
      const asText = yield* get(`${path}?view=text`, { accept: "text/html" })
      const link = `http://accounts.example.com/reset-password?code=${code}`
      assert.include(asText.text, `<a href="${link}" target="_blank" rel="noopener">${link}</a>`)
      assert.deepStrictEqual((yield* get(path, json)).json, Object((yield* get("/dev/inbox", json)).json).mails[0])
      const source = yield* get(`${path}?view=source`, { accept: "text/html" })
      assert.include(source.text, "Content-Type: multipart/alternative")
      assert.notInclude(source.text, '<script>"')
    })
  )

  it.effect("has the latest code to copy above the list, also where a notice came after it", () =>
    Effect.gen(function* () {
      const { changePassword, codeFor, get, register } = yield* Service
      const [ada, eve] = [yield* register(), yield* register()]
      const code = yield* codeFor(eve.email)
      assert.strictEqual((yield* changePassword(ada.jwt, ada.password, "a new long phrase")).status, 200)
      const newest = Effect.map(get("/dev/inbox", json), (answer) => Object(answer.json).mails[0])
      const notice = yield* Effect.repeat(newest, { until: ({ to }) => to === ada.email })
      const { text } = yield* get("/dev/inbox", { accept: "text/html" })
      assert.match(text, new RegExp(`Code for <a [^>]*>${eve.email}</a></span><output><code>${code}</code>`))
      // The notice itself has none.
      assert.notInclude((yield* get(`/dev/inbox/${notice.id}`, { accept: "text/html" })).text, code)
    })
  )

  it.effect("lets nothing run but its own script, and nothing at all in a mail (D7)", () =>
    Effect.gen(function* () {
      const { codeFor, get, register } = yield* Service
      yield* codeFor((yield* register()).email)
      const { headers, text } = yield* get("/dev/inbox", { accept: "text/html" })
      const policy = String(headers["content-security-policy"])
      assert.match(policy, /^default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'/)
      assert.notMatch(policy, /unsafe|\*|https?:/)
      assert.strictEqual(headers["x-frame-options"], "DENY")
      assert.match(text, /<iframe [^>]*sandbox="allow-popups allow-popups-to-escape-sandbox">/)
      const [, path = ""] = /<iframe [^>]*src="([^"]+)"/.exec(text) ?? []
      const mail = yield* get(path, { accept: "text/html" })
      const policyOfMail = String(mail.headers["content-security-policy"])
      assert.match(policyOfMail, /^sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src/)
      assert.notMatch(policyOfMail, /script|allow-same-origin|\*|https?:/)
      assert.include(policyOfMail, "frame-ancestors 'self'")
      assert.strictEqual(mail.headers["referrer-policy"], "no-referrer")
    })
  )

  it.effect("answers 404 for a mail that isn't there", () =>
    Effect.gen(function* () {
      const { get } = yield* Service
      for (const path of ["/dev/inbox/nobody", "/dev/inbox/nobody/html", "/dev/inbox/%2e%2e", "/dev/inbox/x/y"]) {
        assertError(yield* get(path, { accept: "text/html" }), 404, "NotFound")
      }
    })
  )

  it.effect("is there by each name of this machine", () =>
    Effect.gen(function* () {
      const { get } = yield* Service
      for (const host of [
        "localhost",
        "LOCALHOST:1337",
        "127.0.0.1",
        "127.0.0.1:80",
        "127.8.8.8:1337",
        "[::1]",
        "[::1]:1337"
      ]) {
        assert.strictEqual((yield* get("/dev/inbox", { ...json, host })).status, 200, host)
      }
    })
  )

  it.effect("isn't there under another name, so no site's page can read it by DNS rebinding", () =>
    Effect.gen(function* () {
      const { codeFor, get, register } = yield* Service
      const code = yield* codeFor((yield* register()).email)
      const { id } = Object((yield* get("/dev/inbox", json)).json).mails[0]
      for (const host of [
        ...["evil.example", "evil.example:1337", "localhost.evil.example", "127.0.0.1.evil.example", "evil.localhost"],
        ...["localhost@evil.example", "evil.example@localhost", "127.0.0.1:80@evil.example", "0.0.0.0", "10.0.0.1"],
        ...[
          "localhost, evil.example",
          "localhost evil.example",
          "128.0.0.1",
          "[::2]",
          "[::ffff:10.0.0.1]",
          "2130706433"
        ]
      ]) {
        for (const path of ["", `/${id}`, `/${id}/html`, "/arrivals", "/inbox.js", "/inbox.css"]) {
          const answer = yield* get(`/dev/inbox${path}`, { ...json, host })
          assertError(answer, 404, "NotFound")
          assert.notInclude(answer.text, code)
        }
      }
    })
  )

  it.effect("isn't there for what comes through a proxy", () =>
    Effect.gen(function* () {
      const { get } = yield* Service
      for (const header of [
        ...["forwarded", "via", "x-forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"],
        "X-Forwarded-For"
      ]) {
        for (const value of ["127.0.0.1", ""]) {
          assertError(yield* get("/dev/inbox", { ...json, host: "localhost", [header]: value }), 404, "NotFound")
        }
      }
    })
  )

  it.effect(
    "isn't there under the absolute form of another site's target, which counts before Host (RFC 9112, 3.2.2)",
    () =>
      Effect.gen(function* () {
        const { get, raw } = yield* Service
        const answer = yield* raw(
          "GET http://evil.example/dev/inbox HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        assertError(answer, 404, "NotFound")
        assert.strictEqual(answer.text, (yield* get("/nowhere")).text)
      })
  )

  it.effect("gives no other origin leave to read it", () =>
    Effect.gen(function* () {
      const { get } = yield* Service
      const { headers } = yield* get("/dev/inbox", { ...json, origin: "https://evil.example" })
      assert.isEmpty(Object.keys(headers).filter((name) => name.startsWith("access-control-")))
    })
  )
})

onPostgres("where mails are sent", Service.layer(), (it) => {
  it.effect("there is no development inbox", () =>
    Effect.gen(function* () {
      const { codeFor, get, register, send } = yield* Service
      yield* codeFor((yield* register()).email)
      const nowhere = yield* get("/nowhere")
      for (const answer of [
        yield* get("/dev/inbox", json),
        yield* get("/dev/inbox", { accept: "text/html" }),
        yield* send("POST", "/dev/inbox")
      ]) {
        assertError(answer, 404, "NotFound")
        assert.strictEqual(answer.text, nowhere.text)
      }
    })
  )
})

describe("hand-made settings", () => {
  it.live("start no service without what sends mails, in production or where others than this machine can ask", () =>
    Effect.gen(function* () {
      for (const unsafe of [{ production: true }, { host: "0.0.0.0" }]) {
        const started = Layer.build(ServerLayer({ ...testSettings, ...unsafe }, { sql: embeddedClient }))
        const error = yield* Effect.flip(Effect.scoped(started))
        assert.match(String(error), /SMTP_URL is missing/)
      }
    })
  )
})

describe("inside another application", () => {
  it.live("the inbox is for those alone whom the application knows to be on this machine", () =>
    Effect.promise(async () => {
      const rekey = await startRekey(testVariables, { sql: embeddedDatabase, hasher: fastHasher })
      try {
        const ask = async (clientAddress?: string) => {
          const request = new Request("http://localhost/dev/inbox", { headers: { host: "localhost" } })
          return (await rekey.fetch(request, { clientAddress })).status
        }
        assert.deepStrictEqual(
          [await ask("127.0.0.1"), await ask("::1"), await ask("::ffff:127.0.0.1")],
          [200, 200, 200]
        )
        for (const address of [undefined, "", "192.0.2.1", "::ffff:192.0.2.1", "1127.0.0.1", "127.0.0.1.example"]) {
          assert.strictEqual(await ask(address), 404, address)
        }
      } finally {
        await rekey.close()
      }
    })
  )
})
