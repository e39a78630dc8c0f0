import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Layer, Schema } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { PublicApi } from "../../src/api/Api.ts"
import { Authorization, CurrentSession } from "../../src/api/Authorization.ts"
import { HandlersLayer } from "../../src/server.ts"
import { settingsFrom } from "../../src/settings.ts"
import { embeddedDatabase, fastHasher, Mailbox, testVariables } from "../../src/testing/index.ts"

class OwnApi extends HttpApiGroup.make("own")
  .add(HttpApiEndpoint.get("mine", "/mine", { success: Schema.String }))
  .middleware(Authorization) {}

class ShopApi extends HttpApi.make("shop")
  .add(OwnApi)
  .add(HttpApiGroup.make("shop").add(HttpApiEndpoint.get("open", "/open", { success: Schema.Boolean })))
  .addHttpApi(PublicApi) {}

const ShopHandlers = HttpApiBuilder.group(ShopApi, "shop", (handlers) =>
  handlers.handleAll({ open: () => Effect.succeed(true) })
)

const OwnHandlers = HttpApiBuilder.group(ShopApi, "own", (handlers) =>
  handlers.handleAll({ mine: () => Effect.map(CurrentSession, ({ user }) => user.username) })
)

const settings = settingsFrom({ ...testVariables, RATE_LIMIT: "on", TRUSTED_PROXIES: "10.0.0.1" })
const replacements = { sql: embeddedDatabase, hasher: fastHasher, mailer: Mailbox.layer }

const OpenApi = Schema.Struct({ paths: Schema.Record(Schema.String, Schema.Unknown) })
const Worded = Schema.Struct({ message: Schema.String })
const Registered = Schema.Struct({ jwt: Schema.String })
const jsonOf = (response: Response) => Effect.promise(async (): Promise<unknown> => response.json())

const startShop = Effect.gen(function* () {
  const Rekey = HandlersLayer(ShopApi, yield* settings, replacements)
  const web = HttpRouter.toWebHandler(
    HttpApiBuilder.layer(ShopApi, { openapiPath: "/openapi.json" }).pipe(
      Layer.provide([ShopHandlers, OwnHandlers]),
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
      const large = yield* ask("/auth/forgot-password", {
        ...forgot(),
        body: JSON.stringify({ email: "x".repeat(70_000) })
      })
      assert.strictEqual(large.status, 413)
      assert.deepInclude(yield* jsonOf(large), { code: 413, reason: "PayloadTooLarge" })
      const broken = yield* ask("/auth/forgot-password", { ...forgot(), body: "{" })
      assert.strictEqual(broken.status, 400)
      assert.deepInclude(yield* jsonOf(broken), { code: 400, reason: "InvalidRequest" })
    })
  )

  it.live("speaks the reader's language", () =>
    Effect.gen(function* () {
      const ask = yield* startShop
      for (const path of ["/users/me", "/mine"]) {
        const refused = yield* ask(path, { headers: { "accept-language": "de" } })
        const { message } = Schema.decodeUnknownSync(Worded)(yield* jsonOf(refused))
        assert.match(message, /^Melden Sie sich/, path)
      }
      const ours = yield* ask("/users/me", { headers: { "accept-language": "de" } })
      assert.strictEqual(ours.headers.get("content-language"), "de")
      assert.strictEqual(ours.headers.get("vary"), "Accept-Language")
    })
  )

  it.live("lets the application's own endpoints know who is signed in", () =>
    Effect.gen(function* () {
      const ask = yield* startShop
      const register = () =>
        ask("/auth/local/register", {
          ...forgot(),
          body: '{"username":"ada","email":"ada@example.com","password":"a long old phrase"}'
        })
      let answer = yield* register()
      while (answer.status === 503) answer = yield* Effect.delay(register(), "20 millis")
      const { jwt } = Schema.decodeUnknownSync(Registered)(yield* jsonOf(answer))
      const mine = yield* ask("/mine", { headers: { authorization: `Bearer ${jwt}` } })
      assert.strictEqual(yield* jsonOf(mine), "ada")
      assert.strictEqual((yield* ask("/mine", { headers: { authorization: `Bearer ${jwt}x` } })).status, 401)
    })
  )

  it("isn't let to move our paths, which would not be where it says", async () => {
    const moved = ShopApi.prefix("/v1")
    const build = Effect.flatMap(settings, (settings) =>
      Layer.build(Layer.provide(HandlersLayer(moved, settings, replacements), HttpRouter.layer)).pipe(Effect.scoped)
    )
    const exit = await Effect.runPromiseExit(build)
    assert(exit._tag === "Failure")
    assert.match(Cause.pretty(exit.cause), /without a prefix/)
  })
})
