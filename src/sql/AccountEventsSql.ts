import { Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { AccountEvents } from "../accounts/AccountEvents.ts"
import { AccountEvent, EventCursor } from "../domain/AccountEvent.ts"
import { Database } from "./Database.ts"
import { allRows } from "./Rows.ts"

const eventRows = allRows(
  Schema.Struct({
    at: Schema.Date,
    cursor: EventCursor,
    event: Schema.String,
    outcome: Schema.String,
    reason: Schema.NullOr(Schema.String),
    actor: Schema.String,
    device: Schema.NullOr(Schema.String),
    clientAddress: Schema.NullOr(Schema.String),
    requestId: Schema.NullOr(Schema.String)
  })
)

/** An account's own rows of the table `audit`. */
export const layer = Layer.effect(
  AccountEvents,
  Effect.gen(function* () {
    const database = yield* Database
    const sql = yield* SqlClient.SqlClient

    const before: AccountEvents["Service"]["before"] = Effect.fn("AccountEvents.before")(function* (id, cursor, limit) {
      // By time, since ids are counted over all accounts, and their gaps would tell what happens to others. Rows of one moment stay
      // together, so that none falls between two pages. Where helpers and operators work is their own affair.
      const rows = yield* eventRows(sql`
        select a.at, (extract(epoch from a.at) * 1000000)::bigint::text as cursor, a.event, a.outcome, a.reason, a.actor,
          case when a.actor in ('owner', 'anonymous') then a.device end as device,
          case when a.actor in ('owner', 'anonymous') then a.client_address end as client_address,
          a.request_id
        from audit a
        where a.user_id = ${id} and a.actor <> 'system' and a.event not like 'mail.%' and a.event <> 'webhook'
          and a.at < timestamptz 'epoch' + ${Option.getOrElse(cursor, () => end)}::bigint * interval '1 microsecond'
        order by a.at desc
        fetch first (${limit}::int) rows with ties`).pipe(database.run)
      return {
        events: rows.map(({ cursor: _, ...event }) => new AccountEvent(event, { disableChecks: true })),
        next: rows.length < limit ? null : (rows.at(-1)?.cursor ?? null)
      }
    })

    return AccountEvents.of({ before })
  })
)

/** After every event: in the year 2286. */
const end = EventCursor.make("9999999999999999")
