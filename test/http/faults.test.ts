import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { WatchedHasher } from "../passwords/doubles.ts"
import { assertError } from "../support/client.ts"
import { onPostgres, Service } from "../support/service.ts"

const newPassword = "a new long phrase"
const marker = "s3cr3t-do-not-echo"

onPostgres("a fault of ours", Service.layerWatched(), (it) => {
  it.effect("is 500 in the one shape, tells nothing, and is logged under the request's id", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { breakNext } = yield* WatchedHasher
      const code = yield* service.codeFor((yield* service.register()).email)
      yield* breakNext("hash", new Error(`broken by ${marker}`))
      const answer = yield* service.reset(code, newPassword)
      assertError(answer, 500, "InternalError")
      assert.notInclude(answer.text, marker)
      const id = String(answer.headers["x-request-id"])
      const told = service.logs.filter((line) => line.includes(id))
      assert.lengthOf(told, 2)
      assert.deepInclude(JSON.parse(told[0] ?? ""), { level: "ERROR" })
      assert.include(told[0], marker)
      assert.strictEqual((yield* service.reset(code, newPassword)).status, 200)
    })
  )

  it.effect("is the same for the page's form", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { breakNext } = yield* WatchedHasher
      const code = yield* service.codeFor((yield* service.register()).email)
      yield* breakNext("hash", marker)
      const answer = yield* service.send("POST", "/reset-password", {
        headers: { "content-type": "application/x-www-form-urlencoded", cookie: `rekey_reset_code=${code}` },
        body: "password=a+long+phrase&passwordConfirmation=a+long+phrase"
      })
      assertError(answer, 500, "InternalError")
      assert.notInclude(answer.text, marker)
    })
  )
})
