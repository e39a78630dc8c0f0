import { ByteSize, Layer, Option } from "effect"
import { HttpIncomingMessage, HttpMiddleware } from "effect/http"
import { type HttpApi, HttpApiBuilder, type HttpApiGroup } from "effect/http-api"
import { Api, PublicApi } from "../api/Api.ts"
import { AdministrationHandlers, AdministrationLayer, type Administrators } from "./Administration.ts"
import { AuthorizationLayer } from "./Authorization.ts"
import { AccountHandlers } from "./accounts.ts"
import { DocsRoute } from "./docs.ts"
import { Edge, type EdgeOptions, largestBody } from "./edge.ts"
import { RateLimitsLayer } from "./limits.ts"
import type { Branding } from "./pages/Branding.ts"
import { Pages } from "./pages/routes.ts"
import { methodsIn, paths } from "./paths.ts"
import { RequestsLayer } from "./Requests.ts"
import { RecoveryHandlers } from "./recovery.ts"
import { SystemHandlers } from "./system.ts"

interface RoutesOptions extends Omit<EdgeOptions, "methodsOf"> {
  readonly administrators: Administrators
  readonly appName: string
  readonly registration: boolean
  /** None: a team has pages of its own. */
  readonly pages: Option.Option<Branding>
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

const servedMethods = ({ administrators, pages }: Pick<RoutesOptions, "administrators" | "pages">) =>
  methodsIn(administrators.length > 0 ? Api : PublicApi, { pages: Option.isSome(pages) })

/** Everything that is served, but the development inbox. */
export const Routes = (options: RoutesOptions) =>
  Layer.mergeAll(
    ApiRoutes(options),
    Option.match(options.pages, { onNone: () => Layer.empty, onSome: (branding) => Pages({ ...options, branding }) }),
    Edge({ ...options, methodsOf: servedMethods(options) })
  )

/** How requests are treated: bodies of 64 KiB at most, and no span of a URL that may hold a code, in its query or as its path (D4). */
export const RequestSettings = (options: Pick<RoutesOptions, "administrators" | "pages">) => {
  const methodsOf = servedMethods(options)
  return Layer.mergeAll(
    Layer.succeed(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(largestBody)),
    Layer.succeed(
      HttpMiddleware.TracerDisabledWhen,
      (request) => request.url.includes("?") || methodsOf(request.url).length === 0
    )
  )
}
