import { Option } from "effect"
import { type HttpServerRequest, HttpServerResponse } from "effect/http"
import type { MethodsOf } from "./paths.ts"

/** What every answer has, whatever it is an answer to. `publicUrl` says whether people come by https. */
export const securityHeaders = ({ publicUrl }: { readonly publicUrl: URL }): Record<string, string> => ({
  "cache-control": "no-store",
  // Keeps answers out of other sites' pages, as images and the like. It has no say in what CORS allows.
  "cross-origin-resource-policy": "same-origin",
  "x-content-type-options": "nosniff",
  // A year (RFC 6797), and not for subdomains, which aren't ours to speak for.
  ...(publicUrl.protocol === "https:" && { "strict-transport-security": "max-age=31536000" })
})

/** Origins whose pages may call the API from a browser, each exactly as browsers send it. */
export type CorsOrigins = ReadonlyArray<string>

const allows = (origins: CorsOrigins, { headers }: HttpServerRequest.HttpServerRequest): boolean =>
  headers.origin !== undefined && origins.includes(headers.origin)

/**
 * Lets pages of the listed origins read an answer; to all others it stays closed. Never with cookies: a bearer token is sent by
 * whoever has it.
 */
export const corsHeaders = (
  origins: CorsOrigins,
  request: HttpServerRequest.HttpServerRequest
): Record<string, string | undefined> => ({
  ...(allows(origins, request) && {
    "access-control-allow-origin": request.headers.origin,
    "access-control-expose-headers":
      "x-request-id, retry-after, ratelimit-limit, ratelimit-remaining, ratelimit-reset, www-authenticate"
  })
})

/** What of a request an answer depends on, for caches (RFC 9110, 12.5.5): whose page asks, and what its reader understands. */
export const varyHeader = (origins: CorsOrigins, hasWords: boolean): Record<string, string> => {
  const vary = [...(origins.length > 0 ? ["Origin"] : []), ...(hasWords ? ["Accept-Language"] : [])]
  return vary.length > 0 ? { vary: vary.join(", ") } : {}
}

/** The answer to a browser that asks whether a page of a listed origin may send a request. */
export const preflightAnswer = (
  origins: CorsOrigins,
  request: HttpServerRequest.HttpServerRequest,
  methodsOf: MethodsOf
): Option.Option<HttpServerResponse.HttpServerResponse> => {
  const asks = request.method === "OPTIONS" && request.headers["access-control-request-method"] !== undefined
  const methods = asks && allows(origins, request) ? methodsOf(request.url) : []
  return methods.length === 0
    ? Option.none()
    : Option.some(
        HttpServerResponse.empty({
          status: 204,
          headers: {
            "access-control-allow-methods": methods.join(", "),
            "access-control-allow-headers": "content-type, authorization",
            "access-control-max-age": "600"
          }
        })
      )
}
