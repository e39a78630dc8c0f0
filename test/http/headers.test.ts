import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { bearer } from "../support/client.ts"
import { onPostgres, Service, startServiceWithInbox } from "../support/service.ts"

/** Ways to every kind of answer: of the contract, of pages, of the edge, of the parser. */
const everyKind = Effect.fnUntraced(function* (service: Service["Service"]) {
  const { jwt } = yield* service.register()
  return yield* Effect.all({
    health: service.get("/health"),
    me: service.me(jwt),
    unauthenticated: service.me("x"),
    forgot: service.forgot("nobody@example.com"),
    noCode: service.reset("x".repeat(43), "a long phrase"),
    malformed: service.post("/auth/local", "{"),
    otherMedia: service.send("POST", "/auth/local", { body: "x", headers: { "content-type": "text/plain" } }),
    tooLarge: service.post("/auth/local", "x".repeat(100_000)),
    nowhere: service.get("/nowhere"),
    otherMethod: service.send("PATCH", "/health"),
    options: service.send("OPTIONS", "/auth/local"),
    page: service.get("/reset-password"),
    redirect: service.get("/reset-password?code=x"),
    docs: service.get("/docs"),
    openapi: service.get("/openapi.json"),
    inbox: service.get("/dev/inbox"),
    notHttp: service.raw("NONSENSE\r\n\r\n"),
    expectation: service.raw("GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 200-ok\r\n\r\n")
  })
})

onPostgres("every answer", Service.layerWithInbox(), (it) => {
  it.effect("is kept by nobody, sniffed by nobody, and names no server", () =>
    Effect.gen(function* () {
      const service = yield* Service
      for (const [kind, { headers }] of Object.entries(yield* everyKind(service))) {
        assert.strictEqual(headers["cache-control"], "no-store", kind)
        assert.strictEqual(headers["x-content-type-options"], "nosniff", kind)
        assert.strictEqual(headers["cross-origin-resource-policy"], "same-origin", kind)
        for (const name of ["server", "x-powered-by", "strict-transport-security", "access-control-allow-origin"]) {
          assert.isUndefined(headers[name], `${kind}: ${name}`)
        }
      }
    })
  )

  it.effect("asks for https from then on, where people come by https", () =>
    Effect.gen(function* () {
      const service = yield* startServiceWithInbox({ settings: { publicUrl: new URL("https://accounts.example.com") } })
      for (const [kind, { headers }] of Object.entries(yield* everyKind(service))) {
        assert.strictEqual(headers["strict-transport-security"], "max-age=31536000", kind)
      }
    })
  )

  it.effect("is closed to the pages of other origins", () =>
    Effect.gen(function* () {
      const { send } = yield* Service
      const headers = { origin: "https://app.example.com", "access-control-request-method": "POST" }
      for (const answer of [
        yield* send("OPTIONS", "/auth/local", { headers }),
        yield* send("GET", "/health", { headers })
      ]) {
        assert.isEmpty(Object.keys(answer.headers).filter((name) => name.startsWith("access-control-")))
      }
      assert.strictEqual((yield* send("OPTIONS", "/auth/local", { headers })).status, 405)
    })
  )
})

const corsOrigins = ["https://app.example.com", "http://localhost:5173"]

onPostgres("CORS", Service.layerWithInbox({ settings: { corsOrigins, rateLimit: true } }), (it) => {
  it.effect("lets a page of a listed origin ask first, and read what it gets", () =>
    Effect.gen(function* () {
      const { post, send } = yield* Service
      for (const origin of corsOrigins) {
        const asks = {
          origin,
          "access-control-request-method": "POST",
          "access-control-request-headers": "content-type"
        }
        const preflight = yield* send("OPTIONS", "/auth/reset-password", { headers: asks })
        assert.strictEqual(preflight.status, 204)
        assert.strictEqual(preflight.text, "")
        assert.deepInclude(preflight.headers, {
          "access-control-allow-origin": origin,
          "access-control-allow-methods": "POST",
          "access-control-allow-headers": "content-type, authorization",
          vary: "Origin"
        })
        assert.isUndefined(preflight.headers["access-control-allow-credentials"])
        const answer = yield* post("/auth/reset-password", {}, { origin })
        assert.strictEqual(answer.headers["access-control-allow-origin"], origin)
        assert.strictEqual(answer.headers.vary, "Origin, Accept-Language")
        assert.isUndefined(answer.headers["access-control-allow-credentials"])
        const exposed = String(answer.headers["access-control-expose-headers"]).split(", ")
        for (const name of [
          "x-request-id",
          "retry-after",
          "ratelimit-limit",
          "ratelimit-remaining",
          "ratelimit-reset"
        ]) {
          assert.include(exposed, name)
        }
      }
    })
  )

  it.effect("lets it read refusals of any kind too", () =>
    Effect.gen(function* () {
      const { get, post, send } = yield* Service
      const origin = "https://app.example.com"
      for (const [status, answer] of [
        [401, yield* get("/users/me", { origin, ...bearer("x") })],
        [404, yield* get("/nowhere", { origin })],
        [413, yield* post("/auth/local", "x".repeat(100_000), { origin })],
        [404, yield* send("OPTIONS", "/nowhere", { headers: { origin, "access-control-request-method": "GET" } })]
      ] as const) {
        assert.strictEqual(answer.status, status)
        assert.strictEqual(answer.headers["access-control-allow-origin"], origin)
      }
    })
  )

  it.effect("names the methods of the path that is asked for", () =>
    Effect.gen(function* () {
      const { send } = yield* Service
      const headers = { origin: "https://app.example.com", "access-control-request-method": "DELETE" }
      for (const [path, methods] of [
        ["/auth/sessions", "GET, DELETE, HEAD"],
        ["/auth/sessions/01a20fbe-1e09-71b6-b4ea-06529239c4aa", "DELETE"],
        ["/users/me", "GET, HEAD"]
      ] as const) {
        assert.strictEqual((yield* send("OPTIONS", path, { headers })).headers["access-control-allow-methods"], methods)
      }
    })
  )

  it.effect("is for exactly the listed origins", () =>
    Effect.gen(function* () {
      const { post, send } = yield* Service
      for (const origin of [
        "null",
        "*",
        "https://app.example.com.evil.example",
        "https://evil.example",
        "https://evilapp.example.com",
        "https://app.example.com:8443",
        "http://app.example.com",
        "https://APP.example.com",
        "https://app.example.com/",
        "https://sub.app.example.com",
        "https://app.example.com, https://evil.example"
      ]) {
        const preflight = yield* send("OPTIONS", "/auth/local", {
          headers: { origin, "access-control-request-method": "POST" }
        })
        const answer = yield* post("/auth/local", {}, { origin })
        assert.strictEqual(preflight.status, 405, origin)
        for (const { headers } of [preflight, answer]) {
          assert.isEmpty(
            Object.keys(headers).filter((name) => name.startsWith("access-control-")),
            origin
          )
          assert.strictEqual(headers.vary, "Origin, Accept-Language") // a cache must not give one origin the answer of another
        }
      }
    })
  )

  it.effect("isn't counted at a door for having asked first", () =>
    Effect.gen(function* () {
      const { send } = yield* Service
      const headers = { origin: "https://app.example.com", "access-control-request-method": "POST" }
      for (let time = 0; time < 50; time++) {
        assert.strictEqual((yield* send("OPTIONS", "/auth/local/register", { headers })).status, 204)
      }
    })
  )
})
