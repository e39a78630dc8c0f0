import { Context, Effect, Layer, type Redacted } from "effect"
import type { HttpClient } from "effect/http"
import { HttpClientRequest } from "effect/http"
import { HttpApiClient, HttpApiMiddleware } from "effect/http-api"
import { Administration } from "./Administration.ts"
import { Api } from "./Api.ts"
import { Authorization } from "./Authorization.ts"

/** Where the token of a request comes from, asked anew by each request that needs one. */
export interface RekeyClientOptions {
  /** Where the service is, such as `https://accounts.example.com`. */
  readonly url: URL | string
  /** The bearer token: of a session, or of an administrator. */
  readonly token: Effect.Effect<Redacted.Redacted>
}

/**
 * A client for Effect programs: a function for each endpoint, in the groups of the contract, which takes and gives the domain's
 * own values and fails with its own errors. What nobody documented, an answer of a proxy say, is an `HttpClientError`.
 */
export class RekeyClient extends Context.Service<RekeyClient, HttpApiClient.ForApi<typeof Api>>()(
  "rekey/api/RekeyClient"
) {
  static readonly layer = ({
    token,
    url
  }: RekeyClientOptions): Layer.Layer<RekeyClient, never, HttpClient.HttpClient> =>
    Layer.effect(RekeyClient, HttpApiClient.make(Api, { baseUrl: url })).pipe(
      Layer.provide([
        HttpApiMiddleware.layerClient(Authorization, ({ next, request }) =>
          Effect.flatMap(token, (token) => next(HttpClientRequest.bearerToken(request, token)))
        ),
        HttpApiMiddleware.layerClient(Administration, ({ next, request }) =>
          Effect.flatMap(token, (token) => next(HttpClientRequest.bearerToken(request, token)))
        )
      ])
    )
}
