import { METHODS } from "node:http"
import { Context, Deferred, Effect, Exit, Layer, Metric, Option, type Types } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { CurrentOrigin, type Origin } from "../domain/Origin.ts"
import { CurrentLanguage, fallback, type Language, UnderstoodLanguage, understood } from "../language/Language.ts"
import { clientAddress, type TrustedProxies } from "./clientAddress.ts"
import { causeResponse, httpErrorResponse } from "./errors.ts"
import { type CorsOrigins, corsHeaders, preflightAnswer, securityHeaders, varyHeader } from "./headers.ts"
import type { MethodsOf } from "./paths.ts"

/** Whether the process is on its way out: what still comes in on open connections is refused (B9). */
export class Shutdown extends Context.Service<
  Shutdown,
  {
    readonly begun: boolean
    /** Waits until it begins: for answers that have no end of their own. */
    readonly whenBegun: Effect.Effect<void>
    readonly begin: Effect.Effect<void>
  }
>()("rekey/http/Shutdown") {
  static readonly layer = Layer.effect(
    Shutdown,
    Effect.map(Deferred.make<void>(), (beginning) => {
      const shutdown = {
        begun: false,
        whenBegun: Deferred.await(beginning),
        begin: Effect.suspend(() => {
          shutdown.begun = true
          return Effect.asVoid(Deferred.succeed(beginning, undefined))
        })
      }
      return shutdown
    })
  )
}

/** In bytes. */
export const largestBody = 64 * 1024

/** Headers that an answer has by its status. */
export const headersFor = (status: number): Record<string, string> => {
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

const makeCounters = (route: string, method: string, status: string) => ({
  requests: Metric.counter("rekey_http_requests_total", {
    description: "Requests by route pattern, method and status.",
    attributes: { route, method, status },
    incremental: true
  }),
  durations: Metric.histogram("rekey_http_request_duration_seconds", {
    description: "From the request's head to its answer, by route pattern.",
    attributes: { route },
    boundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
  })
})

/** The counters of each route, method and status that was seen, made once: to name one costs more than to count. */
const makeCountersOf = () => {
  const made = new Map<string, ReturnType<typeof makeCounters>>()
  return (route: string, sent: string, status: string) => {
    const method = METHODS.includes(sent) ? sent : "_OTHER" // some runtimes let a client think one up
    const name = `${method} ${status} ${route}`
    const counters = made.get(name) ?? makeCounters(route, method, status)
    made.set(name, counters)
    return counters
  }
}

/** What the edge has to know of the surroundings. */
export interface EdgeOptions {
  readonly publicUrl: URL
  readonly trustedProxies: TrustedProxies
  readonly corsOrigins: CorsOrigins
  readonly methodsOf: MethodsOf
}

/** Where a request came from. */
export const originOf = (
  request: HttpServerRequest.HttpServerRequest,
  requestId: string,
  { trustedProxies }: Pick<EdgeOptions, "trustedProxies">
): Origin => ({
  requestId: Option.some(requestId),
  clientAddress: clientAddress(request.peerAddress, request.headers, trustedProxies),
  userAgent: Option.map(Option.fromUndefinedOr(request.headers["user-agent"]), (_) => _.slice(0, 500))
})

/** The language that a request is answered in, and work with it and with the one that was asked for. */
export const languagesOf = ({ headers }: HttpServerRequest.HttpServerRequest) => {
  const asked = understood(headers["accept-language"])
  const language = asked ?? fallback
  return {
    language,
    // One after the other: a whole context at once is a copy of all services, for each request.
    provided: <A, E, R>(work: Effect.Effect<A, E, R>) =>
      work.pipe(Effect.provideService(UnderstoodLanguage, asked), Effect.provideService(CurrentLanguage, language))
  }
}

/** In which language an answer speaks, for its reader and for caches: an error is words; a page says itself in which language it is. */
export const languageHeaders = (
  { headers, status }: HttpServerResponse.HttpServerResponse,
  language: Language,
  corsOrigins: CorsOrigins
): Record<string, string> => {
  const spoken = headers["content-language"] ?? (status >= 400 ? language : undefined)
  return {
    ...(spoken !== undefined && { "content-language": spoken }),
    ...varyHeader(corsOrigins, spoken !== undefined)
  }
}

/**
 * HTTP/1.1 asks for one host (RFC 9112, 3.2); the health checks of some proxies speak HTTP/1.0, which asks for none. Of several Node tells
 * the first alone, and a proxy may have believed another. A `Request` has it in its URL.
 */
const lacksOneHost = ({ headers, source }: HttpServerRequest.HttpServerRequest): boolean =>
  (headers.host === undefined && "httpVersion" in source && source.httpVersion !== "1.0") ||
  ("rawHeaders" in source &&
    Array.isArray(source.rawHeaders) &&
    source.rawHeaders.filter((name, index) => index % 2 === 0 && /^host$/i.test(name)).length > 1)

/** Around every request: an id, a line in the log, and an answer in the one shape whatever happens inside. */
export const Edge = (options: EdgeOptions) =>
  HttpRouter.middleware(
    Effect.gen(function* () {
      const surroundings = {
        ...options,
        shutdown: yield* Shutdown,
        headers: securityHeaders(options),
        countersOf: makeCountersOf()
      }

      return (
        app
      ): Effect.Effect<HttpServerResponse.HttpServerResponse, Types.unhandled, HttpServerRequest.HttpServerRequest> =>
        Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
          const requestId = crypto.randomUUID()
          const { language, provided } = languagesOf(request)
          return answer(app, request, requestId, language, surroundings).pipe(
            provided,
            Effect.provideService(CurrentOrigin, originOf(request, requestId, options)),
            Effect.annotateLogs({ requestId })
          )
        })
    }),
    { global: true }
  )

