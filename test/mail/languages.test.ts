import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { type Language, languages } from "../../src/language/Language.ts"
import { say } from "../../src/language/Messages.ts"
import { assertError, bearer } from "../support/client.ts"
import {
  administrators,
  aliceToken,
  codeIn,
  onBothDatabases,
  onPostgres,
  Service,
  testSettings
} from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"

const understands = (language: string) => ({ "accept-language": language })

const subjectOf = (
  language: Language,
  key: "reset" | "passwordReset" | "passwordChanged" | "confirm" | "registration"
) => say(language, `mail.${key}.subject`, { app: "Rekey" }).replace(/[\u2068\u2069]/g, "")

let people = 0

/** Somebody who registers with a client that says this of them. */
const registered = Effect.fnUntraced(function* (headers: Record<string, string> = {}) {
  const { post } = yield* Service
  const username = `speaker${people++}`
  const person = { username, email: `${username}@example.com`, password: "an old long phrase" }
  assert.strictEqual((yield* post("/auth/local/register", person, headers)).status, 200)
  return person
})

/** The mail that comes of asking for a code with a client that says this. */
const asked = Effect.fnUntraced(function* (email: string, headers: Record<string, string> = {}) {
  const { post } = yield* Service
  const { next } = yield* MailServer
  const answer = yield* post("/auth/forgot-password", { email }, headers)
  assert.deepStrictEqual([answer.status, answer.text], [200, '{"ok":true}'])
  return yield* next(email)
})

const reset = Effect.fnUntraced(function* (code: string, headers: Record<string, string> = {}) {
  const { post } = yield* Service
  const password = "a new long phrase"
  assert.strictEqual(
    (yield* post("/auth/reset-password", { code, password, passwordConfirmation: password }, headers)).status,
    200
  )
})

onBothDatabases("the language of mails", Service.layer({ settings: { administrators } }), (it) => {
  it.effect("is the account's own, which registering said, whoever asks", () =>
    Effect.gen(function* () {
      const { post } = yield* Service
      const { next } = yield* MailServer
      const { email, password } = yield* registered(understands("de-AT, en;q=0.5"))
      const { parsed } = yield* asked(email, understands("fr"))
      assert.strictEqual(parsed.subject, subjectOf("de", "reset"))
      assert.include(parsed.text, "gelten noch 30 Minuten")
      assert.match(String(parsed.html), /<html lang="de" dir="ltr"/)
      assert.strictEqual(parsed.headers.get("content-language"), "de")
      yield* reset(codeIn(parsed.text ?? ""), understands("es"))
      const notice = yield* next(email)
      assert.strictEqual(notice.parsed.subject, subjectOf("de", "passwordReset"))

      const signedIn = yield* post("/auth/local", { identifier: email, password: "a new long phrase" })
      const jwt = String(Reflect.get(Object(signedIn.json), "jwt"))
      const change = { currentPassword: "a new long phrase", password, passwordConfirmation: password }
      yield* post("/auth/change-password", change, { ...bearer(jwt), ...understands("ja") })
      assert.strictEqual((yield* next(email)).parsed.subject, subjectOf("de", "passwordChanged"))
    })
  )

  it.effect("is that of whoever asks, where the account doesn't say; who asked doesn't choose it for later", () =>
    Effect.gen(function* () {
      const { email } = yield* registered()
      for (const language of languages) {
        assert.strictEqual((yield* asked(email, understands(language))).parsed.subject, subjectOf(language, "reset"))
      }
      assert.strictEqual((yield* asked(email)).parsed.subject, subjectOf("en", "reset"))
    })
  )

  it.effect("is that of whoever set the password, from then on, since they are the owner", () =>
    Effect.gen(function* () {
      const { next } = yield* MailServer
      const { email } = yield* registered()
      const { parsed } = yield* asked(email, understands("ja"))
      yield* reset(codeIn(parsed.text ?? ""), understands("it-CH, it"))
      assert.strictEqual((yield* next(email)).parsed.subject, subjectOf("it", "passwordReset"))
      assert.strictEqual((yield* asked(email, understands("pt"))).parsed.subject, subjectOf("it", "reset"))
    })
  )

  it.effect("is what its owner chooses, and none if they like", () =>
    Effect.gen(function* () {
      const { get, register, send } = yield* Service
      const { email, id, jwt } = yield* register()
      const chosen = Effect.map(get("/users/me/language", bearer(jwt)), ({ json }) => json)
      const choose = (body: unknown) =>
        send("PUT", "/users/me/language", { headers: { ...bearer(jwt), "content-type": "application/json" }, body })

      assert.deepStrictEqual(yield* chosen, { language: null })
      for (const language of ["ar", "ar", null, "pt"] as const) {
        assert.strictEqual((yield* choose({ language })).text, '{"ok":true}')
        assert.deepStrictEqual(yield* chosen, { language })
        const mail = yield* asked(email, understands("ja"))
        assert.strictEqual(mail.parsed.subject, subjectOf(language ?? "ja", "reset"))
      }
      for (const wrong of [{ language: "sv" }, { language: "de-AT" }, { language: ["de"] }, { language: 7 }, {}]) {
        assert.deepStrictEqual(
          assertError(yield* choose(wrong), 400, "InvalidRequest").map(({ path }) => path[0]),
          ["language"]
        )
      }
      assert.deepStrictEqual(yield* chosen, { language: "pt" })
      const sql = yield* SqlClient.SqlClient
      const trail = yield* sql`select actor, outcome from audit where user_id = ${id} and event = 'language.changed'`
      assert.deepStrictEqual(
        trail.map((row) => ({ ...row })),
        Array.from({ length: 3 }, () => ({ actor: "owner", outcome: "done" }))
      )
    })
  )

  it.effect("is English where only a newer version speaks the account's", () =>
    Effect.gen(function* () {
      const { get, register } = yield* Service
      const { email, id, jwt } = yield* register()
      const sql = yield* SqlClient.SqlClient
      yield* sql`update users set language = 'tlh' where id = ${id}`
      assert.strictEqual((yield* asked(email, understands("de"))).parsed.subject, subjectOf("en", "reset"))
      assert.deepStrictEqual((yield* get("/users/me/language", bearer(jwt))).json, { language: null })
      assert.strictEqual((yield* get("/users/me", bearer(jwt))).status, 200)
    })
  )

  it.effect("isn't the administrator's", () =>
    Effect.gen(function* () {
      const { post } = yield* Service
      const { next } = yield* MailServer
      const { email } = yield* registered()
      const headers = { ...bearer(aliceToken), ...understands("ja") }
      assert.strictEqual((yield* post("/admin/send-reset-code", { identifier: email }, headers)).status, 200)
      assert.strictEqual((yield* next(email)).parsed.subject, subjectOf("en", "reset"))
    })
  )
})

