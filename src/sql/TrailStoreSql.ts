import { Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { TrailStore } from "../trail/Trail.ts"
import { Database } from "./Database.ts"

/** Refusals, a batch a statement, in the table `audit`. */
export const layer = Layer.effect(
  TrailStore,
  Effect.gen(function* () {
    const database = yield* Database
    const sql = yield* SqlClient.SqlClient

    const append: TrailStore["Service"]["append"] = Effect.fn("TrailStore.append")((rows) => {
      const batch = JSON.stringify(rows.map((row) => ({ ...row, userId: Option.getOrNull(row.userId) })))
      // The age, since the time of this process may be wrong (B5).
      return sql`
        insert into audit (at, event, outcome, reason, actor, user_id, request_id, client_address, device)
        select clock_timestamp() - "ageMillis" * interval '1 millisecond',
          event, 'refused', reason, actor, "userId", "requestId", "clientAddress", device
        from jsonb_to_recordset(${batch}::text::jsonb)
          as r (event text, reason text, actor text, "userId" uuid, "requestId" text, "clientAddress" text, device text,
            "ageMillis" float8)`.pipe(Effect.asVoid, database.run)
    })

    return TrailStore.of({ append })
  })
)
