import { Effect, Option, type Redacted, Schema } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { HttpApiBuilder, HttpApiSecurity } from "effect/http-api"
import { PrometheusMetrics } from "effect/observability"
import { documentedUnauthenticated } from "../api/Authorization.ts"
import { Unauthenticated } from "../domain/Session.ts"
import { refreshWebhookGauges } from "../events/WebhookStatistics.ts"
import { type OutboxStatistics, refreshOutboxGauges } from "../mail/OutboxStatistics.ts"
import { errorResponse } from "./errors.ts"
import { paths } from "./paths.ts"
import { makeHolderOf } from "./tokens.ts"

const shownToken = HttpApiBuilder.securityDecode(HttpApiSecurity.bearer)

const encodeUnauthenticated = Schema.encodeEffect(documentedUnauthenticated)

/**
 * What there is to measure, in the text format of Prometheus, for whoever has the token. Not on a port of its own: a token goes
 * through the proxy and the TLS that are there already, and nothing more has to be opened, guarded or stopped.
 */
export const MetricsRoute = (token: Redacted.Redacted) =>
  HttpRouter.use(
    Effect.fnUntraced(function* (router) {
      const refresh = Effect.andThen(refreshOutboxGauges, refreshWebhookGauges).pipe(
        Effect.provideContext(yield* Effect.context<OutboxStatistics>())
      )
      const holderOf = yield* makeHolderOf([{ token }])

      yield* router.add(
        "GET",
        paths.metrics,
        Effect.gen(function* () {
          const holder = yield* holderOf(yield* shownToken)
          if (Option.isNone(holder))
            return errorResponse(yield* Effect.orDie(encodeUnauthenticated(new Unauthenticated())))
          yield* refresh
          return HttpServerResponse.text(yield* PrometheusMetrics.format(), {
            contentType: "text/plain; version=0.0.4; charset=utf-8"
          })
        })
      )
    })
  )
