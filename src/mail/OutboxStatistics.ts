import { Context, Effect, Metric } from "effect"
import { type Backlog, refreshGauges } from "../background/Backlog.ts"
import type { Unavailable } from "../domain/Failure.ts"

/** The outbox as an operator looks at it. */
export class OutboxStatistics extends Context.Service<
  OutboxStatistics,
  {
    readonly backlog: Effect.Effect<Backlog, Unavailable>
  }
>()("rekey/mail/OutboxStatistics") {}

const gauges = {
  waiting: Metric.gauge("rekey_outbox_waiting", {
    description: "Mails that wait to be sent, of all processes together."
  }),
  retrying: Metric.gauge("rekey_outbox_retrying", {
    description: "Mails that wait after having been tried and not taken."
  }),
  oldestSeconds: Metric.gauge("rekey_outbox_oldest_seconds", {
    description: "How long the oldest mail that waits has waited."
  }),
  dead: Metric.gauge("rekey_outbox_dead", {
    description: "Mails that were set aside in the last days, since they couldn't be sent."
  })
}

/** Sets the outbox's gauges to what the store says now; while it doesn't answer, there are none. */
export const refreshOutboxGauges: Effect.Effect<void, never, OutboxStatistics> = Effect.flatMap(
  OutboxStatistics,
  ({ backlog }) => refreshGauges(gauges, backlog)
)
