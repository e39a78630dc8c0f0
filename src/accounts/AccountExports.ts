import { Context, Effect, Layer, Option } from "effect"
import type { AccountEvent, EventCursor } from "../domain/AccountEvent.ts"
import { AccountExport } from "../domain/AccountExport.ts"
import type { Unavailable } from "../domain/Failure.ts"
import { Unauthenticated } from "../domain/Session.ts"
import type { UserId } from "../domain/User.ts"
import { AccountEvents } from "./AccountEvents.ts"
import { AccountRecords } from "./AccountRecords.ts"
import { type Authenticated, Sessions } from "./Sessions.ts"

/** Events that are read at once. */
const pageSize = 1000

/** All that is held on an account, for whoever owns it. */
export class AccountExports extends Context.Service<
  AccountExports,
  {
    of(authenticated: Authenticated): Effect.Effect<AccountExport, Unauthenticated | Unavailable>
  }
>()("rekey/accounts/AccountExports") {
  static readonly layer = Layer.effect(
    AccountExports,
    Effect.gen(function* () {
      const records = yield* AccountRecords
      const sessions = yield* Sessions
      const events = yield* AccountEvents

      const everyEvent = Effect.fnUntraced(function* (id: UserId) {
        const all: Array<AccountEvent> = []
        let cursor = Option.none<EventCursor>()
        do {
          const page = yield* events.before(id, cursor, pageSize)
          all.push(...page.events)
          cursor = Option.fromNullOr(page.next)
        } while (Option.isSome(cursor))
        return all
      })

      const of = Effect.fn("AccountExports.of")(function* (authenticated: Authenticated) {
        const { id } = authenticated.user
        const held = yield* records.export(id)
        if (Option.isNone(held)) return yield* new Unauthenticated()
        return new AccountExport({
          ...held.value,
          sessions: yield* sessions.list(authenticated),
          events: yield* everyEvent(id)
        })
      })

      return AccountExports.of({ of })
    })
  )
}
