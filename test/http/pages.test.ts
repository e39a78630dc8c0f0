import { assert } from "@effect/vitest"
import { Effect, Option, Result } from "effect"
import { ourBranding } from "../../src/http/pages/Branding.ts"
import { templateIn } from "../../src/http/pages/Template.ts"
import { type Answer, assertError, bearer, type Client, type Somebody, textAt } from "../support/client.ts"
import { changeCode, wayBackCode } from "../support/emailChange.ts"
import { assertPage, beside, both, browserOf } from "../support/page.ts"
import { codeIn, onBothDatabases, onPostgres, Service, testSettings } from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"

const newPassword = "a new long phrase"

/** Somebody with an account, signed in at the pages, and their browser. */
const atTheAccount = Effect.fnUntraced(function* (service: Client) {
  const somebody = yield* service.register()
  const browser = browserOf(service)
  yield* signInAt(browser, somebody)
  return { ...somebody, ...browser }
})

const signInAt = Effect.fnUntraced(function* (
  { postTo }: ReturnType<typeof browserOf>,
  { password, username }: Pick<Somebody, "username" | "password">
) {
  const answer = yield* postTo("/sign-in", { identifier: username, password })
  assert.deepStrictEqual([answer.status, answer.headers.location], [303, "./account"])
})

const sessionsOf = ({ get }: Client, jwt: string) =>
  Effect.map(
    get("/auth/sessions", bearer(jwt)),
    ({ json }) => (json as { readonly sessions: ReadonlyArray<unknown> }).sessions.length
  )

