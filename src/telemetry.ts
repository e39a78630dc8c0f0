import { Config, ConfigProvider, Effect, Layer, Option, References, Schedule } from "effect"
import { FetchHttpClient } from "effect/http"
import { Otlp, OtlpSerialization } from "effect/observability"
import { refreshWebhookGauges } from "./events/WebhookStatistics.ts"
import { type OutboxStatistics, refreshOutboxGauges } from "./mail/OutboxStatistics.ts"

/**
 * What the OpenTelemetry specification sets where nobody does: with an endpoint alone, traces and metrics are sent. Logs go to
 * standard error, and nowhere else unless `OTEL_LOGS_EXPORTER=otlp` asks for it.
 */
const defaults = ConfigProvider.fromUnknown({
  OTEL_SERVICE_NAME: "rekey",
  OTEL_TRACES_EXPORTER: "otlp",
  OTEL_METRICS_EXPORTER: "otlp"
})

/** Whether something is sent, of this kind: an endpoint is set for it, or for all. */
const isSent = (kind: "TRACES" | "METRICS") =>
  Effect.gen(function* () {
    const endpoints = [
      yield* Config.option(Config.String("OTEL_EXPORTER_OTLP_ENDPOINT")),
      yield* Config.option(Config.String(`OTEL_EXPORTER_OTLP_${kind}_ENDPOINT`))
    ]
    return endpoints.some(Option.isSome)
  })

/** Spans that nobody gets aren't made. */
const Spans = Layer.unwrap(
  Effect.map(isSent("TRACES"), (sent) => (sent ? Layer.empty : Layer.succeed(References.TracerEnabled, false)))
)

/** Sends traces and metrics to `OTEL_EXPORTER_OTLP_ENDPOINT`, as JSON over HTTP; nothing where that isn't set. */
export const Telemetry = Otlp.layerFromConfig().pipe(
  Layer.provide([OtlpSerialization.layerJson, FetchHttpClient.layer]),
  Layer.provide(
    Layer.effect(
      ConfigProvider.ConfigProvider,
      Effect.map(ConfigProvider.ConfigProvider, (set) => ConfigProvider.orElse(set, defaults))
    )
  ),
  Layer.merge(Spans)
)

/** Keeps the gauges fresh that stand for rows of the database, where they are sent without anybody asking. */
export const SentGauges: Layer.Layer<never, Config.ConfigError, OutboxStatistics> = Layer.unwrap(
  Effect.map(isSent("METRICS"), (sent) => {
    const refresh = Effect.andThen(refreshOutboxGauges, refreshWebhookGauges)
    const keepFresh = Effect.forkScoped(Effect.repeat(refresh, Schedule.spaced("15 seconds")))
    return sent ? Layer.effectDiscard(keepFresh) : Layer.empty
  })
)
