import { Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { Email } from "../domain/Email.ts"
import { ResetCodeHash } from "../domain/ResetCode.ts"
import { Outbox } from "../mail/Outbox.ts"
import { Database } from "./Database.ts"
import { allRows } from "./Rows.ts"

const claimedRows = allRows(
  Schema.Struct({
    id: Schema.BigInt,
    recipient: Email,
    codeHash: ResetCodeHash,
    nonce: Schema.Uint8Array,
    attempts: Schema.Int,
    codeExpiresAt: Schema.Date,
    codeLives: Schema.Boolean,
    codeLivesForMillis: Schema.Finite
  })
)

/** Mails in the table `outbox`. */
export const layer = Layer.effect(
  Outbox,
  Effect.gen(function* () {
    const database = yield* Database
    const sql = yield* SqlClient.SqlClient

    const claim: Outbox["Service"]["claim"] = Effect.fn("Outbox.claim")((limit, leaseMillis) =>
      // `skip locked` gives each mail to one worker (G1), and the lease keeps it there after the commit, until its worker is
      // done or surely dead (G2). The code is looked at in the same statement, so that no dead one is sent (G4).
      claimedRows(sql`
        with due as (
          select id from outbox where sent_at is null and due_at <= now()
          order by due_at, id limit ${limit}::int for update skip locked
        ), claimed as (
          update outbox o
          set due_at = clock_timestamp() + ${leaseMillis}::float8 * interval '1 millisecond', attempts = o.attempts + 1
          from due where o.id = due.id
          returning o.id, o.recipient, o.code_hash, o.nonce, o.attempts
        )
        select m.*, c.expires_at as code_expires_at,
          coalesce(u.live_code = c.code_hash and c.expires_at > now() and not u.blocked, false) as code_lives,
          (extract(epoch from c.expires_at - now()) * 1000)::float8 as code_lives_for_millis
        from claimed m join reset_codes c on c.code_hash = m.code_hash join users u on u.id = c.user_id
        order by m.id`).pipe(
        Effect.map((rows) => rows.map(({ codeHash, nonce, ...mail }) => ({ ...mail, code: { codeHash, nonce } }))),
        database.run
      )
    )

    const sent: Outbox["Service"]["sent"] = Effect.fn("Outbox.sent")((id) =>
      sql`update outbox set sent_at = now(), nonce = null where id = ${id} and sent_at is null`.pipe(
        Effect.asVoid,
        database.run
      )
    )

    const retry: Outbox["Service"]["retry"] = Effect.fn("Outbox.retry")((id, afterMillis) =>
      sql`
        update outbox set due_at = now() + ${afterMillis}::float8 * interval '1 millisecond'
        where id = ${id} and sent_at is null`.pipe(Effect.asVoid, database.run)
    )

    const drop: Outbox["Service"]["drop"] = Effect.fn("Outbox.drop")((id) =>
      sql`delete from outbox where id = ${id}`.pipe(Effect.asVoid, database.run)
    )

    return Outbox.of({ claim, sent, retry, drop })
  })
)
