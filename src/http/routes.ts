import { ByteSize, Layer } from "effect"
import { HttpIncomingMessage, HttpMiddleware } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { AuthorizationLayer } from "./Authorization.ts"
import { AccountHandlers } from "./accounts.ts"
import { DocsRoute } from "./docs.ts"
import { Edge, type EdgeOptions, largestBody } from "./edge.ts"
import { RateLimitsLayer } from "./limits.ts"
import { ConfirmEmailPage } from "./pages/confirmEmail.ts"
import { ResetPasswordPage } from "./pages/resetPassword.ts"
import { methodsOf, paths } from "./paths.ts"
import { RequestsLayer } from "./Requests.ts"
import { RecoveryHandlers } from "./recovery.ts"
import { SystemHandlers } from "./system.ts"

const ApiRoutes = HttpApiBuilder.layer(Api, { openapiPath: paths.openapi }).pipe(
  Layer.provide([RecoveryHandlers, AccountHandlers, SystemHandlers]),
  Layer.provide([AuthorizationLayer, RateLimitsLayer, RequestsLayer])
)

/** Everything that is served, but the development inbox. */
export const Routes = (options: EdgeOptions) =>
  Layer.mergeAll(ApiRoutes, DocsRoute, ResetPasswordPage(options), ConfirmEmailPage(options), Edge(options))

/** How requests are treated: bodies of 64 KiB at most, and no span of a URL that may hold a code, in its query or as its path (D4). */
export const RequestSettings = Layer.mergeAll(
  Layer.succeed(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(largestBody)),
  Layer.succeed(
    HttpMiddleware.TracerDisabledWhen,
    (request) => request.url.includes("?") || methodsOf(request.url).length === 0
  )
)
