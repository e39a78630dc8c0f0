import { Context, Effect, Metric } from "effect"
import { type Backlog, refreshGauges } from "../background/Backlog.ts"
import type { Unavailable } from "../domain/Failure.ts"

/** The webhooks as an operator looks at them. */
export class WebhookStatistics extends Context.Service<
  WebhookStatistics,
  {
    /** What wasn't read from the trail yet counts for the oldest. */
    readonly backlog: Effect.Effect<Backlog, Unavailable>
  }
>()("rekey/events/WebhookStatistics") {}

const gauges = {
  waiting: Metric.gauge("rekey_webhooks_waiting", {
    description: "Events that wait to be told, of all processes together."
  }),
  retrying: Metric.gauge("rekey_webhooks_retrying", {
    description: "Events that wait after having been told and not taken."
  }),
  oldestSeconds: Metric.gauge("rekey_webhooks_oldest_seconds", {
    description: "How long the oldest event that waits has waited."
  }),
  dead: Metric.gauge("rekey_webhooks_dead", {
    description: "Events that were set aside in the last days, since they couldn't be told."
  })
}

/** Sets the gauges of webhooks to what the store says now, where there are webhooks; while it doesn't answer, there are none. */
export const refreshWebhookGauges: Effect.Effect<void> = Effect.flatMap(
  Effect.serviceOption(WebhookStatistics),
  (statistics) => (statistics._tag === "None" ? Effect.void : refreshGauges(gauges, statistics.value.backlog))
)
