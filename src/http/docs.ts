import { Effect } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { type HttpApi, type HttpApiGroup, HttpApiScalar } from "effect/http-api"
import { paths } from "./paths.ts"

// The page holds its script itself, so nothing is fetched from elsewhere, and nothing may be.
const contentSecurityPolicy =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data:; font-src data:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** The contract as a page. Its script of 3 MB is loaded when the page is first asked for, not at the start. */
export const DocsRoute = <Id extends string, Groups extends HttpApiGroup.Constraint>(
  api: HttpApi.HttpApi<Id, Groups>
) =>
  HttpRouter.use(
    Effect.fnUntraced(function* (router) {
      const page = yield* Effect.cached(
        HttpRouter.toHttpEffect(HttpApiScalar.layer(api, { path: paths.docs, scalar: { withDefaultFonts: false } }))
      )
      yield* router.add(
        "GET",
        paths.docs,
        Effect.flatten(page).pipe(
          Effect.map(HttpServerResponse.setHeader("content-security-policy", contentSecurityPolicy))
        )
      )
    })
  )
