import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { languages } from "../../src/language/Language.ts"
import { say } from "../../src/language/Messages.ts"
import { type Answer, assertError } from "../support/client.ts"
import { onPostgres, Service } from "../support/service.ts"

const messageOf = ({ json }: Answer) => Reflect.get(Object(json), "message")

const nobodysCode = "x".repeat(43)

onPostgres(
  "the language of an answer",
  Service.layerWithInbox({ settings: { corsOrigins: ["https://a.example"] } }),
  (it) => {
    it.effect("is English for whoever doesn't say otherwise, word for word", () =>
      Effect.gen(function* () {
        const { get, post, reset } = yield* Service
        assert.strictEqual(messageOf(yield* reset(nobodysCode, "a long new phrase")), "There is no such reset code.")
        for (const header of ["sv", "*", "tlh, en-AU;q=0.1"]) {
          const answer = yield* post(
            "/auth/reset-password",
            { code: nobodysCode, password: "short", passwordConfirmation: "short" },
            { "accept-language": header }
          )
          assert.strictEqual(messageOf(answer), "The password must have at least 8 characters.")
          assert.strictEqual(answer.headers["content-language"], "en")
        }
        assert.strictEqual(messageOf(yield* get("/nowhere")), "There is nothing here.")
      })
    )

    it.effect("is that of Accept-Language, in every language, with the same code and reason", () =>
      Effect.gen(function* () {
        const { get, post } = yield* Service
        for (const language of languages) {
          const headers = { "accept-language": `${language};q=0.9, sv` }
          const unknown = yield* post("/auth/reset-password/check", { code: nobodysCode }, headers)
          assertError(unknown, 404, "ResetCodeNotFound")
          assert.strictEqual(messageOf(unknown), say(language, "error.ResetCodeNotFound"))
          const nowhere = yield* get("/nowhere", headers)
          assertError(nowhere, 404, "NotFound")
          assert.strictEqual(messageOf(nowhere), say(language, "error.http.notFound"))
          for (const { headers } of [unknown, nowhere]) {
            assert.strictEqual(headers["content-language"], language)
            assert.strictEqual(headers.vary, "Origin, Accept-Language")
          }
        }
        assert.strictEqual(new Set(languages.map((language) => say(language, "error.ResetCodeNotFound"))).size, 8)
      })
    )

    it.effect("is the same beside each field", () =>
      Effect.gen(function* () {
        const { post } = yield* Service
        const german = { "accept-language": "de-CH, de;q=0.9" }
        const malformed = yield* post("/auth/local/register", { username: "x", email: "nowhere" }, german)
        assert.deepStrictEqual(
          assertError(malformed, 400, "InvalidRequest").map(({ message, path }) => [path.join("."), message]),
          [
            ["username", say("de", "error.field.username")],
            ["email", say("de", "error.field.email")],
            ["password", say("de", "error.field.missing")]
          ]
        )
        const passwords = { code: nobodysCode, password: "short", passwordConfirmation: "short" }
        for (const [language, words] of [
          ["de", "mindestens 8 Zeichen"],
          ["ar", "8 أحرف"],
          ["ja", "8文字以上"]
        ] as const) {
          const refused = yield* post("/auth/reset-password", passwords, { "accept-language": language })
          const [detail] = assertError(refused, 400, "PasswordRejected")
          assert.include(detail?.message, words)
          assert.strictEqual(messageOf(refused), detail?.message)
        }
        const differ = yield* post("/auth/reset-password", { ...passwords, passwordConfirmation: "other" }, german)
        assert.deepStrictEqual(assertError(differ, 400, "PasswordMismatch"), [
          { path: ["passwordConfirmation"], message: say("de", "error.PasswordMismatch") }
        ])
      })
    )

    it.effect("is what the parser answers in, as far as it has read what the client understands", () =>
      Effect.gen(function* () {
        const { raw } = yield* Service
        const answer = yield* raw(
          "GET /health HTTP/1.1\r\nHost: x\r\nAccept-Language: fr\r\nConnection: close\r\nExpect: 200-ok\r\n\r\n"
        )
        assertError(answer, 417, "ExpectationFailed")
        assert.strictEqual(messageOf(answer), say("fr", "error.http.expectationFailed"))
        assert.strictEqual(answer.headers["content-language"], "fr")
      })
    )

    it.effect("isn't told where there are no words", () =>
      Effect.gen(function* () {
        const { get } = yield* Service
        const { headers } = yield* get("/health", { "accept-language": "de" })
        assert.isUndefined(headers["content-language"])
        assert.strictEqual(headers.vary, "Origin")
      })
    )
  }
)