onBothDatabases("the pages", Service.layer(), (it) => {
  it.effect("have a mail sent to whoever forgot, with a link to the page that takes a new password", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { email } = yield* service.register()
      const { open, postTo } = browserOf(service)
      assertPage(yield* open("/forgot-password"))
      const sent = yield* postTo("/forgot-password", { email: ` ${email} ` })
      assert.deepStrictEqual([sent.status, sent.headers.location], [303, "./forgot-password/sent"])
      const page = yield* open("/forgot-password/sent")
      assertPage(page)
      assert.include(page.text, "Check your mail")
      const code = codeIn((yield* (yield* MailServer).next(email)).parsed.text ?? "")
      assert.strictEqual((yield* service.check(code)).status, 200)

      const wrong = yield* postTo("/forgot-password", { email: 'nobody at "home"' })
      assert.strictEqual(wrong.status, 400)
      assert.strictEqual(beside("email", wrong), "Enter one e-mail address, such as ada@example.com.")
      assert.include(wrong.text, 'value="nobody at &quot;home&quot;"')
    })
  )

  it.effect("sign in by address and by user name, and forget no identifier but every password", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { email, password, username } = yield* service.register()
      for (const identifier of [email, username]) {
        const browser = browserOf(service)
        yield* signInAt(browser, { username: identifier, password })
        const account = yield* browser.open("/account")
        assertPage(account)
        assert.include(account.text, email)
      }
      const browser = browserOf(service)
      const wrong = yield* browser.postTo("/sign-in", { identifier: username, password: "a wrong long phrase" })
      assert.strictEqual(wrong.status, 400)
      assertPage(wrong)
      assert.include(wrong.text, `value="${username}"`)
      assert.notInclude(wrong.text, "a wrong long phrase")
      assert.isEmpty([...browser.jar])
      const empty = yield* browser.postTo("/sign-in", { identifier: "", password: "" })
      assert.isString(beside("identifier", empty))
      assert.strictEqual(beside("password", empty), "Enter your password.")
    })
  )

  it.effect("make an account, and say beside each field what is wrong with it", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { jar, open, postTo } = browserOf(service)
      assertPage(yield* open("/register"))
      const wrong = yield* postTo("/register", { email: "x", username: "a@b", password: "short" })
      assert.strictEqual(wrong.status, 400)
      assert.isString(beside("email", wrong))
      assert.strictEqual(beside("username", wrong), "Enter a user name of 3 to 64 characters, without @.")
      const weak = yield* postTo("/register", { email: "new@example.com", username: "newcomer", password: "password" })
      assert.include(String(beside("password", weak)), "most common")
      assert.include(weak.text, 'value="newcomer"')
      assert.notInclude(weak.text, 'value="password"')
      assert.isEmpty([...jar])

      const made = yield* postTo("/register", { email: "new@example.com", username: "newcomer", password: newPassword })
      assert.deepStrictEqual([made.status, made.headers.location], [303, "./account"])
      assert.include((yield* open("/account")).text, "newcomer")
      const taken = yield* postTo("/register", {
        email: "new@example.com",
        username: "another1",
        password: newPassword
      })
      assert.strictEqual(taken.status, 409)
      assert.include(taken.text, "The address or the user name is taken.")
    })
  )

  it.effect("show the sessions, end one and all the others, and sign out", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { jar, jwt, open, password, postTo, username } = yield* atTheAccount(service)
      const phone = textAt(yield* service.signIn(username, password), "jwt")
      assert.strictEqual(yield* sessionsOf(service, jwt), 3)
      const page = yield* open("/account")
      const ids = [...page.text.matchAll(/name="id" value="([^"]+)"/g)].map(([, id = ""]) => id)
      assert.lengthOf(ids, 2)

      const ended = yield* postTo("/account/sessions/end", { id: ids[0] ?? "" })
      assert.deepStrictEqual([ended.status, ended.headers.location], [303, "../../account?notice=session"])
      assert.include((yield* open("/account?notice=session")).text, "That device is signed out.")
      assert.strictEqual((yield* service.me(phone)).status, 401)
      assert.strictEqual((yield* postTo("/account/sessions/end", { id: ids[0] ?? "" })).status, 303)

      const others = yield* postTo("/account/sessions/end-others", {})
      assert.deepStrictEqual([others.status, others.headers.location], [303, "../../account?notice=others"])
      assert.strictEqual((yield* service.me(jwt)).status, 401)
      assert.strictEqual((yield* open("/account")).status, 200)

      const out = yield* postTo("/sign-out", {})
      assert.deepStrictEqual([out.status, out.headers.location], [303, "./sign-in?notice=out"])
      assert.isEmpty([...jar])
      assert.strictEqual((yield* open("/account")).headers.location, "./sign-in")
    })
  )

  it.effect("change the password, stay signed in, and say beside the field what is wrong", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { email, jar, jwt, open, password, postTo } = yield* atTheAccount(service)
      assertPage(yield* open("/account/password"))
      const wrong = yield* postTo("/account/password", { currentPassword: "not this one", ...both(newPassword) })
      assert.strictEqual(wrong.status, 400)
      assert.strictEqual(beside("currentPassword", wrong), "This is not your current password.")
      const weak = yield* postTo("/account/password", { currentPassword: password, ...both("short") })
      assert.include(String(beside("password", weak)), "The password must have at least 8 characters.")
      const differing = { currentPassword: password, password: newPassword, passwordConfirmation: "another" }
      assert.strictEqual(
        beside("passwordConfirmation", yield* postTo("/account/password", differing)),
        "The two passwords differ."
      )
      const [before] = jar.values()
      const changed = yield* postTo("/account/password", { currentPassword: password, ...both(newPassword) })
      assert.deepStrictEqual([changed.status, changed.headers.location], [303, "../account?notice=password"])
      assert.notStrictEqual([...jar.values()][0], before)
      assert.include((yield* open("/account?notice=password")).text, "Your password is changed.")
      assert.strictEqual((yield* service.me(jwt)).status, 401)
      assert.strictEqual((yield* service.signIn(email, newPassword)).status, 200)
    })
  )

  it.effect("show from where an account is used, and what was done to it or tried, by whom and when", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { open, password, username } = yield* atTheAccount(service)
      const elsewhere = {
        "user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Safari/604.1"
      }
      for (const tried of ["a wrong long phrase", password]) {
        yield* service.post("/auth/local", { identifier: username, password: tried }, elsewhere)
      }
      const account = yield* open("/account")
      assertPage(account)
      assert.match(
        account.text,
        /<strong id="device-\d">Unknown device<\/strong> <span class="badge">This device<\/span>/
      )
      const [, row = ""] = /<strong id="device-(\d)">Safari on an iPhone<\/strong><\/p>/.exec(account.text) ?? []
      assert.include(account.text, `<p class="when" id="place-${row}">Network 127.0.0.0/24</p>`)
      assert.include(account.text, `aria-labelledby="end-${row} device-${row} place-${row}"`)
      // Refusals are written behind the answer.
      const shown = Effect.repeat(open("/account/events"), { until: ({ text }) => text.includes("Refused") })
      const events = yield* shown
      assertPage(events)
      assert.match(
        events.text,
        /<strong>Sign-in<\/strong> <span class="badge refused">Refused<\/span>[\s\S]*?<p class="when">Safari on an iPhone<\/p>\n<p class="when">Network/
      )
      assert.match(events.text, /<strong>Registration<\/strong><\/p>\n<p class="when"><time datetime="20/)
      const arabic = yield* open("/account/events", "GET", { "accept-language": "ar" })
      assert.match(arabic.text, /<strong>تسجيل الدخول<\/strong>/)
      for (let times = 0; times < 20; times++) yield* service.signIn(username, password)
      const newest = yield* open("/account/events")
      const [, older = ""] = /href="\.\.(\/account\/events\?before=\d+)"/.exec(newest.text) ?? []
      assert.include((yield* open(older)).text, "Registration")
      assert.include((yield* open("/account/events?before=x")).text, "Sign-in")
    })
  )

  it.effect("give all that is held on an account as a file", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { email, postTo } = yield* atTheAccount(service)
      const { headers, json, status } = yield* postTo("/account/export", {})
      assert.strictEqual(status, 200)
      assert.strictEqual(headers["content-disposition"], 'attachment; filename="account.json"')
      assert.match(String(headers["content-type"]), /^application\/json/)
      assert.strictEqual(headers["cache-control"], "no-store")
      assert.strictEqual(textAt({ json } as Answer, "user", "email"), email)
      assert.strictEqual((yield* browserOf(service).postTo("/account/export", {})).headers.location, "../sign-in")
    })
  )

  it.effect("delete an account by its password, once they have said what goes and what stays", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { jar, jwt, open, password, postTo, username } = yield* atTheAccount(service)
      const page = yield* open("/account/delete")
      assertPage(page)
      assert.include(page.text, "The account goes for good")
      assert.strictEqual(beside("currentPassword", yield* postTo("/account/delete", {})), "Enter your password.")
      const wrong = yield* postTo("/account/delete", { currentPassword: "not this one" })
      assert.strictEqual(wrong.status, 400)
      assert.strictEqual(beside("currentPassword", wrong), "This is not your current password.")
      assert.strictEqual((yield* service.me(jwt)).status, 200)

      const deleted = yield* postTo("/account/delete", { currentPassword: password })
      assert.deepStrictEqual([deleted.status, deleted.headers.location], [303, "../account/deleted"])
      assert.isEmpty([...jar])
      assertPage(yield* open("/account/deleted"))
      assertError(yield* service.signIn(username, password), 400, "InvalidCredentials")
      assertError(yield* service.me(jwt), 401, "Unauthenticated")
    })
  )

  it.effect("change the address by a mail to the new one, and take it back by one to the former", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { next } = yield* MailServer
      const { email, jwt, open, password, postTo, username } = yield* atTheAccount(service)
      const newEmail = `new-${email}`
      const page = yield* open("/account/email")
      assertPage(page)
      // A password manager keeps what the account is called, and not the new address, for its name.
      assert.match(page.text, new RegExp(`<input [^>]*autocomplete="username" value="${username}" readonly hidden>`))
      const wrong = yield* postTo("/account/email", { email: "nowhere", currentPassword: "" })
      assert.strictEqual(wrong.status, 400)
      assert.isDefined(beside("email", wrong))
      assert.strictEqual(beside("currentPassword", wrong), "Enter your password.")
      const guessed = yield* postTo("/account/email", { email: newEmail, currentPassword: "not this one" })
      assert.strictEqual(beside("currentPassword", guessed), "This is not your current password.")

      const asked = yield* postTo("/account/email", { email: newEmail, currentPassword: password })
      assert.deepStrictEqual([asked.status, asked.headers.location], [303, "../account/email/sent"])
      const sent = yield* open("/account/email/sent")
      assertPage(sent)
      assert.match(sent.text, /href="\.\.\/\.\.\/account">Back to your account<\/a>/)
      const code = yield* changeCode(newEmail)

      const atNewAddress = browserOf(service, "/change-email/confirm")
      const linked = yield* atNewAddress.open(`/change-email/confirm?code=${code}`)
      assert.strictEqual(linked.status, 303)
      assertPage(yield* atNewAddress.open("/change-email/confirm"))
      assert.strictEqual(textAt(yield* service.me(jwt), "email"), email) // a GET changes nothing (D3)
      assert.strictEqual((yield* atNewAddress.post({})).status, 303)
      const changed = yield* atNewAddress.open("/change-email/confirm/done")
      assertPage(changed)
      assert.match(changed.text, /<a class="button" href="\.\.\/\.\.\/account">Your account<\/a>/)
      yield* atNewAddress.open(`/change-email/confirm?code=${code}`)
      const again = yield* atNewAddress.post({})
      assert.strictEqual(again.status, 403)
      assert.match(again.text, /<a class="button" href="\.\.\/account">Your account<\/a>/)
      assert.include((yield* open("/account")).text, newEmail) // the session that asked goes on
      assert.include((yield* open("/account/events")).text, "Change of the address")
      assertError(yield* service.me(jwt), 401, "Unauthenticated") // every other one ends

      const atFormerAddress = browserOf(service, "/change-email/undo")
      const wayBack = `/change-email/undo?code=${yield* wayBackCode(email)}`
      assert.notInclude((yield* atFormerAddress.open("/change-email/undo")).text, "Ask for a new mail") // nobody can
      yield* atFormerAddress.open(wayBack)
      assertPage(yield* atFormerAddress.open("/change-email/undo"))
      assert.strictEqual((yield* atFormerAddress.post({})).status, 303)
      const back = yield* atFormerAddress.open("/change-email/undo/done")
      assertPage(back)
      assert.notInclude(back.text, "/sign-in") // which no password opens now
      assert.match(back.text, /href="\.\.\/\.\.\/reset-password">I have a code<\/a>/)
      yield* atFormerAddress.open(wayBack)
      const used = yield* atFormerAddress.post({})
      assert.strictEqual(used.status, 403)
      assert.match(used.text, /<a class="button" href="\.\.\/forgot-password">Forgot your password\?<\/a>/)
      assert.strictEqual((yield* open("/account")).status, 303)
      assertError(yield* service.signIn(email, password), 400, "InvalidCredentials")
      assert.include((yield* next(email)).parsed.text ?? "", "is the address of your account at Rekey again")
    })
  )

  it.effect("send whoever was signed out elsewhere to sign in again", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { email, jar, open, postTo } = yield* atTheAccount(service)
      yield* service.reset(yield* service.codeFor(email), newPassword)
      for (const answer of [yield* open("/account"), yield* open("/account/password")]) {
        assert.match(String(answer.headers.location), /^\.\.?\/sign-in/)
      }
      assert.isEmpty([...jar])
      assert.strictEqual((yield* postTo("/account/password", both(newPassword))).headers.location, "../sign-in")
      assert.include((yield* open("/sign-in?notice=ended")).text, "Your session has ended.")
    })
  )
})

