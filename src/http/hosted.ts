import { ByteSize, Cause, Effect, Layer } from "effect"
import { HttpEffect, HttpIncomingMessage, HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import type { HttpApi, HttpApiGroup } from "effect/http-api"
import { Api } from "../api/Api.ts"
import type { Authorization } from "../api/Authorization.ts"
import { Requests } from "../api/Requests.ts"
import { CurrentOrigin } from "../domain/Origin.ts"
import { CurrentLanguage } from "../language/Language.ts"
import { AdministrationHandlers, AdministrationLayer, type Administrators } from "./Administration.ts"
import { AuthorizationLayer } from "./Authorization.ts"
import { AccountHandlers } from "./accounts.ts"
import type { TrustedProxies } from "./clientAddress.ts"
import { headersFor, languageHeaders, languagesOf, largestBody, originOf } from "./edge.ts"
import { causeResponse } from "./errors.ts"
import { securityHeaders } from "./headers.ts"
import { RateLimitsLayer } from "./limits.ts"
import { RequestsLayer } from "./Requests.ts"
import { RecoveryHandlers } from "./recovery.ts"
import { SystemHandlers } from "./system.ts"

interface HostedOptions {
  readonly publicUrl: URL
  readonly trustedProxies: TrustedProxies
  readonly administrators: Administrators
}

/**
 * The language of every request, the application's too, which may have errors of ours. Around the router, since an endpoint's errors
 * become words outside of what is around its handler.
 */
const Languages = HttpRouter.middleware(
  (app) => Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => languagesOf(request).provided(app)),
  { global: true }
)

/** A body that can't be read, or a fault of ours, is answered in the one shape: the application's edge would answer in its own. */
const inOneShape = Effect.catchDefect(
  Effect.fnUntraced(function* (defect: unknown) {
    const { fault, response } = causeResponse(Cause.die(defect), () => [], yield* CurrentLanguage)
    if (fault) yield* Effect.logError("A request met a fault.", defect)
    return response
  })
)

/** What the edge does around every request of ours, where the edge is somebody else's. */
const HostedRequests = (options: HostedOptions) =>
  Layer.effect(
    Requests,
    Effect.gen(function* () {
      const requests = yield* Requests
      const always = securityHeaders(options)
      return Requests.of((httpEffect, endpoint) =>
        Effect.gen(function* () {
          const request = yield* HttpServerRequest.HttpServerRequest
          const language = yield* CurrentLanguage
          const requestId = crypto.randomUUID()
          return yield* HttpEffect.appendPreResponseHandler((_, response) =>
            Effect.succeed(
              HttpServerResponse.setHeaders(response, {
                ...always,
                ...languageHeaders(response, language, []), // whose pages may ask is the application's to say
                ...headersFor(response.status),
                ...response.headers,
                "x-request-id": requestId
              })
            )
          ).pipe(
            Effect.andThen(inOneShape(requests(httpEffect, endpoint))),
            Effect.provideService(CurrentOrigin, originOf(request, requestId, options)),
            Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(largestBody)),
            Effect.annotateLogs({ requestId })
          )
        })
      )
    })
  ).pipe(Layer.provide(RequestsLayer))

type Contract = typeof Api extends HttpApi.HttpApi<infer _Id, infer Groups> ? Groups : never

const pathsIn = ({ endpoints }: Pick<HttpApiGroup.Top, "endpoints">) =>
  Object.values(endpoints).map(({ method, path }) => `${method} ${path}`)

/** Ours have the paths of the contract, and would not be where a prefix says that they are. */
const isMoved = ({ groups }: { readonly groups: Readonly<Record<string, unknown>> }) =>
  Object.entries(Api.groups).some(([name, ours]) => {
    const theirs = groups[name] as HttpApiGroup.Top | undefined
    return theirs !== undefined && pathsIn(theirs).join() !== pathsIn(ours).join()
  })

/**
 * The handlers of our groups as those of `api`, which has them by `addHttpApi`: what a group provides is named by its own name. What
 * stands around our endpoints comes along, for those of the application's that ask for it.
 */
export const HostedHandlers = <Id extends string, Groups extends HttpApiGroup.Constraint>(
  api: HttpApi.HttpApi<Id, Groups>,
  options: HostedOptions
) => {
  const Handlers = Layer.mergeAll(RecoveryHandlers, AccountHandlers, AdministrationHandlers, SystemHandlers).pipe(
    Layer.provide([AdministrationLayer(options.administrators), RateLimitsLayer]),
    Layer.provideMerge([AuthorizationLayer, HostedRequests(options)])
  )
  const Checked = Layer.effectDiscard(
    Effect.suspend(() =>
      isMoved(api) ? Effect.die(new Error("The groups of Rekey are mounted without a prefix.")) : Effect.void
    )
  )
  const handlers: Layer.Layer<
    Authorization | Requests,
    Layer.Error<typeof Handlers>,
    Layer.Services<typeof Handlers> | HttpRouter.HttpRouter
  > = Layer.mergeAll(Handlers, Languages, Checked)
  // The types name a group's handlers by their `HttpApi` too; at run time the group's own name is their key.
  return handlers as Layer.Layer<
    HttpApiGroup.ToService<Id, Contract> | Authorization | Requests,
    Layer.Error<typeof handlers>,
    Layer.Services<typeof handlers>
  >
}
