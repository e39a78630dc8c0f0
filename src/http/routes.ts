import { ByteSize, Layer } from "effect"
import { HttpIncomingMessage, HttpMiddleware } from "effect/http"
import { type HttpApi, HttpApiBuilder, type HttpApiGroup } from "effect/http-api"
import { Api, PublicApi } from "../api/Api.ts"
import { AdministrationHandlers, AdministrationLayer, type Administrators } from "./Administration.ts"
import { AuthorizationLayer } from "./Authorization.ts"
import { AccountHandlers } from "./accounts.ts"
import { DocsRoute } from "./docs.ts"
import { Edge, type EdgeOptions, largestBody } from "./edge.ts"
import { RateLimitsLayer } from "./limits.ts"
import { ConfirmEmailPage } from "./pages/confirmEmail.ts"
import { ResetPasswordPage } from "./pages/resetPassword.ts"
import { methodsIn, paths } from "./paths.ts"
import { RequestsLayer } from "./Requests.ts"
import { RecoveryHandlers } from "./recovery.ts"
import { SystemHandlers } from "./system.ts"

interface RoutesOptions extends Omit<EdgeOptions, "methodsOf"> {
  readonly administrators: Administrators
}

/** The contract as it is served, and its description. */
const served = <Id extends string, Groups extends HttpApiGroup.Constraint>(api: HttpApi.HttpApi<Id, Groups>) =>
  Layer.merge(HttpApiBuilder.layer(api, { openapiPath: paths.openapi }), DocsRoute(api))

/** Without administrators there is no door for them, and nobody is told of one. */
const ApiRoutes = ({ administrators }: RoutesOptions) =>
  (administrators.length > 0 ? served(Api) : served(PublicApi)).pipe(
    Layer.provide([RecoveryHandlers, AccountHandlers, AdministrationHandlers, SystemHandlers]),
    Layer.provide([AdministrationLayer(administrators), AuthorizationLayer, RateLimitsLayer, RequestsLayer])
  )

const servedMethods = ({ administrators }: Pick<RoutesOptions, "administrators">) =>
  methodsIn(administrators.length > 0 ? Api : PublicApi)

/** Everything that is served, but the development inbox. */
export const Routes = (options: RoutesOptions) =>
  Layer.mergeAll(
    ApiRoutes(options),
    ResetPasswordPage(options),
    ConfirmEmailPage(options),
    Edge({ ...options, methodsOf: servedMethods(options) })
  )

/** How requests are treated: bodies of 64 KiB at most, and no span of a URL that may hold a code, in its query or as its path (D4). */
export const RequestSettings = (options: Pick<RoutesOptions, "administrators">) => {
  const methodsOf = servedMethods(options)
  return Layer.mergeAll(
    Layer.succeed(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(largestBody)),
    Layer.succeed(
      HttpMiddleware.TracerDisabledWhen,
      (request) => request.url.includes("?") || methodsOf(request.url).length === 0
    )
  )
}