onPostgres("the pages", Service.layer(), (it) => {
  it.effect("speak the language of the browser, and the one that was chosen on a page", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { open, postTo } = browserOf(service)
      const german = yield* open("/sign-in", "GET", { "accept-language": "de-AT,en;q=0.5" })
      assert.match(german.text, /<html lang="de" dir="ltr">[\s\S]*<h1>Anmelden<\/h1>/)
      assert.strictEqual(german.headers["content-language"], "de")

      const chosen = yield* open("/forgot-password/sent?lang=ar", "GET", { "accept-language": "de" })
      assert.deepStrictEqual([chosen.status, chosen.headers.location], [303, "../forgot-password/sent"])
      const arabic = yield* open("/forgot-password", "GET", { "accept-language": "de" })
      assert.match(arabic.text, /<html lang="ar" dir="rtl">/)
      assert.match(arabic.text, /<a href="\.\/forgot-password\?lang=ar"[^>]* aria-current="true">العربية<\/a>/)
      const wrong = yield* postTo("/forgot-password", { email: "x" }, { "accept-language": "de" })
      assert.match(String(beside("email", wrong)), /[\u0600-\u06ff]/)
      assert.strictEqual((yield* open("/sign-in?lang=xx", "GET", {})).headers["content-language"], "ar")

      const link = yield* open("/reset-password?lang=ja&code=x", "GET", {})
      assert.deepStrictEqual([link.status, link.headers.location], [303, "./reset-password"])
      assert.lengthOf(link.headers["set-cookie"] ?? [], 2)
      assert.match((yield* open("/reset-password")).text, /<html lang="ja"/)
    })
  )

  it.effect("have mails written in the language of the page", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { email } = yield* service.register()
      const { open, postTo } = browserOf(service)
      yield* open("/forgot-password?lang=de")
      yield* postTo("/forgot-password", { email })
      assert.match((yield* (yield* MailServer).next(email)).parsed.subject ?? "", /Passwort/)
    })
  )

  it.effect("link to each other wherever they are asked for, a slash at the end or none", () =>
    Effect.gen(function* () {
      const { get } = yield* Service
      for (const path of ["/sign-in", "/sign-in/", "/forgot-password/sent", "/reset-password/done/"]) {
        const { text } = yield* get(path)
        const from = new URL(path, "https://example.com/prefix/").pathname
        const links = [...text.matchAll(/(?:href|src|action)="(\.[^"]*)"/g)].map(([, link = ""]) => link)
        assert.isNotEmpty(links)
        for (const link of links) {
          const { pathname } = new URL(link, `https://example.com${from}`)
          assert.notStrictEqual((yield* get(pathname)).status, 404, `${link} on ${path}`)
        }
      }
    })
  )

  it.effect("run one small script of theirs, which is kept for long", () =>
    Effect.gen(function* () {
      const { get } = yield* Service
      const [, src = ""] = /<script src="\.([^"]+)"/.exec((yield* get("/sign-in")).text) ?? []
      const { headers, status, text } = yield* get(src)
      assert.strictEqual(status, 200)
      assert.match(String(headers["content-type"]), /^text\/javascript/)
      assert.match(String(headers["cache-control"]), /immutable/)
      assert.isBelow(Buffer.byteLength(text), 4000)
    })
  )
})

