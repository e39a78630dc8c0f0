import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { assertError } from "../support/client.ts"
import { assertPage, beside, both, browserOf, form } from "../support/page.ts"
import { onBothDatabases, onPostgres, Service, timePasses } from "../support/service.ts"

const newPassword = "a new long phrase"
const nobodysCode = "x".repeat(43)
onBothDatabases("the page behind the link", Service.layerWithInbox(), (it) => {
  it.effect("takes a new password from whoever follows the link, once", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { email, password } = yield* service.register()
      const code = yield* service.codeFor(email)
      const { jar, open, post } = browserOf(service)

      const link = yield* open(`/reset-password?code=${code}`)
      assert.deepStrictEqual([link.status, link.text, link.headers.location], [303, "", "./reset-password"])
      const page = yield* open("/reset-password")
      assert.strictEqual(page.status, 200)
      assertPage(page)
      assert.notInclude(page.text, code)
      assert.notInclude(page.text, 'name="code"')

      const done = yield* post(both(newPassword))
      assert.deepStrictEqual([done.status, done.headers.location], [303, "./reset-password/done"])
      assert.isEmpty([...jar])
      const last = yield* open("/reset-password/done")
      assertPage(last)
      assert.include(last.text, "Your password is changed")
      assert.strictEqual((yield* service.signIn(email, newPassword)).status, 200)
      assertError(yield* service.signIn(email, password), 400, "InvalidCredentials")
      assertError(yield* service.check(code), 403, "ResetCodeUsed")
    })
  )

  it.effect("says beside the field what is wrong with a password, and keeps the code (B7)", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { email } = yield* service.register()
      const { open, post } = browserOf(service)
      yield* open(`/reset-password?code=${yield* service.codeFor(email)}`)

      const short = yield* post(both("short"))
      assert.strictEqual(short.status, 400)
      assertPage(short)
      assert.strictEqual(beside("password", short), "The password must have at least 8 characters.")
      assert.match(
        short.text,
        /<input id="password"[^>]* aria-invalid="true" aria-describedby="password-hint password-error"/
      )
      assert.match(short.text, /<a href="#password">The password must have at least 8 characters\.<\/a>/)
      assert.isUndefined(beside("passwordConfirmation", short))
      assert.notInclude(short.text, '"short"')

      const differing = yield* post({ password: newPassword, passwordConfirmation: "another long phrase" })
      assert.deepStrictEqual(
        [differing.status, beside("passwordConfirmation", differing)],
        [400, "The two passwords differ."]
      )
      assert.isUndefined(beside("password", differing))

      const unusable = yield* post(both("a long\0phrase"))
      assert.strictEqual(unusable.status, 400)
      assert.isString(beside("password", unusable))
      for (const fields of [{}, { password: newPassword }, { passwordConfirmation: newPassword }]) {
        assert.strictEqual((yield* post(fields as Record<string, string>)).status, 400)
      }
      assert.strictEqual((yield* post(both(newPassword))).status, 303)
      assert.strictEqual((yield* service.signIn(email, newPassword)).status, 200)
    })
  )

  it.effect("takes a code that is typed by hand", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { email } = yield* service.register()
      const code = yield* service.codeFor(email)
      const { open, post } = browserOf(service)
      const page = yield* open("/reset-password")
      assert.strictEqual(page.status, 200)
      assert.match(page.text, /<label for="code"[^>]*>Code from the mail<\/label>/)
      assert.match(page.text, /<input id="code" name="code" required/)

      const missing = yield* post({ code: "", ...both(newPassword) })
      assert.deepStrictEqual([missing.status, beside("code", missing)], [400, "Enter the code from the mail."])
      const unknown = yield* post({ code: nobodysCode, ...both(newPassword) })
      assert.strictEqual(unknown.status, 404)
      assert.include(unknown.text, "There is no such reset code.")
      assert.include(unknown.text, 'name="code"')
      assert.strictEqual((yield* post({ code, ...both(newPassword) })).status, 303)
      assert.strictEqual((yield* service.signIn(email, newPassword)).status, 200)
    })
  )

  it.effect("asks nobody to type a code twice: what was typed with a password that is refused is kept", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { email } = yield* service.register()
      const code = yield* service.codeFor(email)
      const { jar, post } = browserOf(service)
      const refused = yield* post({ code, ...both("short") })
      assert.strictEqual(refused.status, 400)
      assert.notInclude(refused.text, code)
      assert.notInclude(refused.text, 'name="code"')
      assert.strictEqual(jar.get("rekey_reset_code"), code)
      assert.strictEqual((yield* post(both(newPassword))).status, 303)
      assert.strictEqual((yield* service.signIn(email, newPassword)).status, 200)
    })
  )

  it.effect("takes the whole link in place of the code", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const code = yield* service.codeFor((yield* service.register()).email)
      const { post } = browserOf(service)
      const link = `https://accounts.example.com/reset-password?code=${code}`
      assert.strictEqual((yield* post({ code: link, ...both(newPassword) })).status, 303)
    })
  )

  it.effect("takes a code that is typed with a space or a line end around it, as it is copied from a mail", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { email } = yield* service.register()
      const { post } = browserOf(service)
      assert.strictEqual(
        (yield* post({ code: ` ${yield* service.codeFor(email)}\r\n`, ...both(newPassword) })).status,
        303
      )
    })
  )

  it.effect("says early that a code can't be used any more, forgets it and asks for another", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { email } = yield* service.register()
      const superseded = yield* service.codeFor(email)
      const used = yield* service.codeFor(email)
      yield* service.reset(used, newPassword)
      const expired = yield* service.codeFor(email)
      yield* timePasses("31 minutes")
      for (const [code, status, words] of [
        [superseded, 403, "A newer reset code took the place of this one."],
        [used, 403, "This reset code was used already."],
        [expired, 403, "This reset code has expired."],
        [nobodysCode, 404, "The link is unknown or incomplete."]
      ] as const) {
        const { jar, open } = browserOf(service)
        yield* open(`/reset-password?code=${code}`)
        assert.strictEqual(jar.size, 1)
        const page = yield* open("/reset-password")
        assert.strictEqual(page.status, status)
        assertPage(page)
        assert.include(page.text, words)
        assert.match(page.text, /role="alert"/)
        assert.match(page.text, /<a class="button" href="\.\/forgot-password">Ask for a new mail<\/a>/)
        assert.strictEqual(jar.size, 0)
      }
    })
  )
})

