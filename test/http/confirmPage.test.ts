import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { assertError } from "../support/client.ts"
import { assertPage, browserOf, form } from "../support/page.ts"
import { codeIn, onBothDatabases, onPostgres, Service, testSettings } from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"

const settings = { emailConfirmation: { ...testSettings.emailConfirmation, required: true } }
const nobodysCode = "x".repeat(43)
const path = "/confirm-email"

let people = 0

/** Somebody who waits for the confirmation, and the code for it. */
const waiting = Effect.gen(function* () {
  const { post } = yield* Service
  const { next } = yield* MailServer
  const username = `visitor${people++}`
  const person = { username, email: `${username}@example.com`, password: "an asked long phrase" }
  assert.strictEqual((yield* post("/auth/local/register", person)).status, 200)
  return { ...person, code: codeIn((yield* next(person.email)).parsed.text ?? "") }
})

onBothDatabases("the page that confirms", Service.layer({ settings }), (it) => {
  it.effect("confirms when its button is pressed, once", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { code, email, password } = yield* waiting
      const { jar, open, post } = browserOf(service, path)
      const link = yield* open(`${path}?code=${code}`)
      assert.deepStrictEqual([link.status, link.text, link.headers.location], [303, "", "./confirm-email"])
      const page = yield* open(path)
      assert.strictEqual(page.status, 200)
      assertPage(page)
      assert.notInclude(page.text, code)
      assert.notInclude(page.text, 'name="code"')

      const done = yield* post({})
      assert.deepStrictEqual([done.status, done.headers.location], [303, "./confirm-email/done"])
      assert.isEmpty([...jar])
      const last = yield* open("/confirm-email/done")
      assertPage(last)
      assert.include(last.text, "Your address is confirmed")
      assert.strictEqual((yield* service.signIn(email, password)).status, 200)

      yield* open(`${path}?code=${code}`)
      const again = yield* post({})
      assert.strictEqual(again.status, 403)
      assertPage(again)
      assert.match(again.text, /<h1>Your address is confirmed<\/h1>/)
      assert.match(again.text, /<a class="button" href="\.\/sign-in">Sign in<\/a>/)
      assert.notInclude(again.text, "Ask for a new mail")
      assert.isEmpty([...jar])
    })
  )

  it.effect("changes nothing however often a scanner asks (D3)", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { code, email, password } = yield* waiting
      for (let time = 0; time < 10; time++) {
        const { open } = browserOf(service, path)
        for (const method of ["GET", "HEAD"]) {
          assert.strictEqual((yield* open(`${path}?code=${code}`, method)).status, 303)
          assert.strictEqual((yield* open(path, method)).status, 200)
          assert.strictEqual((yield* open(`/auth/email-confirmation?code=${code}`, method)).status, 405)
        }
      }
      assertError(yield* service.signIn(email, password), 400, "InvalidCredentials")
      assert.strictEqual((yield* service.post("/auth/email-confirmation", { code })).status, 200)
    })
  )

  it.effect("takes a code that is typed by hand, and says what is wrong with one", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { code } = yield* waiting
      const { open, post } = browserOf(service, path)
      assert.match((yield* open(path)).text, /<input id="code" name="code" required/)
      const missing = yield* post({ code: " " })
      assert.strictEqual(missing.status, 400)
      assert.include(missing.text, "Enter the code from the mail.")
      const unknown = yield* post({ code: nobodysCode })
      assert.strictEqual(unknown.status, 404)
      assert.include(unknown.text, "There is no such confirmation code.")
      assert.strictEqual((yield* post({ code: ` ${code}\r\n` })).status, 303)
    })
  )
})

onPostgres("the page that confirms", Service.layer({ settings }), (it) => {
  it.effect("keeps the code in a cookie of its own path, apart from a reset code", () =>
    Effect.gen(function* () {
      const { get } = yield* Service
      const { headers } = yield* get(`${path}?code=${nobodysCode}`)
      const [pair, ...attributes] = (headers["set-cookie"]?.[0] ?? "").split(/;\s*/)
      assert.strictEqual(pair, `rekey_confirmation_code=${nobodysCode}`)
      assert.sameMembers(attributes, ["Path=/confirm-email", "HttpOnly", "SameSite=Lax"])
    })
  )

  it.effect("refuses a form that another site sent, and whatever is no form (A6)", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { code, email, password } = yield* waiting
      for (const headers of [{ "sec-fetch-site": "cross-site" }, { origin: "https://evil.example" }]) {
        const { open, post } = browserOf(service, path)
        yield* open(`${path}?code=${code}`)
        const sent = yield* post({}, headers)
        assert.strictEqual(sent.status, 403)
        assert.include(sent.text, "This form was sent from another site.")
      }
      assertError(yield* service.post(path, { code }), 415, "UnsupportedMediaType")
      const most = `code=${"x".repeat(70_000)}`
      assertError(yield* service.send("POST", path, { headers: form, body: most }), 413, "PayloadTooLarge")
      assertError(yield* service.signIn(email, password), 400, "InvalidCredentials")
    })
  )
})

onPostgres(
  "the page that confirms, with limits",
  Service.layer({ settings: { ...settings, rateLimit: true } }),
  (it) => {
    it.effect("goes through the door of the API: both together have one number", () =>
      Effect.gen(function* () {
        const service = yield* Service
        const { post } = browserOf(service, path)
        for (let time = 0; time < 10; time++) {
          assert.strictEqual((yield* post({ code: nobodysCode })).status, 404)
          const answer = yield* service.post("/auth/email-confirmation", { code: nobodysCode })
          assertError(answer, 404, "ConfirmationCodeNotFound")
        }
        const refused = yield* post({ code: nobodysCode })
        assert.strictEqual(refused.status, 429)
        assertPage(refused)
        assert.isAtLeast(Number(refused.headers["retry-after"]), 1)
        assertError(yield* service.post("/auth/email-confirmation", { code: nobodysCode }), 429, "RateLimited")
      })
    )
  }
)