interface Surroundings extends EdgeOptions {
  readonly shutdown: { readonly begun: boolean }
  readonly headers: Record<string, string>
  readonly countersOf: ReturnType<typeof makeCountersOf>
}

const answer = Effect.fnUntraced(function* <E, R>(
  app: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>,
  request: HttpServerRequest.HttpServerRequest,
  requestId: string,
  language: Language,
  { countersOf, headers, shutdown, ...options }: Surroundings
) {
  const started = performance.now()
  const exit = yield* Effect.exit(
    shutdown.begun
      ? Effect.succeed(httpErrorResponse("shuttingDown", language))
      : lacksOneHost(request)
        ? Effect.succeed(httpErrorResponse("malformed", language))
        : Number(request.headers["content-length"] ?? 0) > largestBody
          ? Effect.succeed(httpErrorResponse("payloadTooLarge", language)) // at once, whatever is still on its way (A7)
          : Option.match(preflightAnswer(options.corsOrigins, request, options.methodsOf), {
              onNone: () => app,
              onSome: Effect.succeed
            })
  )
  const { fault, response } = Exit.isSuccess(exit)
    ? { fault: false, response: exit.value }
    : causeResponse(exit.cause, options.methodsOf, language)
  if (fault && Exit.isFailure(exit)) yield* Effect.logError("A request met a fault.", exit.cause)

  // The router leaves the route that it found in the context. The pattern alone is logged: a path or a query may hold a code (D4).
  const route = Option.match(yield* Effect.serviceOption(HttpRouter.RouteContext), {
    onNone: () => "none",
    onSome: ({ route }) => route.path
  })
  const { method } = request
  const { status } = response
  const millis = performance.now() - started
  const { durations, requests } = countersOf(route, method, String(status))
  yield* Metric.update(requests, 1)
  yield* Metric.update(durations, millis / 1000)
  yield* Effect.annotateLogs(Effect.logInfo("request"), {
    method,
    route,
    status,
    millis: Math.round(millis * 10) / 10
  })
  return HttpServerResponse.setHeaders(response, {
    ...headers,
    ...corsHeaders(options.corsOrigins, request),
    ...languageHeaders(response, language, options.corsOrigins),
    ...headersFor(status),
    ...response.headers,
    // Else the connection would hold the process up for as long as it is kept alive.
    ...(shutdown.begun && { connection: "close" }),
    "x-request-id": requestId
  })
})
