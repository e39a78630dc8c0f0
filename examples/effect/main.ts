import { createServer } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { CurrentSession, HandlersLayer, readSettings, type Settings, SqlLayer } from "@rekey/server"
import { Effect, Layer } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { Customers } from "./Customers.ts"
import { ShopApi } from "./ShopApi.ts"

const CustomersHandlers = HttpApiBuilder.group(
  ShopApi,
  "customers",
  Effect.fn(function* (handlers) {
    const { numberOf } = yield* Customers
    return handlers.handleAll({
      me: Effect.fn(function* () {
        const { user } = yield* CurrentSession
        return { number: yield* numberOf(user.id), name: user.username }
      })
    })
  })
)

const routesOf = (settings: Settings) => {
  const Sql = SqlLayer(settings) // one client for Rekey and for the shop
  return HttpApiBuilder.layer(ShopApi, { openapiPath: "/openapi.json" }).pipe(
    Layer.provide(CustomersHandlers),
    Layer.provide(Customers.layer),
    Layer.provide(HandlersLayer(ShopApi, settings, { sql: Sql, accounts: Customers.accounts })),
    Layer.provide([Sql, NodeHttpServer.layerHttpServices])
  )
}

const Shop = Effect.gen(function* () {
  const settings = yield* readSettings
  const { host, port } = settings
  // Built before the server, which listens once all is there.
  const shop = yield* HttpRouter.toHttpEffect(routesOf(settings))
  return HttpServer.serve(shop).pipe(Layer.provide(NodeHttpServer.layer(createServer, { host, port })))
})

Layer.unwrap(Shop).pipe(Layer.launch, NodeRuntime.runMain)
