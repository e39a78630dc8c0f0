import { Context, type Effect, type Option } from "effect"
import type { Unavailable } from "../domain/Failure.ts"

/** A row of the audit trail. */
export interface AuditEntry {
  readonly id: bigint
  readonly at: Date
  readonly event: string
  readonly outcome: string
  readonly reason: string | null
  readonly actor: string
  readonly administrator: string | null
  readonly userId: string | null
  readonly requestId: string | null
  readonly clientAddress: string | null
  /** In words of ours; none where no request asked for it. */
  readonly device: string | null
}

/** What is asked for; of several conditions all hold. */
export interface AuditFilter {
  readonly userId: Option.Option<string>
  /** The event's name, or the beginning of it up to a dot: `mail` for all mails. */
  readonly event: Option.Option<string>
  readonly since: Option.Option<Date>
  readonly until: Option.Option<Date>
}

/** The audit trail, to be read. */
export class AuditLog extends Context.Service<
  AuditLog,
  {
    /** The newest, the oldest of them first. */
    last(filter: AuditFilter, limit: number): Effect.Effect<ReadonlyArray<AuditEntry>, Unavailable>
    /** Those behind the one with the id `after`, in the order of ids. */
    page(filter: AuditFilter, after: bigint, limit: number): Effect.Effect<ReadonlyArray<AuditEntry>, Unavailable>
  }
>()("rekey/trail/AuditLog") {}
