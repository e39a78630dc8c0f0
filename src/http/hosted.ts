import { ByteSize, Effect, Layer } from "effect"
import { HttpEffect, HttpIncomingMessage, HttpServerRequest, HttpServerResponse } from "effect/http"
import type { HttpApi, HttpApiGroup } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { Requests } from "../api/Requests.ts"
import { CurrentOrigin } from "../domain/Origin.ts"
import { AdministrationHandlers, AdministrationLayer, type Administrators } from "./Administration.ts"
import { AuthorizationLayer } from "./Authorization.ts"
import { AccountHandlers } from "./accounts.ts"
import type { TrustedProxies } from "./clientAddress.ts"
import { headersFor, largestBody, originOf } from "./edge.ts"
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

/** What the edge does around every request of ours, where the edge is somebody else's. */
const HostedRequests = (options: HostedOptions) =>
  Layer.effect(
    Requests,
    Effect.gen(function* () {
      const requests = yield* Requests
      const always = securityHeaders(options)
      return Requests.of((httpEffect, endpoint) =>
        Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
          const requestId = crypto.randomUUID()
          return HttpEffect.appendPreResponseHandler((_, response) =>
            Effect.succeed(
              HttpServerResponse.setHeaders(response, {
                ...always,
                ...headersFor(response.status),
                ...response.headers,
                "x-request-id": requestId
              })
            )
          ).pipe(
            Effect.andThen(requests(httpEffect, endpoint)),
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

/** The handlers of our groups as those of `api`, which has them by `addHttpApi`: what a group provides is named by its own name. */
export const HostedHandlers = <Id extends string, Groups extends HttpApiGroup.Constraint>(
  api: HttpApi.HttpApi<Id, Groups>,
  options: HostedOptions
) => {
  const Handlers = Layer.mergeAll(RecoveryHandlers, AccountHandlers, AdministrationHandlers, SystemHandlers).pipe(
    Layer.provide([
      AdministrationLayer(options.administrators),
      AuthorizationLayer,
      RateLimitsLayer,
      HostedRequests(options)
    ])
  )
  const Checked = Layer.effectDiscard(
    Effect.suspend(() =>
      isMoved(api) ? Effect.die(new Error("The groups of Rekey are mounted without a prefix.")) : Effect.void
    )
  )
  const handlers: Layer.Layer<never, Layer.Error<typeof Handlers>, Layer.Services<typeof Handlers>> = Layer.merge(
    Handlers,
    Checked
  )
  // The types name a group's handlers by their `HttpApi` too; at run time the group's own name is their key.
  return handlers as Layer.Layer<
    HttpApiGroup.ToService<Id, Contract>,
    Layer.Error<typeof handlers>,
    Layer.Services<typeof handlers>
  >
}
