import { Effect, Redacted, Schema } from "effect"
import { Digest, Mac } from "effect/crypto"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { documentedUnauthenticated } from "../api/Authorization.ts"
import { Unauthenticated } from "../domain/Session.ts"
import { OutboxStatistics, refreshOutboxGauges } from "../mail/OutboxStatistics.ts"
import { errorResponse } from "./errors.ts"
import { paths } from "./paths.ts"

const unauthenticated = Schema.encodeSync(documentedUnauthenticated)(new Unauthenticated())

/**
 * What there is to measure, in the text format of Prometheus, for whoever has the token. Not on a port of its own: a token goes
 * through the proxy and the TLS that are there already, and nothing more has to be opened, guarded or stopped.
 */
export const MetricsRoute = (token: Redacted.Redacted) =>
  HttpRouter.use(
    Effect.fnUntraced(function* (router) {
      const statistics = yield* OutboxStatistics
      const digest = yield* Digest.Digest
      // Hashes have one length, so that the comparison tells nothing of the token, not even its own (ASVS 5.0, 11.2.4).
      const hash = (text: string) => Effect.orDie(digest.digest(Digest.sha256, new TextEncoder().encode(text)))
      const expected = yield* hash(`Bearer ${Redacted.value(token)}`)

      yield* router.add(
        "GET",
        paths.metrics,
        Effect.fnUntraced(function* ({ headers }) {
          const shown = yield* hash((headers.authorization ?? "").replace(/^bearer /i, "Bearer "))
          if (!Mac.timingSafeEqual(shown, expected)) return errorResponse(unauthenticated)
          yield* Effect.provideService(refreshOutboxGauges, OutboxStatistics, statistics)
          return HttpServerResponse.text(yield* PrometheusMetrics.format(), {
            contentType: "text/plain; version=0.0.4; charset=utf-8"
          })
        })
      )
    })
  )
