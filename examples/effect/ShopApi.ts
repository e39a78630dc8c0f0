import { Authorization, PublicApi, Requests } from "@rekey/server/api"
import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"

/** For those who are signed in. */
class CustomersApi extends HttpApiGroup.make("customers")
  .add(
    HttpApiEndpoint.get("me", "/customers/me", {
      success: Schema.Struct({ number: Schema.Int, name: Schema.String })
    })
  )
  .middleware(Authorization)
  .middleware(Requests) {}

/** The shop's own endpoints, and Rekey's beside them. */
export class ShopApi extends HttpApi.make("shop").add(CustomersApi).addHttpApi(PublicApi) {}
