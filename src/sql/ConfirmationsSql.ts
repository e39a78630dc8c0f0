import { Effect, Layer, Option, Redacted, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { Confirmations } from "../accounts/Confirmations.ts"
import type { MailDecided } from "../accounts/MailDecided.ts"
import {
  ConfirmationCodeExpired,
  type ConfirmationCodeHash,
  ConfirmationCodeNotFound,
  ConfirmationCodeUsed
} from "../domain/ConfirmationCode.ts"
import { EmailKey, emailKey } from "../domain/Email.ts"
import { Unavailable } from "../domain/Failure.ts"
import { type Trace, traces } from "../domain/Origin.ts"
import { AccountBlocked, AccountExists, UserId, usernameKey } from "../domain/User.ts"
import { storedLanguage, UnderstoodLanguage } from "../language/Language.ts"
import { Trail } from "../trail/Trail.ts"
import { Database } from "./Database.ts"
import { firstRow, userColumns, userFields, userIn } from "./Rows.ts"
import { makeAccountOf, stateOfRegistration } from "./registrations.ts"

const TakenRow = Schema.Struct({
  emailKey: EmailKey,
  kind: Schema.Literals(["registration", "again", "reset"]),
  registrationId: Schema.NullOr(Schema.String),
  requestId: Schema.NullOr(Schema.String),
  language: Schema.NullOr(Schema.String)
})
const takenRow = firstRow(TakenRow)

const confirmedRow = firstRow(Schema.Struct(userFields))

const codeRow = firstRow(
  Schema.Struct({
    state: Schema.NullOr(Schema.Literals(["Used", "Expired", "Taken", "Blocked", "Live"])),
    userId: Schema.NullOr(UserId)
  })
)

/** Registrations that wait in the table `registrations`, and codes in `confirmation_codes`. */
export const layer = Layer.effect(
  Confirmations,
  Effect.gen(function* () {
    const database = yield* Database
    const sql = yield* SqlClient.SqlClient
    const user = sql.literal(userColumns)
    const ofRegistration = sql.literal(stateOfRegistration)

    const trail = yield* Trail
    const trace = yield* traces

    const register: Confirmations["Service"]["register"] = Effect.fn("Confirmations.register")(function* ({
      email,
      id,
      passwordHash,
      ttlMillis,
      username
    }) {
      const { clientAddress, device, requestId } = yield* trace
      const language = yield* UnderstoodLanguage
      const key = usernameKey(username)
      // Of `users` it asks for the name alone (C6). The unique key decides between two that want one name at once; a name
      // whose registration is becoming an account is in one table or the other, since the registration's row stays.
      const added = yield* sql`
        with added as (
          insert into registrations (id, username, username_key, email, email_key, password_hash, expires_at, device, client_address,
            language)
          select ${id}::uuid, ${username}, ${key}, ${email}, ${emailKey(email)}, ${Redacted.value(passwordHash)},
            clock_timestamp() + ${ttlMillis}::float8 * interval '1 millisecond', ${device}, ${clientAddress},
            ${language}::text
          where not exists (select from users where username_key = ${key})
          on conflict (username_key) do nothing
          returning id, email_key, language
        ), request as (
          insert into confirmation_requests (email_key, kind, registration_id, request_id, client_address, device, language)
          select email_key, 'registration', id, ${requestId}, ${clientAddress}, ${device}, language from added
        ), trail as (
          insert into audit (event, outcome, actor, user_id, request_id, client_address, device)
          select 'registration.requested', 'done', 'anonymous', id, ${requestId}, ${clientAddress}, ${device} from added
        )
        select from added`.pipe(database.run)
      if (added.length === 0) return yield* new AccountExists()
    })

    const askAgain: Confirmations["Service"]["askAgain"] = Effect.fn("Confirmations.askAgain")(function* (email) {
      const { clientAddress, device, requestId } = yield* trace
      yield* sql`
        insert into confirmation_requests (email_key, kind, request_id, client_address, device, language)
        values (${email}, 'again', ${requestId}, ${clientAddress}, ${device}, ${yield* UnderstoodLanguage})`.pipe(
        database.run
      )
    })

    /**
     * The request that waits longest, together with all others that ask the same of its address. Those that another worker holds
     * are skipped, so none waits for it.
     */
    const take = takenRow(sql`
      with head as (
        select email_key, kind, registration_id from confirmation_requests order by id limit 1 for update skip locked
      ), mine as (
        select r.id from confirmation_requests r join head h on r.email_key = h.email_key and r.kind = h.kind
          and r.registration_id is not distinct from h.registration_id
        for update of r skip locked
      ), taken as (
        delete from confirmation_requests r using mine where r.id = mine.id
        returning r.id, r.email_key, r.kind, r.registration_id, r.asked_at, r.request_id, r.client_address, r.device, r.language
      ), trail as (
        insert into audit (at, event, outcome, actor, user_id, request_id, client_address, device)
        select asked_at, 'confirmation.requested', 'done', 'anonymous',
          (select u.id from users u where u.email_key = taken.email_key), request_id, client_address, device
        from taken where kind = 'again' order by id
      )
      select email_key, kind, registration_id, request_id, language from taken order by id desc limit 1`)

    /** Of several workers one decides on an address at a time; the lock ends with the transaction. */
    const lockAddress = (email: EmailKey) => sql`select pg_advisory_xact_lock(hashtextextended(${email}, 0))`

    /**
     * A statement of its own, since it needs a snapshot that was taken under the lock. Who has an account is told that somebody
     * registered with the address, and gets a code only where the account isn't confirmed and the mail was asked for; who has
     * none gets a code for a registration that waits: the one that was asked for, else the one whose mail is the longest ago or
     * was never sent, so that nobody's later registration keeps the owner from their own. The cooldown is of an account, the cap
     * of an address, so that registering under ever new names floods no mailbox.
     */
    const decide = (
      { emailKey, kind, language, registrationId, requestId }: typeof TakenRow.Type,
      code: Parameters<Confirmations["Service"]["takeNext"]>[0],
      limits: Parameters<Confirmations["Service"]["takeNext"]>[1]
    ) => sql`
      with owner as (
        select id, username, email, confirmed, blocked, language from users where email_key = ${emailKey}
          and host_id is null -- whether a host's user is confirmed, the host finds out
      ), waiting as (
        select r.id, r.username, r.email, r.expires_at, r.device, r.client_address, r.language from registrations r
        where r.email_key = ${emailKey} and r.confirmed_at is null and r.expires_at > statement_timestamp()
          and (${registrationId}::uuid is null or r.id = ${registrationId}::uuid)
        order by (select max(c.issued_at) from confirmation_codes c where c.account_id = r.id) nulls first, r.asked_at desc
        limit 1
      ), target as (
        select o.id as user_id, coalesce(o.id, w.id) as account_id, coalesce(o.email, w.email) as email,
          coalesce(o.language, w.language, ${language}::text) as language,
          case when ${kind}::text = 'registration' and o.id is not null then 'registration-attempted'
            when ${kind}::text = 'reset' then 'registration-reset'
            else 'email-confirmation' end as kind,
          case when o.id is not null
            then clock_timestamp() + ${limits.ttlMillis}::float8 * interval '1 millisecond' else w.expires_at end as expires_at,
          case when w.id is null and (o.id is null or ${kind}::text = 'registration') then 'nobody-waits'
            when ${kind}::text = 'registration' then null
            when o.confirmed or ${kind}::text = 'reset' and o.id is not null then 'confirmed'
            when o.blocked then 'blocked' end as refusal,
          jsonb_build_object('username', coalesce(o.username, w.username), 'isAccount', o.id is not null,
            'device', w.device, 'clientAddress', w.client_address) as details
        from (select) nobody left join owner o on true left join waiting w on true
      ), recent as (
        select c.issued_at as at, c.account_id = t.account_id as same
        from target t join confirmation_codes c on c.email_key = ${emailKey}
        where t.kind <> 'registration-attempted' and c.issued_at > statement_timestamp()
          - greatest(interval '1 hour', ${limits.cooldownMillis}::float8 * interval '1 millisecond')
        union all
        select o.created_at, true from target t join outbox o on o.user_id = t.user_id and o.kind = t.kind
        where t.kind = 'registration-attempted' and o.created_at > statement_timestamp()
          - greatest(interval '1 hour', ${limits.cooldownMillis}::float8 * interval '1 millisecond')
      ), verdict as (
        select coalesce(
          (select refusal from target),
          (select case
            when max(at) filter (where same) > statement_timestamp() - ${limits.cooldownMillis}::float8 * interval '1 millisecond'
              then 'cooldown'
            when count(*) filter (where at > statement_timestamp() - interval '1 hour') >= ${limits.hourlyCap}::int then 'cap'
            end from recent)) as refusal
      ), issued as (
        insert into confirmation_codes (code_hash, account_id, email_key, expires_at)
        select ${code.codeHash}::bytea, t.account_id, ${emailKey}, t.expires_at from target t, verdict v
        where v.refusal is null and t.kind <> 'registration-attempted'
        returning code_hash
      ), trail as (
        insert into audit (event, outcome, reason, actor, user_id, request_id)
        select 'confirmation.issued', case when refusal is null then 'done' else 'refused' end, refusal, 'system', account_id,
          ${requestId}
        from (
          select t.account_id,
            coalesce(v.refusal, case when t.kind = 'registration-attempted' then 'address-taken' end) as refusal
          from target t, verdict v
        ) as issue
      )
      insert into outbox (kind, recipient, user_id, confirmation_hash, nonce, details, request_id, language)
      select t.kind, t.email, t.user_id, i.code_hash, case when i.code_hash is not null then ${code.nonce}::bytea end, t.details,
        ${requestId}, t.language
      from target t cross join verdict v left join issued i on true
      where v.refusal is null
      returning id`

    const takeNext: Confirmations["Service"]["takeNext"] = Effect.fn("Confirmations.takeNext")(
      function* (code, limits) {
        const taken = yield* take
        if (Option.isNone(taken)) return Option.none<MailDecided>()
        yield* lockAddress(taken.value.emailKey)
        const queued = yield* decide(taken.value, code, limits)
        return Option.some<MailDecided>({
          outcome: queued.length > 0 ? "Queued" : "Dropped",
          language: storedLanguage(taken.value.language)
        })
      },
      sql.withTransaction,
      database.run
    )

    /** Guarded by the row itself: of several at once one confirms, and a block or a reset in between is seen (B1). */
    const confirmAccount = (codeHash: ConfirmationCodeHash, { clientAddress, device, requestId }: Trace) => sql`
      with confirmed as (
        update users u set confirmed = true, updated_at = clock_timestamp()
        from confirmation_codes c
        where c.code_hash = ${codeHash} and u.id = c.account_id and u.email_key = c.email_key and c.expires_at > now()
          and c.used_at is null and not u.confirmed and not u.blocked
        returning ${user}
      ), consumed as (
        update confirmation_codes c set used_at = clock_timestamp() from confirmed where c.code_hash = ${codeHash}
      ), trail as (
        insert into audit (event, outcome, actor, user_id, request_id, client_address, device)
        select 'email.confirmed', 'done', 'owner', id, ${requestId}, ${clientAddress}, ${device} from confirmed
      )
      select * from confirmed`

    /** The first of the reasons against a code. A refusal of a real one goes into the trail. */
    const refuse = Effect.fnUntraced(function* (codeHash: ConfirmationCodeHash) {
      const found = yield* codeRow(sql`
        select
          case
            when r.id is not null then ${ofRegistration}
            when u.email_key <> c.email_key then null
            when c.used_at is not null or u.confirmed then 'Used'
            when c.expires_at <= now() then 'Expired'
            when u.blocked then 'Blocked'
            when u.id is not null then 'Live'
          end as state,
          u.id as user_id
        from confirmation_codes c
          left join registrations r on r.id = c.account_id left join users u on u.id = c.account_id
        where c.code_hash = ${codeHash}`).pipe(database.run)
      const { state, userId } = Option.getOrElse(found, () => ({ state: null, userId: null }))
      // Deleted, or has another address now.
      if (state === null) return yield* new ConfirmationCodeNotFound()
      // Live again: the account was blocked for the moment of the statement. Asking again helps.
      if (state === "Live") return yield* new Unavailable()
      yield* trail.refused({
        event: "email.confirmed",
        reason: state.toLowerCase(),
        actor: "anonymous",
        userId: Option.fromNullOr(userId)
      })
      switch (state) {
        case "Used":
          return yield* new ConfirmationCodeUsed()
        case "Expired":
          return yield* new ConfirmationCodeExpired()
        case "Taken":
          return yield* new AccountExists()
        case "Blocked":
          return yield* new AccountBlocked()
      }
    })

    const confirm: Confirmations["Service"]["confirm"] = Effect.fn("Confirmations.confirm")(function* (codeHash) {
      const origin = { ...(yield* trace), language: yield* UnderstoodLanguage }
      const made = yield* confirmedRow(makeAccountOf(sql, codeHash, origin, null)).pipe(database.run)
      if (Option.isSome(made)) return userIn(made.value)
      const confirmed = yield* confirmedRow(confirmAccount(codeHash, origin)).pipe(database.run)
      if (Option.isSome(confirmed)) return userIn(confirmed.value)
      return yield* refuse(codeHash)
    })

    return Confirmations.of({ register, askAgain, takeNext, confirm })
  })
)
