import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { assertError, bearer } from "../support/client.ts"
import { onPostgres, Service } from "../support/service.ts"

const newPassword = "a new long phrase"

onPostgres("leaving", Service.layer({ settings: { rateLimit: true } }), (it) => {
  it.effect("F21: a stolen session deletes nothing without the password, and may guess five times", () =>
    Effect.gen(function* () {
      const { me, post, register } = yield* Service
      const ada = yield* register()
      const remove = (currentPassword: string) => post("/auth/delete-account", { currentPassword }, bearer(ada.jwt))
      for (let guess = 0; guess < 5; guess++) {
        assertError(yield* remove(`guess number ${guess}`), 400, "InvalidCredentials")
      }
      assertError(yield* remove(ada.password), 429, "RateLimited")
      assert.strictEqual((yield* me(ada.jwt)).status, 200)
    })
  )
})

onPostgres("leaving while others act", Service.layer(), (it) => {
  it.effect("F22: whoever knew the former password deletes nothing that a reset took back", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { codeFor, post, register, reset, signIn } = yield* Service
      for (let round = 0; round < 10; round++) {
        const ada = yield* register()
        const code = yield* codeFor(ada.email)
        const remove = post("/auth/delete-account", { currentPassword: ada.password }, bearer(ada.jwt))
        const [taken, gone] = yield* Effect.all([reset(code, newPassword), remove], { concurrency: 2 })
        const rows = yield* sql`select from users where id = ${ada.id}::uuid`
        if (taken.status === 200) {
          // Unless it was deleted after all with the new row in place, which no version allows.
          assertError(gone, gone.status, gone.status === 400 ? "InvalidCredentials" : "Unauthenticated")
          assert.lengthOf(rows, 1)
          assert.strictEqual((yield* signIn(ada.email, newPassword)).status, 200)
        } else {
          assertError(taken, 404, "ResetCodeNotFound")
          assert.strictEqual(gone.status, 200)
          assert.lengthOf(rows, 0)
        }
      }
    })
  )
})
