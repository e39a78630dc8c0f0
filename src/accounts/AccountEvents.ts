import { Context, type Effect, type Option } from "effect"
import type { AccountEvent, EventCursor } from "../domain/AccountEvent.ts"
import type { Unavailable } from "../domain/Failure.ts"
import type { UserId } from "../domain/User.ts"

/** What happened to an account, for its owner. */
export class AccountEvents extends Context.Service<
  AccountEvents,
  {
    /**
     * The account's newest events before `before`, the newest first: so many, and those of the very time of the last. `next` is where
     * the next page begins; null where there may be none.
     *
     * What the service itself does behind the doors isn't among them: what becomes of a request that names somebody's address would
     * tell whether that has an account (C6).
     */
    before(
      id: UserId,
      before: Option.Option<EventCursor>,
      limit: number
    ): Effect.Effect<{ readonly events: ReadonlyArray<AccountEvent>; readonly next: EventCursor | null }, Unavailable>
  }
>()("rekey/accounts/AccountEvents") {}
