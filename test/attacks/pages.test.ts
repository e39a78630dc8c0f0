import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { assertError } from "../support/client.ts"
import { assertPage, both, browserOf } from "../support/page.ts"
import { onPostgres, Service } from "../support/service.ts"
import { newPassword, times, told } from "./common.ts"

/** Each page that takes a form, with one that would be taken. */
const forms = (password: string) =>
  [
    ["/forgot-password", { email: "ada@example.com" }],
    ["/reset-password", { code: "x".repeat(43), ...both(newPassword) }],
    ["/register", { email: "eve@example.com", username: "evelyn", password: newPassword }],
    ["/confirm-email", { code: "x".repeat(43) }],
    ["/confirm-email/again", { email: "ada@example.com" }],
    ["/sign-in", { identifier: "ada", password }],
    ["/account/password", { currentPassword: password, ...both(newPassword) }],
    ["/account/delete", { currentPassword: password }],
    ["/account/export", {}],
    ["/account/sessions/end", { id: "x" }],
    ["/account/sessions/end-others", {}],
    ["/sign-out", {}]
  ] as const

const ofTheAccount = ["/account", "/account/password", "/account/events", "/account/delete"]

const signedIn = Effect.gen(function* () {
  const service = yield* Service
  const somebody = yield* service.register()
  const browser = browserOf(service)
  const { username: identifier, password } = somebody
  assert.strictEqual((yield* browser.postTo("/sign-in", { identifier, password })).status, 303)
  return { ...somebody, ...browser, service }
})

