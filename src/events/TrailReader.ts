import { Context, type Effect, type Option } from "effect"
import type { Unavailable } from "../domain/Failure.ts"
import type { AuditEntry } from "../trail/AuditLog.ts"
import type { TrailPosition } from "./TrailPosition.ts"

/** What a look into the trail showed: entries that weren't seen before, and from where to look on. */
export interface TrailPage {
  readonly entries: ReadonlyArray<AuditEntry>
  readonly position: TrailPosition
  /** Whether there is more already. */
  readonly more: boolean
}

/** The audit trail, to be read on and on. */
export class TrailReader extends Context.Service<
  TrailReader,
  {
    /** The position before all that was written since then; its end, where nothing is said. */
    begin(since: Option.Option<Date>): Effect.Effect<TrailPosition, Unavailable>
    read(position: TrailPosition): Effect.Effect<TrailPage, Unavailable>
  }
>()("rekey/events/TrailReader") {}
