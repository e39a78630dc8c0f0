import { Effect, Layer, Option, Redacted, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { EmailChanges } from "../accounts/EmailChanges.ts"
import type { MailDecided } from "../accounts/MailDecided.ts"
import { EmailKey, emailKey } from "../domain/Email.ts"
import {
  EmailChangeCodeExpired,
  type EmailChangeCodeHash,
  EmailChangeCodeNotFound,
  EmailChangeCodeSuperseded,
  EmailChangeCodeUsed
} from "../domain/EmailChange.ts"
import { Unavailable } from "../domain/Failure.ts"
import { traces } from "../domain/Origin.ts"
import { AccountBlocked, AccountExists, UserId } from "../domain/User.ts"
import { storedLanguage, UnderstoodLanguage } from "../language/Language.ts"
import { type Refusal, Trail } from "../trail/Trail.ts"
import { Database } from "./Database.ts"
import { isKeptFor, openWayBack } from "./formerEmails.ts"
import { firstRow, userColumns, userFields, userIn } from "./Rows.ts"

const TakenRow = Schema.Struct({
  userId: UserId,
  version: Schema.Int,
  sessionId: Schema.String,
  email: Schema.String,
  emailKey: EmailKey,
  /** As text, since a Date would cut the microseconds off. */
  askedAt: Schema.String,
  requestId: Schema.NullOr(Schema.String),
  clientAddress: Schema.NullOr(Schema.String),
  device: Schema.NullOr(Schema.String),
  language: Schema.NullOr(Schema.String)
})
const takenRow = firstRow(TakenRow)

const askerRow = firstRow(Schema.Struct({ refusal: Schema.NullOr(Schema.String) }))
const changedRow = firstRow(Schema.Struct(userFields))
const State = Schema.Literals(["Used", "Superseded", "Expired", "Taken", "Blocked", "Live"])
const stateRow = firstRow(Schema.Struct({ state: State, userId: UserId }))

/** Changes in the tables `email_change_requests` and `email_changes`, the ways back in `former_emails`. */
export const layer = Layer.effect(
  EmailChanges,
  Effect.gen(function* () {
    const database = yield* Database
    const sql = yield* SqlClient.SqlClient
    const user = sql.literal(userColumns)
    const open = sql.literal(openWayBack)

    const trail = yield* Trail
    const trace = yield* traces

    const ask: EmailChanges["Service"]["ask"] = Effect.fn("EmailChanges.ask")(function* ({
      email,
      id,
      session,
      version
    }) {
      const { clientAddress, device, requestId } = yield* trace
      const language = yield* UnderstoodLanguage
      // Of `users` it asks for the asker's own row alone (C6), guarded by the version that the current password was verified with (F9).
      const asked = yield* sql`
        with asked as (
          insert into email_change_requests (user_id, credentials_version, session_id, email, email_key, request_id, client_address,
            device, language)
          select u.id, u.credentials_version, ${session}::uuid, ${email}, ${emailKey(email)}, ${requestId}, ${clientAddress}, ${device},
            ${language}::text
          from users u where u.id = ${id} and u.credentials_version = ${version} and not u.blocked
          returning user_id
        ), trail as (
          insert into audit (event, outcome, actor, user_id, request_id, client_address, device)
          select 'email-change.requested', 'done', 'owner', user_id, ${requestId}, ${clientAddress}, ${device} from asked
        )
        select from asked`.pipe(database.run)
      return asked.length > 0
    })

    /** The requests of the account that waits longest, of which the newest counts. Those that another worker holds are skipped. */
    const take = takenRow(sql`
      with head as (
        select user_id from email_change_requests order by id limit 1 for update skip locked
      ), mine as (
        select r.id from email_change_requests r join head using (user_id) for update of r skip locked
      ), taken as (
        delete from email_change_requests r using mine where r.id = mine.id returning r.*
      )
      select user_id, credentials_version as version, session_id, email, email_key, asked_at::text as asked_at, request_id,
        client_address, device, language
      from taken order by taken.asked_at desc, id desc limit 1`)

    /** The account, locked, so that of several workers one makes a code at a time, and nobody deletes it meanwhile. */
    const lockAsker = ({ userId, version }: typeof TakenRow.Type) =>
      askerRow(sql`
        select case when u.blocked then 'blocked' when u.credentials_version <> ${version} then 'password-changed' end as refusal
        from users u where u.id = ${userId} for no key update`)

    /**
     * A statement of its own, since it needs a snapshot that was taken under the lock. All that decides whether the request counts is
     * the account's own, and what counts supersedes the former code also where the address is taken: else the former code would tell
     * (C6). So does the cap of an address, since codes are counted there that nobody gets. Without a code nothing of an address is told.
     */
    const decide = (
      taken: typeof TakenRow.Type,
      refusal: string | null,
      code: Parameters<EmailChanges["Service"]["takeNext"]>[0],
      limits: Parameters<EmailChanges["Service"]["takeNext"]>[1]
    ) => sql`
      with recent as (
        select c.issued_at, c.email_key, c.asked_at from email_changes c
        where c.user_id = ${taken.userId}::uuid and c.issued_at > statement_timestamp()
          - greatest(interval '1 hour', ${limits.cooldownMillis}::float8 * interval '1 millisecond')
      ), verdict as (
        select coalesce(${refusal}::text, case
          when max(asked_at) > ${taken.askedAt}::timestamptz then 'superseded'
          when max(issued_at) filter (where email_key = ${taken.emailKey})
            > statement_timestamp() - ${limits.cooldownMillis}::float8 * interval '1 millisecond' then 'cooldown'
          when count(*) filter (where issued_at > statement_timestamp() - interval '1 hour') >= ${limits.hourlyCap}::int then 'cap'
          end) as refusal
        from recent
      ), issued as (
        insert into email_changes (code_hash, user_id, credentials_version, session_id, email, email_key, asked_at, expires_at)
        select ${code.codeHash}::bytea, u.id, ${taken.version}, ${taken.sessionId}::uuid, ${taken.email}, ${taken.emailKey},
          ${taken.askedAt}::timestamptz, clock_timestamp() + ${limits.ttlMillis}::float8 * interval '1 millisecond'
        from verdict v, users u where v.refusal is null and u.id = ${taken.userId}::uuid
        returning code_hash, user_id
      ), live as (
        update users u set live_change = i.code_hash from issued i where u.id = i.user_id
      ), target as (
        select i.code_hash, i.user_id, o.id as owner_id, coalesce(o.email, ${taken.email}) as recipient,
          coalesce(case when o.id is null then asker.language else o.language end, ${taken.language}::text) as language,
          case
            when (select count(*) from email_changes c
              where c.email_key = ${taken.emailKey} and c.issued_at > statement_timestamp() - interval '1 hour')
              >= ${limits.hourlyCap}::int then 'address-cap'
            when o.id is not null then 'address-taken'
            when ${isKeptFor(sql, { column: "e.email_key", account: "i.user_id" })} then 'address-kept'
          end as refusal
        from issued i join users asker on asker.id = i.user_id
          cross join (select ${taken.emailKey}::text as email_key) e
          left join users o on o.email_key = e.email_key and o.id <> i.user_id
      ), trail as (
        insert into audit (event, outcome, reason, actor, user_id, request_id)
        select 'email-change.issued', case when v.reason is null then 'done' else 'refused' end, v.reason, 'system',
          ${taken.userId}::uuid, ${taken.requestId}
        from (select coalesce(v.refusal, t.refusal) as reason from verdict v left join target t on true) v
      )
      insert into outbox (kind, recipient, user_id, change_hash, nonce, details, request_id, language)
      select case when t.owner_id is null then 'email-change' else 'email-change-attempted' end, t.recipient,
        coalesce(t.owner_id, t.user_id), case when t.owner_id is null then t.code_hash end,
        case when t.owner_id is null then ${code.nonce}::bytea end,
        jsonb_build_object('device', ${taken.device ?? ""}::text, 'clientAddress', ${taken.clientAddress}::text), ${taken.requestId},
        t.language
      from target t where t.refusal is null or t.refusal = 'address-taken'
      returning id`

    const takeNext: EmailChanges["Service"]["takeNext"] = Effect.fn("EmailChanges.takeNext")(
      function* (code, limits) {
        const taken = yield* take
        if (Option.isNone(taken)) return Option.none<MailDecided>()
        const asker = yield* lockAsker(taken.value)
        const refusal = Option.match(asker, { onNone: () => "no-account", onSome: ({ refusal }) => refusal })
        const queued = yield* decide(taken.value, refusal, code, limits)
        return Option.some<MailDecided>({
          outcome: queued.length > 0 ? "Queued" : "Dropped",
          language: storedLanguage(taken.value.language)
        })
      },
      sql.withTransaction,
      database.run
    )

    const written = (event: Refusal["event"], state: typeof State.Type, userId: UserId) =>
      trail.refused({ event, reason: state.toLowerCase(), actor: "anonymous", userId: Option.some(userId) })

    const refused = Effect.fnUntraced(function* (
      event: Refusal["event"],
      state: Exclude<typeof State.Type, "Live" | "Taken">,
      userId: UserId
    ) {
      yield* written(event, state, userId)
      switch (state) {
        case "Used":
          return yield* new EmailChangeCodeUsed()
        case "Superseded":
          return yield* new EmailChangeCodeSuperseded()
        case "Expired":
          return yield* new EmailChangeCodeExpired()
        case "Blocked":
          return yield* new AccountBlocked()
      }
    })

    /**
     * One statement, and the account's row its one contended lock. Losers of a race, with this code or another, wait for it and are then
     * checked against the newest row, where this code isn't live any more or the version is another one: a newer request, a new
     * password, a block and a change elsewhere have taken it away there (B4). Two accounts that want one address are told apart by
     * the unique key. The former address is read by the snapshot: it is right wherever the version is the one that the code bears. The
     * way back stands or falls with the change.
     */
    const change = Effect.fnUntraced(function* (
      codeHash: EmailChangeCodeHash,
      wayBack: Parameters<EmailChanges["Service"]["confirm"]>[1],
      wayBackTtlMillis: number
    ) {
      const { clientAddress, device, requestId } = yield* trace
      return yield* changedRow(sql`
        with changed as (
          update users u
          set email = x.email, email_key = x.email_key, confirmed = true, credentials_version = u.credentials_version + 1,
            live_code = null, live_change = null, updated_at = clock_timestamp()
          from email_changes x join users former on former.id = x.user_id
          where x.code_hash = ${codeHash} and u.id = x.user_id and u.live_change = x.code_hash
            and u.credentials_version = x.credentials_version and x.expires_at > now() and not u.blocked
          returning ${user}, u.credentials_version as version, u.language, x.session_id, former.email as former_email,
            former.email_key as former_key
        ), consumed as (
          update email_changes x set used_at = clock_timestamp() from changed where x.code_hash = ${codeHash}
        ), kept as (
          update sessions s set credentials_version = c.version from changed c where s.id = c.session_id and s.user_id = c.id
        ), ended as (
          delete from sessions s using changed c where s.user_id = c.id and s.id <> c.session_id
        ), way_back as (
          insert into former_emails (code_hash, user_id, email, email_key, expires_at)
          select ${wayBack.codeHash}::bytea, id, former_email, former_key,
            clock_timestamp() + ${wayBackTtlMillis}::float8 * interval '1 millisecond'
          from changed
          returning code_hash, user_id, email
        ), trail as (
          insert into audit (event, outcome, actor, user_id, request_id, client_address, device)
          select 'email.changed', 'done', 'owner', id, ${requestId}, ${clientAddress}, ${device} from changed
        ), notice as (
          insert into outbox (kind, recipient, user_id, way_back_hash, nonce, details, request_id, language)
          select 'email-changed', w.email, w.user_id, w.code_hash, ${wayBack.nonce}::bytea,
            jsonb_build_object('device', ${device}::text, 'clientAddress', ${clientAddress}::text), ${requestId}, c.language
          from way_back w join changed c on c.id = w.user_id
        )
        select * from changed`)
    })

    /** The first of the reasons against a code. A refusal of a real one goes into the trail. */
    const refuseChange = Effect.fnUntraced(function* (codeHash: EmailChangeCodeHash) {
      const found = yield* stateRow(sql`
        select case
            when x.used_at is not null then 'Used'
            when u.blocked then 'Blocked'
            when u.live_change is distinct from x.code_hash or u.credentials_version <> x.credentials_version then 'Superseded'
            when x.expires_at <= now() then 'Expired'
            when exists (select from users o where o.email_key = x.email_key and o.id <> u.id)
              or ${isKeptFor(sql, { column: "x.email_key", account: "u.id" })} then 'Taken'
            else 'Live'
          end as state,
          u.id as user_id
        from email_changes x join users u on u.id = x.user_id where x.code_hash = ${codeHash}`).pipe(database.run)
      if (Option.isNone(found)) return yield* new EmailChangeCodeNotFound()
      const { state, userId } = found.value
      // Live again: the address was taken for the moment of the statement. Asking again helps.
      if (state === "Live") return yield* new Unavailable()
      if (state !== "Taken") return yield* refused("email.changed", state, userId)
      yield* written("email.changed", state, userId)
      return yield* new AccountExists()
    })

    const confirm: EmailChanges["Service"]["confirm"] = Effect.fn("EmailChanges.confirm")(
      function* (codeHash, wayBack, wayBackTtlMillis) {
        const changed = yield* change(codeHash, wayBack, wayBackTtlMillis).pipe(
          // Somebody has the address by now: the state says so.
          Effect.catchReason("SqlError", "UniqueViolation", () => Effect.succeedNone),
          database.run
        )
        return Option.isSome(changed) ? userIn(changed.value) : yield* refuseChange(codeHash)
      }
    )

    /** The same of a way back. The address can't be taken: nobody gets it while the way is open. */
    const lookAtWayBack = Effect.fnUntraced(function* (codeHash: EmailChangeCodeHash) {
      const found = yield* stateRow(sql`
        select case
            when f.used_at is not null then 'Used'
            when f.superseded_at is not null then 'Superseded'
            when f.expires_at <= now() then 'Expired'
            when u.blocked then 'Blocked'
            else 'Live'
          end as state,
          u.id as user_id
        from former_emails f join users u on u.id = f.user_id where f.code_hash = ${codeHash}`).pipe(database.run)
      if (Option.isNone(found)) return yield* new EmailChangeCodeNotFound()
      const { state, userId } = found.value
      if (state !== "Live" && state !== "Taken") yield* refused("email.restored", state, userId)
    })

    /** Accounts first, then their codes, as everywhere. */
    const lockOwner = (codeHash: EmailChangeCodeHash) => sql`
      select u.id from users u where u.id = (select f.user_id from former_emails f where f.code_hash = ${codeHash}) for update`

    /**
     * A statement of its own, since it needs a snapshot that was taken under the lock: of several ways back that are taken at once each is
     * checked against what the one before it left. The earliest wins, whichever comes first, since it supersedes the later ones and none
     * of them it. The limits of the account are new, so that whoever had it can't hold back the code that its owner gets now.
     */
    const restore = Effect.fnUntraced(function* (
      codeHash: EmailChangeCodeHash,
      passwordHash: Parameters<EmailChanges["Service"]["undo"]>[1]
    ) {
      const { clientAddress, device, requestId } = yield* trace
      const language = yield* UnderstoodLanguage
      return yield* changedRow(sql`
        with way as (
          select f.id, f.user_id, f.email, f.email_key from former_emails f where f.code_hash = ${codeHash} and ${open}
        ), restored as (
          update users u
          set email = w.email, email_key = w.email_key, confirmed = true, password_hash = ${Redacted.value(passwordHash)},
            credentials_version = u.credentials_version + 1, live_code = null, live_change = null,
            password_changed_at = clock_timestamp(), updated_at = clock_timestamp()
          from way w join users former on former.id = w.user_id where u.id = w.user_id and not u.blocked
          returning ${user}, u.language, u.email_key, w.id as way_id, former.email as replaced_email,
            former.email_key as replaced_key
        ), used as (
          update former_emails f set used_at = clock_timestamp() from restored r where f.id = r.way_id
        ), superseded as (
          update former_emails f set superseded_at = clock_timestamp() from restored r
          where f.user_id = r.id and f.id > r.way_id and f.used_at is null and f.superseded_at is null
        ), forgotten as (
          delete from reset_codes c using restored r where c.user_id = r.id
        ), ended as (
          delete from sessions s using restored r where s.user_id = r.id
        ), trail as (
          insert into audit (event, outcome, actor, user_id, request_id, client_address, device)
          select 'email.restored', 'done', 'owner', id, ${requestId}, ${clientAddress}, ${device} from restored
        ), notice as (
          insert into outbox (kind, recipient, user_id, details, request_id, language)
          select 'email-restored', email, id,
            jsonb_build_object('device', ${device}::text, 'clientAddress', ${clientAddress}::text), ${requestId}, language
          from restored
        ), last_notice as (
          insert into outbox (kind, recipient, user_id, details, request_id, language)
          select 'email-withdrawn', replaced_email, id, jsonb_build_object('device', '', 'clientAddress', null), ${requestId}, language
          from restored where replaced_key <> email_key
        ), reset as (
          insert into recovery_requests (email_key, request_id, client_address, device, language)
          select email_key, ${requestId}, ${clientAddress}, ${device}, ${language}::text from restored
        )
        select * from restored`)
    })

    const undo: EmailChanges["Service"]["undo"] = Effect.fn("EmailChanges.undo")(function* (codeHash, passwordHash) {
      const restored = yield* Effect.andThen(lockOwner(codeHash), restore(codeHash, passwordHash)).pipe(
        sql.withTransaction,
        database.run
      )
      if (Option.isSome(restored)) return userIn(restored.value)
      yield* lookAtWayBack(codeHash)
      // Live again: the account was blocked for the moment of the statement. Asking again helps.
      return yield* new Unavailable()
    })

    return EmailChanges.of({
      ask,
      takeNext,
      confirm,
      checkWayBack: Effect.fn("EmailChanges.checkWayBack")(lookAtWayBack),
      undo
    })
  })
)