onPostgres(
  "the pages, where addresses are confirmed",
  Service.layer({ settings: { emailConfirmation: { ...testSettings.emailConfirmation, required: true } } }),
  (it) => {
    it.effect("register, look into the mail, confirm, sign in", () =>
      Effect.gen(function* () {
        const service = yield* Service
        const { next } = yield* MailServer
        const person = { email: "waiting@example.com", username: "waiting", password: newPassword }
        const browser = browserOf(service, "/confirm-email")
        const { open, post, postTo } = browser
        const asked = yield* postTo("/register", person)
        assert.deepStrictEqual([asked.status, asked.headers.location], [303, "./register/sent"])
        const sent = yield* open("/register/sent")
        assertPage(sent)
        assert.match(sent.text, /href="\.\.\/register">Enter the address again<\/a>/)
        yield* next(person.email)

        const again = yield* postTo("/confirm-email/again", { email: person.email })
        assert.deepStrictEqual([again.status, again.headers.location], [303, "../confirm-email/sent"])
        assertPage(yield* open("/confirm-email/sent"))
        const code = codeIn((yield* next(person.email)).parsed.text ?? "")
        yield* open(`/confirm-email?code=${code}`)
        assert.strictEqual((yield* post({})).status, 303)
        yield* signInAt(browser, person)
      })
    )
  }
)

