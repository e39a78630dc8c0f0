import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { WatchedHasher } from "../passwords/doubles.ts"
import { assertError } from "../support/client.ts"
import { onPostgres, Service } from "../support/service.ts"

const fresh = "a new long phrase"

onPostgres("passwords over HTTP", Service.layerWatched(), (it) => {
  it.effect("each door refuses a common password and the account's own name, before anything is hashed", () =>
    Effect.gen(function* () {
      const { changePassword, codeFor, post, register, reset } = yield* Service
      const { asked } = yield* WatchedHasher
      const ada = yield* register({ username: "Countess", email: "ada.lovelace@example.com" })
      const code = yield* codeFor(ada.email)
      const before = asked.length
      const person = { username: "Lady Byron", email: "anne@milbanke.example" }
      for (const [answer, reason] of [
        [yield* post("/auth/local/register", { ...person, password: "PassWord1" }), /most common/],
        [yield* post("/auth/local/register", { ...person, password: "4nne-M1lbanke" }), /little more/],
        [yield* changePassword(ada.jwt, ada.password, "PassWord1"), /most common/],
        [yield* changePassword(ada.jwt, ada.password, "ecalevol1815"), /little more/],
        [yield* reset(code, "PassWord1"), /most common/],
        [yield* reset(code, "Countess1"), /little more/],
        [yield* reset(code, "Rekey2026"), /little more/]
      ] as const) {
        const details = assertError(answer, 400, "PasswordRejected")
        assert.deepStrictEqual(
          details.map(({ path }) => path),
          [["password"]]
        )
        assert.match(details[0]?.message ?? "", reason)
      }
      assert.lengthOf(asked, before)
      assert.strictEqual((yield* reset(code, fresh)).status, 200) // the code is still good (B7)
    })
  )

  it.effect("all reasons come at once, each beside the field", () =>
    Effect.gen(function* () {
      const { post } = yield* Service
      const person = { username: "dragon", email: "dragon@example.com", password: "Dragon" }
      const details = assertError(yield* post("/auth/local/register", person), 400, "PasswordRejected")
      assert.lengthOf(details, 3)
      for (const { path } of details) assert.deepStrictEqual(path, ["password"])
    })
  )

  it.effect("the page shows the reason beside the field, and keeps the code", () =>
    Effect.gen(function* () {
      const { check, codeFor, register, send } = yield* Service
      const { email, username } = yield* register()
      const code = yield* codeFor(email)
      const form = new URLSearchParams({ password: `${username}!`, passwordConfirmation: `${username}!` })
      const answer = yield* send("POST", "/reset-password", {
        headers: { "content-type": "application/x-www-form-urlencoded", cookie: `rekey_reset_code=${code}` },
        body: form.toString()
      })
      assert.strictEqual(answer.status, 400)
      assert.match(answer.text, /<p class="error" id="password-error">[^<]*little more than your address/)
      assert.strictEqual((yield* check(code)).status, 200)
    })
  )

  it.effect("a code that nobody was given is told before the password is looked at, but for its length", () =>
    Effect.gen(function* () {
      const { reset } = yield* Service
      assertError(yield* reset("x".repeat(43), "password"), 404, "ResetCodeNotFound")
      assertError(yield* reset("x".repeat(43), "short"), 400, "PasswordRejected")
    })
  )
})
