import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Layer, Schema } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { PublicApi } from "../../src/api/Api.ts"
import { HandlersLayer } from "../../src/server.ts"
import { settingsFrom } from "../../src/settings.ts"
import { embeddedDatabase, fastHasher, Mailbox, testVariables } from "../../src/testing/index.ts"

class ShopApi extends HttpApi.make("shop")
  .add(HttpApiGroup.make("shop").add(HttpApiEndpoint.get("open", "/open", { success: Schema.Boolean })))
  .addHttpApi(PublicApi) {}

const ShopHandlers = HttpApiBuilder.group(ShopApi, "shop", (handlers) =>
  handlers.handleAll({ open: () => Effect.succeed(true) })
)

const settings = settingsFrom({ ...testVariables, RATE_LIMIT: "on", TRUSTED_PROXIES: "10.0.0.1" })
const replacements = { sql: embeddedDatabase, hasher: fastHasher, mailer: Mailbox.layer }

const OpenApi = Schema.Struct({ paths: Schema.Record(Schema.String, Schema.Unknown) })
const jsonOf = (response: Response) => Effect.promise(async (): Promise<unknown> => response.json())

const startShop = Effect.gen(function* () {
  const Rekey = HandlersLayer(ShopApi, yield* settings, replacements)
  const web = HttpRouter.toWebHandler(
    HttpApiBuilder.layer(ShopApi, { openapiPath: "/openapi.json" }).pipe(
      Layer.provide(ShopHandlers),
      Layer.provide(Rekey),
      Layer.provide(HttpServer.layerServices)
    ),
    { disableLogger: true }
  )
  yield* Effect.addFinalizer(() => Effect.promise(() => web.dispose()))
  return (path: string, init?: RequestInit) =>
    Effect.promise(() => web.handler(new Request(`http://shop.test${path}`, init)))
})

const forgot = (headers: Record<string, string> = {}) => ({
  method: "POST",
  headers: { "content-type": "application/json", ...headers },
  body: '{"email":"nobody@example.com"}'
})

describe("an HttpApi of an application that has our groups", () => {
  it.live("serves both, describes both, and answers ours as we do", () =>
    Effect.gen(function* () {
      const ask = yield* startShop
      assert.strictEqual(yield* Effect.flatMap(ask("/open"), jsonOf), true)
      const { paths } = Schema.decodeUnknownSync(OpenApi)(yield* Effect.flatMap(ask("/openapi.json"), jsonOf))
      assert.includeMembers(Object.keys(paths), ["/open", "/auth/reset-password"])
      let answer = yield* ask("/auth/forgot-password", forgot())
      // Until its database has opened.
      while (answer.status === 503) answer = yield* Effect.delay(ask("/auth/forgot-password", forgot()), "20 millis")
      assert.strictEqual(answer.status, 200)
      assert.strictEqual(answer.headers.get("cache-control"), "no-store")
      assert.match(answer.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/)
      const refused = yield* ask("/users/me")
      assert.strictEqual(refused.status, 401)
      assert.strictEqual(refused.headers.get("www-authenticate"), "Bearer")
      assert.deepInclude(yield* jsonOf(refused), { code: 401, reason: "Unauthenticated" })
      const large = { ...forgot(), body: JSON.stringify({ email: "x".repeat(70_000) }) }
      assert.isAtLeast((yield* ask("/auth/forgot-password", large)).status, 400)
    })
  )

  it("isn't let to move our paths, which would not be where it says", async () => {
    const moved = ShopApi.prefix("/v1")
    const build = Effect.flatMap(settings, (settings) =>
      Layer.build(HandlersLayer(moved, settings, replacements)).pipe(Effect.scoped)
    )
    const exit = await Effect.runPromiseExit(build)
    assert(exit._tag === "Failure")
    assert.match(Cause.pretty(exit.cause), /without a prefix/)
  })
})