onPostgres("the pages, where registration is closed", Service.layer({ settings: { registration: false } }), (it) => {
  it.effect("say so, and offer no account", () =>
    Effect.gen(function* () {
      const service = yield* Service
      assert.notInclude((yield* service.get("/sign-in")).text, "/register")
      const page = yield* service.get("/register")
      assert.strictEqual(page.status, 403)
      assertPage(page)
      assert.include(page.text, "Registration is closed.")
      const person = { email: "new@example.com", username: "newcomer", password: newPassword }
      assert.strictEqual((yield* browserOf(service).postTo("/register", person)).status, 403)
    })
  )
})

onPostgres("without pages", Service.layer({ settings: { pages: Option.none() } }), (it) => {
  it.effect("there is nothing but the API", () =>
    Effect.gen(function* () {
      const service = yield* Service
      for (const path of ["/sign-in", "/reset-password", "/account", "/register", "/pages.js", "/confirm-email/done"]) {
        assertError(yield* service.get(path), 404, "NotFound")
        assertError(yield* browserOf(service).postTo(path, {}), 404, "NotFound")
      }
      const { email } = yield* service.register()
      const code = yield* service.codeFor(email)
      assert.strictEqual((yield* service.reset(code, newPassword)).status, 200)
    })
  )
})

const template = Result.getOrThrow(
  templateIn(`<!doctype html>
<html lang="{{lang}}" dir="{{ dir }}">
<head>{{head}}<style>main { border: 3px dotted }</style></head>
<body class="shop"><p>{{brand}} for {{name}}</p><main>{{content}}</main>{{footer}}</body>
</html>`)
)