onPostgres("attacks on the pages", Service.layer(), (it) => {
  it.effect("H1: a form of another site is refused by every page that takes one", () =>
    Effect.gen(function* () {
      const { email, jwt, open, password, postTo, service } = yield* signedIn
      for (const headers of [
        { "sec-fetch-site": "cross-site" },
        { "sec-fetch-site": "same-site" },
        { "sec-fetch-site": "cross-site", origin: "null" },
        { origin: "https://evil.example" },
        { origin: "http://127.0.0.1.evil.example" }
      ]) {
        for (const [path, fields] of forms(password)) {
          const answer = yield* postTo(path, fields, headers)
          assert.strictEqual(answer.status, 403, path)
          assertPage(answer)
          assert.include(answer.text, "This form was sent from another site.")
          assert.isUndefined(answer.headers["set-cookie"])
        }
      }
      assert.strictEqual((yield* open("/account")).status, 200)
      assert.strictEqual((yield* service.me(jwt)).status, 200)
      assert.strictEqual((yield* service.signIn(email, password)).status, 200)
      assertError(yield* service.signIn("evelyn", newPassword), 400, "InvalidCredentials")
      for (const [path, fields] of forms(password)) {
        assertError(yield* service.post(path, fields), 415, "UnsupportedMediaType")
      }
    })
  )

  it.effect("H2: a session that was planted doesn't become that of whoever signs in", () =>
    Effect.gen(function* () {
      const attacker = yield* signedIn
      const { password, username } = yield* attacker.service.register()
      const [name = "", planted = ""] = [...attacker.jar][0] ?? []
      const victim = browserOf(attacker.service)
      victim.jar.set(name, planted)
      assert.strictEqual((yield* victim.postTo("/sign-in", { identifier: username, password })).status, 303)
      assert.notStrictEqual(victim.jar.get(name), planted)
      assert.include((yield* victim.open("/account")).text, username)
      // What the attacker still has leads nowhere.
      assert.strictEqual((yield* attacker.open("/account")).headers.location, "./sign-in?notice=ended")
      const nobodys = browserOf(attacker.service)
      nobodys.jar.set(name, "eyJhbGciOiJub25lIn0.e30.")
      assert.strictEqual((yield* nobodys.open("/account")).status, 303)
    })
  )

  it.effect("H3: the session's cookie opens no door of the API, and no script gets it", () =>
    Effect.gen(function* () {
      const { jar, password, service, username } = yield* signedIn
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ")
      assertError(yield* service.get("/users/me", { cookie }), 401, "Unauthenticated")
      assertError(yield* service.get("/auth/sessions", { cookie }), 401, "Unauthenticated")
      assertError(yield* service.send("POST", "/auth/logout", { headers: { cookie } }), 401, "Unauthenticated")
      const change = { currentPassword: password, ...both(newPassword) }
      assertError(yield* service.post("/auth/change-password", change, { cookie }), 401, "Unauthenticated")

      const { headers } = yield* browserOf(service).postTo("/sign-in", { identifier: username, password })
      const [pair = "", ...attributes] = (headers["set-cookie"]?.[0] ?? "").split(/;\s*/)
      assert.match(pair, /^rekey_session=ey/)
      assert.sameMembers(attributes, ["Path=/", "HttpOnly", "SameSite=Lax"])
      assert.isEmpty(service.logs.filter((line) => line.includes(pair.slice(14))))
    })
  )

  it.effect("H4: no page leads where a request says", () =>
    Effect.gen(function* () {
      const { password, postTo, service, username } = yield* signedIn
      const evil = "https://evil.example/"
      const query = `next=${evil}&redirect=${evil}&return_to=//evil.example&notice=${evil}`
      const headers = {
        "sec-fetch-site": "same-origin",
        "x-forwarded-host": "evil.example",
        "x-forwarded-prefix": "/evil"
      }
      const answers = [
        yield* postTo(`/sign-in?${query}`, { identifier: username, password, next: evil }, headers),
        yield* postTo(`/account/sessions/end-others?${query}`, { next: evil }, headers),
        yield* postTo(`/forgot-password?${query}`, { email: "ada@example.com", next: evil }, headers),
        yield* service.get(`/sign-in?lang=de&${query}`, headers),
        yield* service.get(`/reset-password?code=${"x".repeat(43)}&${query}`, headers),
        yield* postTo(`/sign-out?${query}`, { next: evil }, headers),
        yield* service.get(`/account?${query}`, headers),
        yield* service.get("//evil.example/sign-in?lang=de", headers)
      ]
      for (const { headers, status } of answers) {
        if (status === 404) continue // no such path of ours
        assert.strictEqual(status, 303)
        assert.match(String(headers.location), /^(\.|\.\.\/\.\.|\.\.)\/[a-z-]+(\/[a-z-]+)*(\?notice=[a-z]+)?$/)
      }
      const page = yield* service.get(`/sign-in?${query}`, headers)
      assert.notInclude(page.text, "evil")
    })
  )

  it.effect("H5: the pages tell nobody who has an account", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { email, username } = yield* service.register()
      const { postTo } = browserOf(service)
      assert.deepStrictEqual(
        told(yield* postTo("/forgot-password", { email })),
        told(yield* postTo("/forgot-password", { email: "nobody@example.com" }))
      )
      assert.deepStrictEqual(
        told(yield* postTo("/confirm-email/again", { email })),
        told(yield* postTo("/confirm-email/again", { email: "nobody@example.com" }))
      )
      const nobody = "x".repeat(username.length)
      const wrong = yield* postTo("/sign-in", { identifier: username, password: "a wrong long phrase" })
      const unknown = yield* postTo("/sign-in", { identifier: nobody, password: "a wrong long phrase" })
      assert.strictEqual(wrong.status, 400)
      assert.strictEqual(wrong.text.replaceAll(username, nobody), unknown.text)
    })
  )

  it.effect("H7: what is typed, and what stands in the address, is no markup", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const attack = `"'><script>alert(1)</script><img src=x onerror=alert(1)>`
      const { open, postTo } = browserOf(service)
      const answers = [
        yield* postTo("/forgot-password", { email: attack }),
        yield* postTo("/sign-in", { identifier: attack, password: attack }),
        yield* postTo("/register", { email: attack, username: attack.slice(0, 70), password: attack }),
        yield* postTo("/reset-password", { code: attack, ...both(newPassword) }),
        yield* open(`/sign-in?notice=${encodeURIComponent(attack)}&lang=${encodeURIComponent(attack)}`),
        yield* open("/sign-in?notice=__proto__"),
        yield* open("/sign-in?notice=constructor")
      ]
      for (const answer of answers) {
        assertPage(answer)
        assert.notMatch(answer.text, /<script>|<img|onerror=alert\(1\)>/)
        assert.notInclude(answer.text, 'role="status"')
      }
      // As a user name it may be: it is shown as it was typed.
      const username = '<b>Ada & "Co"</b>'
      yield* service.register({ username, email: "markup@example.com" })
      const ada = browserOf(service)
      yield* ada.postTo("/sign-in", { identifier: username, password: "an old long phrase" })
      const { text } = yield* ada.open("/account")
      assert.include(text, "&lt;b&gt;Ada &amp; &quot;Co&quot;&lt;/b&gt;")
      assert.notInclude(text, "<b>")
    })
  )

  it.effect("H8: an account's pages are kept and framed by nobody, and gone once signed out", () =>
    Effect.gen(function* () {
      const { jar, open, postTo } = yield* signedIn
      const before = new Map(jar)
      for (const path of ofTheAccount) assertPage(yield* open(path))
      const out = yield* postTo("/sign-out", {})
      assert.strictEqual(out.headers["cache-control"], "no-store")
      for (const [name, value] of before) jar.set(name, value)
      for (const path of ofTheAccount) {
        const answer = yield* open(path)
        assert.deepStrictEqual([answer.status, answer.text], [303, ""])
      }
    })
  )
})

