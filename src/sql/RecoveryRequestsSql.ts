import { Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { EmailKey } from "../domain/Email.ts"
import { RecoveryRequests, type RequestOutcome } from "../recovery/ResetCodes.ts"
import { Database } from "./Database.ts"
import { firstRow } from "./Rows.ts"

const takenRow = firstRow(Schema.Struct({ emailKey: EmailKey, askedAt: Schema.String }))
const ownerRow = firstRow(Schema.Struct({ id: Schema.String, email: Schema.String }))

/** Requests in the table `recovery_requests`; what comes of them goes to `reset_codes` and `outbox`. */
export const layer = Layer.effect(
  RecoveryRequests,
  Effect.gen(function* () {
    const database = yield* Database
    const sql = yield* SqlClient.SqlClient

    const add: RecoveryRequests["Service"]["add"] = Effect.fn("RecoveryRequests.add")((email) =>
      sql`insert into recovery_requests (email_key) values (${email})`.pipe(Effect.asVoid, database.run)
    )

    /** All requests of the address that waits longest. Those that another worker holds are skipped, so none waits for it. */
    const take = takenRow(sql`
      with head as (
        select email_key from recovery_requests order by id limit 1 for update skip locked
      ), mine as (
        select r.id from recovery_requests r join head using (email_key) for update of r skip locked
      ), taken as (
        delete from recovery_requests r using mine where r.id = mine.id returning r.email_key, r.asked_at
      )
      -- As text, since a Date would cut the microseconds off.
      select email_key, max(asked_at)::text as asked_at from taken group by email_key`)

    /**
     * The address's account, locked, so that of several workers one issues at a time (B2). What was asked before the last
     * change of the password is dropped: its asker got in meanwhile. PGlite's clock has milliseconds alone, so what was asked
     * at the very moment of the change counts as later.
     */
    const lockOwner = (emailKey: EmailKey, askedAt: string) =>
      ownerRow(sql`
        select id, email from users
        where email_key = ${emailKey} and not blocked and password_changed_at <= ${askedAt}::timestamptz
        for no key update`)

    /**
     * A statement of its own, since it needs a snapshot that was taken under the lock: with an older one, two codes would be
     * live and the cooldown passed by. The cooldown holds in any case; past the cap a code is still issued where none is live,
     * so that a flood can't lock the owner out (E4). To issue is to overwrite: the former code is superseded (B3).
     */
    const issue = (
      owner: { readonly id: string; readonly email: string },
      code: Parameters<RecoveryRequests["Service"]["takeNext"]>[0],
      limits: Parameters<RecoveryRequests["Service"]["takeNext"]>[1]
    ) =>
      sql`
        with recent as (
          select issued_at from reset_codes
          where user_id = ${owner.id}::uuid and issued_at > statement_timestamp()
            - greatest(interval '1 hour', ${limits.cooldownMillis}::float8 * interval '1 millisecond')
        ), allowed as (
          select from recent
          having coalesce(
              max(issued_at) <= statement_timestamp() - ${limits.cooldownMillis}::float8 * interval '1 millisecond', true)
            and (count(*) filter (where issued_at > statement_timestamp() - interval '1 hour') < ${limits.hourlyCap}::int
              or not exists (
                select from users u join reset_codes c on c.code_hash = u.live_code
                where u.id = ${owner.id}::uuid and c.expires_at > statement_timestamp()))
        ), issued as (
          insert into reset_codes (code_hash, user_id, expires_at)
          select ${code.codeHash}::bytea, u.id, clock_timestamp() + ${limits.codeTtlMillis}::float8 * interval '1 millisecond'
          from allowed, users u where u.id = ${owner.id}::uuid
          returning code_hash, user_id
        ), live as (
          update users u set live_code = i.code_hash from issued i where u.id = i.user_id
        )
        insert into outbox (recipient, code_hash, nonce)
        select ${owner.email}, code_hash, ${code.nonce}::bytea from issued
        returning id`

    const takeNext: RecoveryRequests["Service"]["takeNext"] = Effect.fn("RecoveryRequests.takeNext")(
      function* (code, limits) {
        const taken = yield* take
        if (Option.isNone(taken)) return Option.none<RequestOutcome>()
        const owner = yield* lockOwner(taken.value.emailKey, taken.value.askedAt)
        // Without an account the same statement runs and finds nothing, so that both cost the same (C2).
        const nobody = () => ({ id: crypto.randomUUID(), email: "" })
        const issued = yield* issue(Option.getOrElse(owner, nobody), code, limits)
        return Option.some<RequestOutcome>(issued.length > 0 ? "Issued" : "Dropped")
      },
      sql.withTransaction,
      database.run
    )

    return RecoveryRequests.of({ add, takeNext })
  })
)
