import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { bearer } from "../support/client.ts"
import { onPostgres, Service } from "../support/service.ts"

onPostgres("the log", Service.layerWithInbox(), (it) => {
  it.effect("has a line for each request, with its id, method, route pattern, status and milliseconds", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { jwt } = yield* service.register()
      const session = "01a20fbe-1e09-71b6-b4ea-06529239c4aa"
      for (const [method, path, route, status] of [
        ["GET", "/health", "/health", 200],
        ["GET", "/health?code=secret", "/health", 200],
        ["GET", "/reset-password?code=secret", "/reset-password", 303],
        ["GET", "/reset-password/done", "/reset-password/done", 200],
        ["DELETE", `/auth/sessions/${session}`, "/auth/sessions/:id", 404],
        ["PUT", "/users/me", "none", 405],
        ["GET", "/no/where?code=secret", "none", 404],
        ["GET", "/%zz", "none", 404],
        ["POST", "/auth/logout", "/auth/logout", 200]
      ] as const) {
        const answer = yield* service.send(method, path, { headers: bearer(jwt) })
        const line = JSON.parse(service.logs.at(-1) ?? "")
        const { millis, ...annotations } = line.annotations
        assert.deepStrictEqual(annotations, { method, route, status, requestId: answer.headers["x-request-id"] })
        assert.isAtLeast(millis, 0)
        assert.deepInclude(line, { message: "request", level: "INFO" })
        assert.strictEqual(answer.status, status)
      }
    })
  )
})
