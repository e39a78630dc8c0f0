import { Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { Fragment } from "effect/sql/Statement"
import type { Identifier } from "../accounts/Identifier.ts"
import { EmailKey } from "../domain/Email.ts"
import { traces } from "../domain/Origin.ts"
import { AccountBlocked, AccountNotFound } from "../domain/User.ts"
import { storedLanguage, UnderstoodLanguage } from "../language/Language.ts"
import { RecoveryRequests, type RequestTaken } from "../recovery/ResetCodes.ts"
import { Database } from "./Database.ts"
import { HostUsers } from "./HostUsers.ts"
import { firstRow, named } from "./Rows.ts"

const refusalRow = firstRow(Schema.Struct({ refusal: Schema.NullOr(Schema.Literals(["no-account", "blocked"])) }))

const TakenRow = Schema.Struct({
  emailKey: EmailKey,
  askedAt: Schema.String,
  requestId: Schema.NullOr(Schema.String),
  byAdministrator: Schema.Boolean,
  language: Schema.NullOr(Schema.String)
})
const takenRow = firstRow(TakenRow)
const nextRow = firstRow(TakenRow.mapFields(({ emailKey }) => ({ emailKey })))

const OwnerRow = Schema.Struct({
  id: Schema.NullOr(Schema.String),
  email: Schema.String,
  language: Schema.NullOr(Schema.String),
  /** Why the account gets no code, whatever it was issued before. */
  refusal: Schema.NullOr(Schema.String)
})
const ownerRow = firstRow(OwnerRow)

const nobody: typeof OwnerRow.Type = { id: null, email: "", language: null, refusal: "no-account" }

/** Requests in the table `recovery_requests`; what comes of them goes to `reset_codes` and `outbox`. */
export const layer = Layer.effect(
  RecoveryRequests,
  Effect.gen(function* () {
    const database = yield* Database
    const sql = yield* SqlClient.SqlClient

    const trace = yield* traces
    const host = yield* HostUsers

    const add: RecoveryRequests["Service"]["add"] = Effect.fn("RecoveryRequests.add")(function* (email) {
      const { clientAddress, device, requestId } = yield* trace
      yield* sql`
        insert into recovery_requests (email_key, request_id, client_address, device, language)
        values (${email}, ${requestId}, ${clientAddress}, ${device}, ${yield* UnderstoodLanguage})`.pipe(database.run)
    })

    /** One statement: who is there to be asked for, and what is written down of it. */
    const addFor: RecoveryRequests["Service"]["addFor"] = Effect.fn("RecoveryRequests.addFor")(
      function* (account, helper) {
        const { clientAddress, device, requestId } = yield* trace
        const administrator = helper._tag === "Administrator" ? helper.name : null
        const actor = helper._tag === "Administrator" ? "administrator" : "cli"
        const statement = (who: Fragment) =>
          refusalRow(sql`
          with verdict as (
            select u.id, u.email_key, case when u.id is null then 'no-account' when u.blocked then 'blocked' end as refusal
            from (select) nobody left join users u on ${who}
          ), asked as (
            insert into recovery_requests (email_key, request_id, client_address, device, administrator, by_operator)
            select email_key, ${requestId}, ${clientAddress}, ${device}, ${administrator}, ${actor === "cli"}::boolean
            from verdict where refusal is null
          ), trail as (
            insert into audit (event, outcome, reason, actor, administrator, user_id, request_id, client_address, device)
            select 'recovery.requested', 'refused', refusal, ${actor}, ${administrator}, id, ${requestId}, ${clientAddress},
              ${device}
            from verdict where refusal is not null
          )
          select refusal from verdict`)
        const row = yield* host
          .meet(account)
          .pipe(
            Effect.flatMap(
              Option.match({ onNone: () => statement(sql`false`), onSome: (met) => statement(named(sql, met)) })
            ),
            database.run
          )
        switch (Option.getOrThrow(row).refusal) {
          case "no-account":
            return yield* new AccountNotFound()
          case "blocked":
            return yield* new AccountBlocked()
        }
      }
    )

    /**
     * All requests of the address that waits longest, each written to the trail. Those that another worker holds are skipped, so
     * none waits for it.
     */
    const take = takenRow(sql`
      with head as (
        select email_key from recovery_requests order by id limit 1 for update skip locked
      ), mine as (
        select r.id from recovery_requests r join head using (email_key) for update of r skip locked
      ), taken as (
        delete from recovery_requests r using mine where r.id = mine.id
        returning r.id, r.email_key, r.asked_at, r.request_id, r.client_address, r.device, r.administrator,
          r.by_operator, r.language
      ), trail as (
        insert into audit (at, event, outcome, actor, administrator, user_id, request_id, client_address, device)
        select asked_at, 'recovery.requested', 'done',
          case when by_operator then 'cli' when administrator is null then 'anonymous' else 'administrator' end, administrator,
          (select u.id from users u where u.email_key = taken.email_key), request_id, client_address, device
        from taken order by id
      ), elsewhere as (
        -- No account, but a registration that waits: to reset it is to confirm it.
        insert into confirmation_requests (email_key, kind, request_id, client_address, device, language)
        select email_key, 'reset', request_id, client_address, device, language from (select * from taken order by id desc limit 1) newest
        where exists (select from registrations r where r.email_key = newest.email_key and r.confirmed_at is null)
          and not exists (select from users u where u.email_key = newest.email_key)
      )
      -- The newest. Its time as text, since a Date would cut the microseconds off.
      select email_key, asked_at::text as asked_at, request_id, by_operator or administrator is not null as by_administrator, language
      from taken order by taken.asked_at desc, id desc limit 1`)

    /** The account of a host's user is made before anything is written to its trail. */
    const meetNext = host.isHosted
      ? Effect.flatMap(
          nextRow(sql`select email_key from recovery_requests order by id limit 1`),
          Option.match({
            onNone: () => Effect.void,
            onSome: ({ emailKey }) => Effect.asVoid(host.meet({ _tag: "Email", key: emailKey }))
          })
        )
      : Effect.void

    /**
     * The address's account, locked, so that of several workers one issues at a time (B2). What was asked before the last
     * change of the password is held back: its asker got in meanwhile. PGlite's clock has milliseconds alone, so what was asked
     * at the very moment of the change counts as later.
     */
    const lockOwner = (owner: Identifier, askedAt: string) =>
      ownerRow(sql`
        select u.id, u.email, u.language,
          case when u.blocked then 'blocked'
            when u.password_changed_at > ${askedAt}::timestamptz then 'password-changed' end as refusal
        from users u where ${named(sql, owner)}
        for no key update`)

    /**
     * A statement of its own, since it needs a snapshot that was taken under the lock: with an older one, two codes would be
     * live and the cooldown passed by. The cooldown holds in any case; past the cap a code is still issued where none is live,
     * so that a flood can't lock the owner out (E4). To issue is to overwrite: the former code is superseded (B3). Issued or held
     * back, and why, is in the trail. Without an account the same runs for nobody, so that both cost the same (C2).
     */
    const issue = (
      owner: typeof OwnerRow.Type,
      { byAdministrator, language, requestId }: typeof TakenRow.Type,
      code: Parameters<RecoveryRequests["Service"]["takeNext"]>[0],
      limits: Parameters<RecoveryRequests["Service"]["takeNext"]>[1]
    ) => {
      const id = owner.id ?? crypto.randomUUID()
      return sql`
        with recent as (
          select issued_at from reset_codes
          where user_id = ${id}::uuid and issued_at > statement_timestamp()
            - greatest(interval '1 hour', ${limits.cooldownMillis}::float8 * interval '1 millisecond')
        ), verdict as (
          select case
            when ${owner.refusal}::text is not null then ${owner.refusal}::text
            when max(issued_at) > statement_timestamp() - ${limits.cooldownMillis}::float8 * interval '1 millisecond'
              then 'cooldown'
            when count(*) filter (where issued_at > statement_timestamp() - interval '1 hour') >= ${limits.hourlyCap}::int
              and exists (
                select from users u join reset_codes c on c.code_hash = u.live_code
                where u.id = ${id}::uuid and c.expires_at > statement_timestamp())
              then 'cap'
            end as refusal
          from recent
        ), issued as (
          insert into reset_codes (code_hash, user_id, expires_at)
          select ${code.codeHash}::bytea, u.id, clock_timestamp() + ${limits.codeTtlMillis}::float8 * interval '1 millisecond'
          from verdict v, users u where v.refusal is null and u.id = ${id}::uuid
          returning code_hash, user_id
        ), live as (
          update users u set live_code = i.code_hash from issued i where u.id = i.user_id
        ), trail as (
          insert into audit (event, outcome, reason, actor, user_id, request_id)
          select 'code.issued', case when refusal is null then 'done' else 'refused' end, refusal, 'system',
            ${owner.id}::uuid, ${requestId}
          from verdict
        )
        insert into outbox (kind, recipient, user_id, code_hash, nonce, details, request_id, language)
        select 'reset-code', ${owner.email}, user_id, code_hash, ${code.nonce}::bytea,
          jsonb_build_object('byAdministrator', ${byAdministrator}::boolean), ${requestId},
          coalesce(${owner.language}::text, ${language}::text)
        from issued
        returning id`
    }

    const takeNext: RecoveryRequests["Service"]["takeNext"] = Effect.fn("RecoveryRequests.takeNext")(
      function* (code, limits) {
        yield* meetNext
        const taken = yield* take
        if (Option.isNone(taken)) return Option.none<RequestTaken>()
        const { askedAt, emailKey } = taken.value
        const met = yield* host.meet({ _tag: "Email", key: emailKey })
        const owner = yield* Option.match(met, {
          onNone: () => Effect.succeedNone,
          onSome: (who) => lockOwner(who, askedAt)
        })
        const issued = yield* issue(
          Option.getOrElse(owner, () => nobody),
          taken.value,
          code,
          limits
        )
        return Option.some<RequestTaken>({
          outcome: issued.length > 0 ? "Issued" : "Dropped",
          language: storedLanguage(taken.value.language)
        })
      },
      sql.withTransaction,
      database.run
    )

    return RecoveryRequests.of({ add, addFor, takeNext })
  })
)
