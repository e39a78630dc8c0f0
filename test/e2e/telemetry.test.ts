import { createServer } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { clientOf } from "../support/client.ts"
import { startServer } from "../support/server.ts"
import { codeIn } from "../support/service.ts"

/** What an OpenTelemetry collector is sent, by path. */
const collector = Effect.acquireRelease(
  Effect.callback<{ readonly url: string; readonly received: ReadonlyMap<string, string>; close(): void }>((resume) => {
    const received = new Map<string, string>()
    const server = createServer((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        const path = request.url ?? ""
        received.set(path, (received.get(path) ?? "") + Buffer.concat(chunks).toString())
        response.setHeader("content-type", "application/json").end("{}")
      })
    }).listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const close = () => {
        server.close()
        server.closeAllConnections()
      }
      resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, received, close }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

describe("with OTEL_EXPORTER_OTLP_ENDPOINT", () => {
  it.live("traces and metrics are sent, without a secret, and logs are not (D4)", () =>
    Effect.gen(function* () {
      const { received, url } = yield* collector
      const server = yield* startServer({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: url } })
      const client = yield* clientOf(server.url)
      const password = "an old l0ng phrase"
      const { email, jwt } = yield* client.register({ password })
      yield* client.me(jwt)
      yield* client.signIn(email, "a wr0ng phrase")
      yield* client.forgot(email)
      const [mail] = yield* server.waitFor("stdout", /Mail to [\s\S]+?code=[\w-]{43}\s/)
      const code = codeIn(mail)
      yield* client.get(`/reset-password?code=${code}`)
      yield* client.get(`/${code}`)
      yield* client.check(code)
      assert.strictEqual((yield* client.reset(code, "a n3w long phrase")).status, 200)
      yield* server.stop()
      assert.sameMembers([...received.keys()], ["/v1/traces", "/v1/metrics"])
      const traces = received.get("/v1/traces") ?? ""
      const metrics = received.get("/v1/metrics") ?? ""
      assert.include(traces, "PasswordReset.reset")
      assert.include(metrics, "rekey_resets_total")
      for (const secret of [code, password, "wr0ng", "n3w", jwt, email]) {
        assert.notInclude(traces, secret)
        assert.notInclude(metrics, secret)
      }
    })
  )
})
