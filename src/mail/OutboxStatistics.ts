import { Context, Effect, Metric } from "effect"
import type { Unavailable } from "../domain/Failure.ts"

/** How it stands with the mails that wait. */
export interface Backlog {
  readonly waiting: number
  /** Of those that wait, the ones that were tried and not taken. */
  readonly retrying: number
  /** 0 where none waits. */
  readonly oldestSeconds: number
}

/** The outbox as an operator looks at it. */
export class OutboxStatistics extends Context.Service<
  OutboxStatistics,
  {
    readonly backlog: Effect.Effect<Backlog, Unavailable>
  }
>()("rekey/mail/OutboxStatistics") {}

const waiting = Metric.gauge("rekey_outbox_waiting", {
  description: "Mails that wait to be sent, of all processes together."
})

const retrying = Metric.gauge("rekey_outbox_retrying", {
  description: "Mails that wait after having been tried and not taken."
})

const oldest = Metric.gauge("rekey_outbox_oldest_seconds", {
  description: "How long the oldest mail that waits has waited."
})

/** Sets the outbox's gauges to what the store says now; while it doesn't answer, there are none. */
export const refreshOutboxGauges: Effect.Effect<void, never, OutboxStatistics> = Effect.flatMap(
  OutboxStatistics,
  ({ backlog }) =>
    Effect.matchEffect(backlog, {
      onFailure: () => Effect.all([Metric.remove(waiting), Metric.remove(retrying), Metric.remove(oldest)]),
      onSuccess: (now) =>
        Effect.all([
          Metric.update(waiting, now.waiting),
          Metric.update(retrying, now.retrying),
          Metric.update(oldest, now.oldestSeconds)
        ])
    })
).pipe(Effect.asVoid)
