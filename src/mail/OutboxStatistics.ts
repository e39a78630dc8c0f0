import { Context, Effect, Metric } from "effect"
import type { Unavailable } from "../domain/Failure.ts"

/** How it stands with the mails that wait. */
export interface Backlog {
  readonly waiting: number
  /** Of those that wait, the ones that were tried and not taken. */
  readonly retrying: number
  /** 0 where none waits. */
  readonly oldestSeconds: number
  /** Set aside, since they couldn't be sent. */
  readonly dead: number
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

const dead = Metric.gauge("rekey_outbox_dead", {
  description: "Mails that were set aside in the last days, since they couldn't be sent."
})

/** Sets the outbox's gauges to what the store says now; while it doesn't answer, there are none. */
export const refreshOutboxGauges: Effect.Effect<void, never, OutboxStatistics> = Effect.flatMap(
  OutboxStatistics,
  ({ backlog }) =>
    Effect.matchEffect(backlog, {
      onFailure: () =>
        Effect.all([Metric.remove(waiting), Metric.remove(retrying), Metric.remove(oldest), Metric.remove(dead)]),
      onSuccess: (now) =>
        Effect.all([
          Metric.update(waiting, now.waiting),
          Metric.update(retrying, now.retrying),
          Metric.update(oldest, now.oldestSeconds),
          Metric.update(dead, now.dead)
        ])
    })
).pipe(Effect.asVoid)