onPostgres("the page behind the link", Service.layerWithInbox(), (it) => {
  it.effect("offers no other mail to whoever is blocked, since its code would do no more", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { email } = yield* service.register()
      const code = yield* service.codeFor(email)
      const sql = yield* SqlClient.SqlClient
      yield* sql`update users set blocked = true where email = ${email}`
      const { open } = browserOf(service)
      yield* open(`/reset-password?code=${code}`)
      const page = yield* open("/reset-password")
      assert.strictEqual(page.status, 403)
      assertPage(page)
      assert.include(page.text, "This account is blocked.")
      assert.notMatch(page.text, /class="(button|links)"/)
    })
  )

  it.effect("keeps the code in a cookie that no script, no other path and no other site's form gets", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const code = yield* service.codeFor((yield* service.register()).email)
      const { headers } = yield* service.get(`/reset-password?code=${code}`)
      const [cookie = "", ...others] = headers["set-cookie"] ?? []
      assert.isEmpty(others)
      const [pair, ...attributes] = cookie.split(/;\s*/)
      assert.strictEqual(pair, `rekey_reset_code=${code}`)
      assert.sameMembers(attributes, ["Path=/reset-password", "HttpOnly", "SameSite=Lax"])
      for (const [name, value] of Object.entries(headers))
        if (name !== "set-cookie") assert.notInclude(String(value), code)
      assert.strictEqual(headers["referrer-policy"], "no-referrer")
    })
  )

  it.effect("takes a form and nothing else", () =>
    Effect.gen(function* () {
      const { post, send } = yield* Service
      assertError(
        yield* post("/reset-password", { code: nobodysCode, ...both(newPassword) }),
        415,
        "UnsupportedMediaType"
      )
      for (const type of ["text/plain", "multipart/form-data; boundary=x", ""]) {
        const headers = type ? { "content-type": type } : {}
        assertError(yield* send("POST", "/reset-password", { headers, body: "code=x" }), 415, "UnsupportedMediaType")
      }
      const most = `code=${"x".repeat(70_000)}`
      assertError(yield* send("POST", "/reset-password", { headers: form, body: most }), 413, "PayloadTooLarge")
      assertError(yield* send("POST", "/reset-password", { headers: form, chunks: [most] }), 413, "PayloadTooLarge")
    })
  )
})

onPostgres(
  "the page behind a proxy that adds a prefix and TLS",
  Service.layerWithInbox({
    settings: {
      publicUrl: new URL("https://example.com/accounts/"),
      resetUrl: new URL("https://example.com/accounts/reset-password")
    }
  }),
  (it) => {
    it.effect("keeps the cookie for its own path and for TLS, and stays under the prefix", () =>
      Effect.gen(function* () {
        const service = yield* Service
        const code = yield* service.codeFor((yield* service.register()).email)
        const { headers } = yield* service.get(`/reset-password?code=${code}`)
        const [, ...attributes] = (headers["set-cookie"]?.[0] ?? "").split(/;\s*/)
        assert.sameMembers(attributes, ["Path=/accounts/reset-password", "HttpOnly", "SameSite=Lax", "Secure"])
        const from = new URL("https://example.com/accounts/reset-password?code=x")
        assert.strictEqual(new URL(headers.location ?? "", from).href, "https://example.com/accounts/reset-password")
      })
    )
  }
)