const required = { emailConfirmation: { ...testSettings.emailConfirmation, required: true } }

onPostgres("the language of mails about an address", Service.layer({ settings: required }), (it) => {
  it.effect("is that of whoever registered, and becomes the account's", () =>
    Effect.gen(function* () {
      const { post } = yield* Service
      const { next } = yield* MailServer
      const person = yield* registered(understands("fr-CA"))
      const { parsed } = yield* next(person.email)
      assert.strictEqual(parsed.subject, subjectOf("fr", "confirm"))
      assert.include((parsed.text ?? "").replaceAll("\u00a0", " "), "expirent dans 24 heures")
      const again = yield* post("/auth/send-email-confirmation", { email: person.email }, understands("de"))
      assert.strictEqual(again.status, 200)
      assert.strictEqual((yield* next(person.email)).parsed.subject, subjectOf("fr", "confirm"))

      assert.strictEqual((yield* post("/auth/email-confirmation", { code: codeIn(parsed.text ?? "") })).status, 200)
      yield* post("/auth/local/register", { ...person, username: "somebody.else" }, understands("de"))
      assert.strictEqual((yield* next(person.email)).parsed.subject, subjectOf("fr", "registration"))
      assert.strictEqual((yield* asked(person.email, understands("de"))).parsed.subject, subjectOf("fr", "reset"))
    })
  )

  it.effect("is kept when a reset makes the account", () =>
    Effect.gen(function* () {
      const { next } = yield* MailServer
      const { email } = yield* registered(understands("ar"))
      yield* next(email)
      const { parsed } = yield* asked(email, understands("de"))
      assert.strictEqual(parsed.subject, subjectOf("ar", "reset"))
      assert.match(String(parsed.html), /<html lang="ar" dir="rtl"/)
      yield* reset(codeIn(parsed.text ?? ""), understands("de"))
      assert.strictEqual((yield* next(email)).parsed.subject, subjectOf("ar", "passwordReset"))
    })
  )
})
