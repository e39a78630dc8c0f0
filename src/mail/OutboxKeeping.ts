import { Context, type Effect, type Option } from "effect"
import type { Unavailable } from "../domain/Failure.ts"

/** Where a mail stands: it waits for its first or next try, a worker has it in hand, or how it ended. */
export type MailState = "waiting" | "in hand" | "sent" | "dropped" | "dead"

/** A mail as an operator may see it: neither its text nor what its code is made of. */
export interface KeptMail {
  readonly id: bigint
  readonly kind: string
  readonly recipient: string
  readonly state: MailState
  readonly attempts: number
  readonly createdAt: Date
  /** When it may be tried next, or how it ended. */
  readonly dueAt: Date
  readonly settledAt: Option.Option<Date>
}

/** The outbox as its operator needs it. The trail has what was dropped, with the actor `cli`. */
export class OutboxKeeping extends Context.Service<
  OutboxKeeping,
  {
    /** In the order in which they were queued. */
    list(page: {
      readonly states: ReadonlyArray<MailState>
      readonly after: bigint
      readonly limit: number
    }): Effect.Effect<ReadonlyArray<KeptMail>, Unavailable>

    /**
     * Has mails tried at once: those that wait for their next try, and dead notices once more. Gives the ids of those that will be. A dead
     * letter with a code is beyond that, since what its code was made of is erased.
     */
    retry(ids: ReadonlyArray<bigint>): Effect.Effect<ReadonlyArray<bigint>, Unavailable>

    /** Takes mails out that wait or are dead; gives their ids. One that a worker has in hand stays. */
    drop(ids: ReadonlyArray<bigint>): Effect.Effect<ReadonlyArray<bigint>, Unavailable>
  }
>()("rekey/mail/OutboxKeeping") {}