const logo = "data:image/png;base64,iVBORw0KGgo="

onPostgres(
  "the pages of a team",
  Service.layer({
    settings: {
      appName: "Zoë's <shop>",
      pages: Option.some({
        ...ourBranding,
        accent: { light: "#0a6b4f", dark: "#7fd8b8" },
        logo: Option.some(logo),
        termsUrl: Option.some("https://example.com/terms?a=b&c=d"),
        supportUrl: Option.some("mailto:help@example.com"),
        signInUrl: Option.some("https://shop.example.com/sign-in"),
        template
      })
    }
  }),
  (it) => {
    it.effect("have its name, logo, colour, links and markup", () =>
      Effect.gen(function* () {
        const { get } = yield* Service
        const { headers, text } = yield* get("/reset-password/done")
        assert.match(text, /<title>[^<]* - Zoë&#39;s &lt;shop&gt;<\/title>/)
        assert.include(text, `<img src="${logo}" alt="Zoë&#39;s &lt;shop&gt;">`)
        assert.include(text, "--accent:#0a6b4f")
        assert.include(text, "--accent:#7fd8b8")
        assert.include(text, 'href="https://example.com/terms?a=b&amp;c=d"')
        assert.include(text, 'href="mailto:help@example.com"')
        assert.include(text, '<a class="button" href="https://shop.example.com/sign-in">')
        assert.match(text, /<body class="shop">[\s\S]*<main>[\s\S]*<h1>/)
        assert.lengthOf(String(headers["content-security-policy"]).match(/'sha256-/g) ?? [], 2)
        // Who signs in at the team's own page has an account there.
        const { text: changed } = yield* get("/change-email/confirm/done")
        assert.include(changed, '<a class="button" href="https://shop.example.com/sign-in">')
      })
    )
  }
)
