import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { assertError } from "../support/client.ts"
import { codeIn, onPostgres, Service } from "../support/service.ts"

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
      const link = `http://accounts.example.com/reset-password?code=${code}`
      assert.include(text, `<a href="${link}">${link}</a>`)
      assert.include(text, "&lt;script&gt;&quot;&amp;")
      assert.notInclude(text, "<script")
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
        const answer = yield* get("/dev/inbox", { ...json, host })
        assertError(answer, 404, "NotFound")
        assert.notInclude(answer.text, code)
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
