import { Clock, Context, Effect, Exit, Layer, Option, type Types } from "effect"
import { SecureRandom } from "effect/crypto"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { httpErrors } from "../api/errors.ts"
import { CurrentOrigin, type Origin } from "../domain/Origin.ts"
import { causeResponse, errorResponse } from "./errors.ts"

/** Whether the process is on its way out: what still comes in on open connections is refused (B9). */
export class Shutdown extends Context.Service<Shutdown, { begun: boolean }>()("rekey/http/Shutdown") {
  static readonly layer = Layer.sync(Shutdown, () => ({ begun: false }))
}

/** In bytes. */
export const largestBody = 64 * 1024

/** Headers that an answer has by its status. */
const headersFor = (status: number): Record<string, string> => {
  switch (status) {
    case 401:
      return { "www-authenticate": "Bearer" }
    case 429:
    case 503:
      return { "retry-after": "1" }
    default:
      return {}
  }
}

const originOf = (request: HttpServerRequest.HttpServerRequest, requestId: string): Origin => ({
  requestId: Option.some(requestId),
  clientAddress: request.remoteAddress,
  userAgent: Option.map(Option.fromUndefinedOr(request.headers["user-agent"]), (_) => _.slice(0, 500))
})

/** Around every request: an id, a line in the log, and an answer in the one shape whatever happens inside. */
export const Edge = HttpRouter.middleware(
  Effect.gen(function* () {
    const random = yield* SecureRandom.SecureRandom
    const shutdown = yield* Shutdown

    return (
      app
    ): Effect.Effect<HttpServerResponse.HttpServerResponse, Types.unhandled, HttpServerRequest.HttpServerRequest> =>
      Effect.gen(function* () {
        const requestId = yield* random.uuidV7()
        const origin = originOf(yield* HttpServerRequest.HttpServerRequest, requestId)
        return yield* answer(app, requestId, shutdown).pipe(
          Effect.provideService(CurrentOrigin, origin),
          Effect.annotateLogs({ requestId })
        )
      })
  }),
  { global: true }
)

const answer = Effect.fnUntraced(function* <E, R>(
  app: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>,
  requestId: string,
  shutdown: { readonly begun: boolean }
) {
  const request = yield* HttpServerRequest.HttpServerRequest
  const started = yield* Clock.currentTimeNanos
  const exit = yield* Effect.exit(
    shutdown.begun
      ? Effect.succeed(errorResponse(httpErrors.shuttingDown))
      : request.headers.host === undefined // RFC 9112, 3.2
        ? Effect.succeed(errorResponse(httpErrors.malformed))
        : Number(request.headers["content-length"] ?? 0) > largestBody
          ? Effect.succeed(errorResponse(httpErrors.payloadTooLarge)) // at once, whatever is still on its way (A7)
          : app
  )
  const { fault, response } = Exit.isSuccess(exit) ? { fault: false, response: exit.value } : causeResponse(exit.cause)
  if (fault && Exit.isFailure(exit)) yield* Effect.logError("A request met a fault.", exit.cause)

  // The router leaves the route that it found in the context. The pattern alone is logged: a path or a query may hold a code (D4).
  const route = Option.map(yield* Effect.serviceOption(HttpRouter.RouteContext), (_) => _.route.path)
  const millis = Number((yield* Clock.currentTimeNanos) - started) / 1e6
  yield* Effect.annotateLogs(Effect.logInfo("request"), {
    method: request.method,
    route: Option.getOrElse(route, () => "none"),
    status: response.status,
    millis: Math.round(millis * 10) / 10
  })
  return HttpServerResponse.setHeaders(response, {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...headersFor(response.status),
    ...response.headers,
    // Else the connection would hold the process up for as long as it is kept alive.
    ...(shutdown.begun && { connection: "close" }),
    "x-request-id": requestId
  })
})