onPostgres("attacks on an account's pages, by who sits at its browser", Service.layer(), (it) => {
  it.effect("H9: a session alone deletes no account, and no link fetches its data", () =>
    Effect.gen(function* () {
      const { jwt, open, password, postTo, service } = yield* signedIn
      for (const path of ["/account/export", "/account/sessions/end", "/account/sessions/end-others", "/sign-out"]) {
        assert.strictEqual((yield* open(path)).status, 405, path)
      }
      assert.strictEqual((yield* open("/account/delete?currentPassword=x")).status, 200)
      for (const currentPassword of ["", "wrong long phrase 1", "wrong long phrase 2"]) {
        assert.strictEqual((yield* postTo("/account/delete", { currentPassword })).status, 400)
      }
      assert.strictEqual((yield* service.me(jwt)).status, 200)
      assert.notInclude((yield* postTo("/account/export", {})).text, password)
      assert.notMatch((yield* postTo("/account/export", {})).text, /\$argon2|"passwordHash"/)
    })
  )
})

onPostgres("attacks on the pages, with limits", Service.layer({ settings: { rateLimit: true } }), (it) => {
  it.effect("H6: a page and the API's door that does the same have one count", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { postTo } = browserOf(service)
      for (const _ of times(5)) {
        assert.strictEqual((yield* postTo("/forgot-password", { email: "ada@example.com" })).status, 303)
        assert.strictEqual((yield* service.forgot("ada@example.com")).status, 200)
      }
      const refused = yield* postTo("/forgot-password", { email: "ada@example.com" })
      assert.strictEqual(refused.status, 429)
      assertPage(refused)
      assert.isAtLeast(Number(refused.headers["retry-after"]), 1)
      assertError(yield* service.forgot("ada@example.com"), 429, "RateLimited")

      // And guesses at a password: the right one is refused too, at both.
      const { password, username } = yield* service.register()
      const guess = { identifier: username, password: "a wrong long phrase" }
      const statuses = yield* Effect.forEach(times(6), () =>
        Effect.map(postTo("/sign-in", guess), ({ status }) => status)
      )
      assert.deepStrictEqual(statuses, [400, 400, 400, 400, 400, 429])
      assert.strictEqual((yield* postTo("/sign-in", { identifier: username, password })).status, 429)
      assertError(yield* service.signIn(username, password), 429, "RateLimited")
    })
  )
})

for (const [publicUrl, name, path] of [
  ["https://accounts.example.com", "__Host-rekey_session", "/"],
  ["https://example.com/accounts/", "__Secure-rekey_session", "/accounts/"]
] as const) {
  onPostgres(
    `attacks on the pages at ${publicUrl}`,
    Service.layer({ settings: { publicUrl: new URL(publicUrl) } }),
    (it) => {
      it.effect("the session's cookie is kept for TLS and for this host (H3)", () =>
        Effect.gen(function* () {
          const service = yield* Service
          const { password, username } = yield* service.register()
          const browser = browserOf(service)
          const { headers } = yield* browser.postTo("/sign-in", { identifier: username, password })
          const [pair = "", ...attributes] = (headers["set-cookie"]?.[0] ?? "").split(/;\s*/)
          assert.strictEqual(pair.split("=")[0], name)
          assert.sameMembers(attributes, [`Path=${path}`, "HttpOnly", "SameSite=Lax", "Secure"])
          assert.strictEqual((yield* browser.open("/account")).status, 200)
          // Under a name that any neighbour may set it is nobody's.
          const [, token = ""] = pair.split("=")
          const answer = yield* service.get("/account", { cookie: `rekey_session=${token}` })
          assert.strictEqual(answer.status, 303)
        })
      )
    }
  )
}
