import { createHash } from "node:crypto"
import { Clock, Effect, Layer, Option, Redacted, Request, Schedule, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { Unavailable } from "../domain/Failure.ts"
import { traces } from "../domain/Origin.ts"
import type { PasswordHash } from "../domain/Password.ts"
import {
  ResetCodeExpired,
  type ResetCodeHash,
  ResetCodeNotFound,
  ResetCodeSuperseded,
  ResetCodeUsed
} from "../domain/ResetCode.ts"
import { AccountBlocked } from "../domain/User.ts"
import { UnderstoodLanguage } from "../language/Language.ts"
import { ResetCodes } from "../recovery/ResetCodes.ts"
import { Trail } from "../trail/Trail.ts"
import { makeBatched } from "./Batches.ts"
import { Database } from "./Database.ts"
import { HostUsers } from "./HostUsers.ts"
import { firstRow, userColumns, userFields, userIn } from "./Rows.ts"
import { makeAccountOf, stateOfRegistration } from "./registrations.ts"

const State = Schema.Literals(["Used", "Superseded", "Taken", "Expired", "Blocked", "Live"])
const CodeRow = Schema.Struct({
  state: State,
  expiresAt: Schema.Date,
  id: userFields.id,
  username: userFields.username,
  email: userFields.email
})
const decodeCodeRow = Schema.decodeUnknownEffect(CodeRow)

/** A code that somebody looks up. */
class Lookup extends Request.Class<
  { readonly codeHash: ResetCodeHash },
  Option.Option<typeof CodeRow.Type>,
  Unavailable
> {}

const ResetRow = Schema.Struct({ ...userFields, version: Schema.Int })
const resetRow = firstRow(ResetRow)
const resetIn = (row: typeof ResetRow.Type) => ({ user: userIn(row), version: row.version })

/** One for all, since a flood of wrong codes would have a stack trace written for each. */
const notFound = new ResetCodeNotFound()

/** What a host's user has in our table in place of the hash. */
const fingerprintOf = (hash: PasswordHash): string =>
  `sha256:${createHash("sha256").update(Redacted.value(hash)).digest("hex")}`

/** How long a reset may take in all, reading back included. */
const resetMillis = 2400

/** Reset codes in the table `reset_codes`; which one is live stands in `users`. A registration is reset with a confirmation code. */
export const layer = Layer.effect(
  ResetCodes,
  Effect.gen(function* () {
    const database = yield* Database
    const sql = yield* SqlClient.SqlClient
    const reset = sql.literal(`${userColumns}, u.credentials_version as version`)
    const ofRegistration = sql.literal(stateOfRegistration)

    const trail = yield* Trail
    const trace = yield* traces
    const host = yield* HostUsers

    /**
     * A statement for all codes that are looked up at about the same time: a flood of wrong ones shares its round trips. Somebody may end a code
     * with '-infinity', which no Date holds.
     */
    const lookups = makeBatched<Lookup>((entries) => {
      // Behind a query of its own the planner doesn't see how many there are: it keeps one plan, else it makes one each time, for longer than all else.
      const asked = sql`any ((select ${entries.map(({ request }) => request.codeHash)}::bytea[])::bytea[])`
      return sql<{ readonly codeHash: Uint8Array }>`
        select c.code_hash,
          case
            when c.used_at is not null then 'Used'
            when u.live_code is distinct from c.code_hash then 'Superseded'
            when c.expires_at <= now() then 'Expired'
            when u.blocked then 'Blocked'
            else 'Live'
          end as state,
          greatest(c.expires_at, to_timestamp(0)) as expires_at, u.id, u.username, u.email
        from reset_codes c join users u on u.id = c.user_id
        where c.code_hash = ${asked}
        union all
        select c.code_hash, ${ofRegistration}, greatest(c.expires_at, to_timestamp(0)), r.id, r.username, r.email
        from confirmation_codes c join registrations r on r.id = c.account_id
        where c.code_hash = ${asked}`.pipe(
        database.run,
        Effect.flatMap((rows) =>
          Effect.forEach(
            entries,
            (entry) => {
              const row = rows.find(({ codeHash }) => Buffer.compare(codeHash, entry.request.codeHash) === 0)
              return row === undefined
                ? Request.succeed(entry, Option.none())
                : Request.completeEffect(entry, Effect.asSome(Effect.orDie(decodeCodeRow(row))))
            },
            { discard: true }
          )
        )
      )
    })

    /**
     * The code's account, and the first of the reasons against the code. Where it was to be used, a refusal goes into the trail: of a
     * real code alone, so that a flood of wrong ones costs no write (E6).
     */
    const look = Effect.fnUntraced(function* (codeHash: ResetCodeHash, toUse: boolean) {
      if (host.isHosted) {
        const owned = sql`u.id = (select c.user_id from reset_codes c where c.code_hash = ${codeHash})`
        yield* database.run(host.refresh(owned))
      }
      const found = yield* Effect.request(new Lookup({ codeHash }), lookups)
      if (Option.isNone(found)) return yield* notFound
      const { state, expiresAt, ...owner } = found.value
      if (toUse && state !== "Live") {
        const reason = state.toLowerCase()
        yield* trail.refused({ event: "password.reset", reason, actor: "anonymous", userId: Option.some(owner.id) })
      }
      switch (state) {
        case "Used":
          return yield* new ResetCodeUsed()
        case "Superseded":
        case "Taken":
          return yield* new ResetCodeSuperseded()
        case "Expired":
          return yield* new ResetCodeExpired()
        case "Blocked":
          return yield* new AccountBlocked()
        case "Live":
          return { owner, expiresAt }
      }
    })

    /**
     * One statement, and the account's row its one contended lock. The losers of a race wait for it and are then checked
     * against the newest row, where the code isn't live any more (B1); a newer code (B3), a changed password (B4), and a
     * block in between have taken it away in the same row. Of the code itself only columns that never change are guards. The
     * new version ends the sessions that this snapshot can't see, such as one that a sign-in inserts meanwhile (F1, F8). The row
     * of the trail and the notice to the owner stand or fall with it (F5, F6).
     */
    const resetStatement = Effect.fnUntraced(function* (codeHash: ResetCodeHash, passwordHash: PasswordHash) {
      const { clientAddress, device, requestId } = yield* trace
      const language = yield* UnderstoodLanguage
      return yield* resetRow(sql`
        with changed as (
          update users u
          set password_hash = ${Redacted.value(passwordHash)}, credentials_version = u.credentials_version + 1,
            live_code = null, confirmed = true,
            password_changed_at = clock_timestamp(), updated_at = clock_timestamp(),
            language = coalesce(u.language, ${language}::text)
          from reset_codes c
          where c.code_hash = ${codeHash} and u.id = c.user_id and u.live_code = c.code_hash
            and c.expires_at > now() and not u.blocked
          returning ${reset}, u.language
        ), consumed as (
          update reset_codes c set used_at = clock_timestamp() from changed where c.code_hash = ${codeHash}
        ), ended as (
          delete from sessions s using changed u where s.user_id = u.id
        ), trail as (
          insert into audit (event, outcome, actor, user_id, request_id, client_address, device)
          select 'password.reset', 'done', 'owner', id, ${requestId}, ${clientAddress}, ${device} from changed
        ), notice as (
          insert into outbox (kind, recipient, user_id, details, request_id, language)
          select 'password-reset', email, id,
            jsonb_build_object('device', ${device}::text, 'clientAddress', ${clientAddress}::text), ${requestId}, language
          from changed
        )
        select * from changed`).pipe(Effect.map(Option.map(resetIn)), database.run)
    })

    /** The same for a registration that waits: the code shows that mail to its address arrives, so it becomes an account. */
    const firstPassword = Effect.fnUntraced(function* (codeHash: ResetCodeHash, passwordHash: PasswordHash) {
      const origin = { ...(yield* trace), language: yield* UnderstoodLanguage }
      return yield* resetRow(makeAccountOf(sql, codeHash, origin, passwordHash)).pipe(
        Effect.map(Option.map(resetIn)),
        database.run
      )
    })

    /**
     * After a lost connection: the salt is fresh, so where this very hash is stored, or its fingerprint, the reset was done (B8). The row is locked, so
     * that this waits, as the reset did, for the replicas that the database waits for: what is read may not be on them yet, and
     * gone after a failover.
     */
    const readBack = (codeHash: ResetCodeHash, passwordHash: PasswordHash) =>
      resetRow(sql`
        select ${reset} from users u
        where u.password_hash in (${Redacted.value(passwordHash)}, ${fingerprintOf(passwordHash)}) and u.id = coalesce(
          (select c.user_id from reset_codes c where c.code_hash = ${codeHash}),
          (select c.account_id from confirmation_codes c where c.code_hash = ${codeHash}))
        for no key update of u`).pipe(
        database.run,
        Effect.flatMap(Effect.fromOption),
        Effect.map(resetIn),
        Effect.retry(Schedule.spaced("100 millis")),
        Effect.mapError(() => new Unavailable())
      )

    const consume = Effect.fn("ResetCodes.consume")(function* (codeHash: ResetCodeHash, passwordHash: PasswordHash) {
      const began = yield* Clock.currentTimeMillis
      const done = yield* resetStatement(codeHash, passwordHash).pipe(
        Effect.flatMap((reset) =>
          Option.isSome(reset) ? Effect.succeed(reset) : firstPassword(codeHash, passwordHash)
        ),
        Effect.catchTag("Unavailable", () =>
          Effect.flatMap(Clock.currentTimeMillis, (now) =>
            readBack(codeHash, passwordHash).pipe(
              Effect.timeoutOrElse({
                duration: resetMillis - (now - began),
                orElse: () => Effect.fail(new Unavailable())
              }),
              Effect.asSome
            )
          )
        )
      )
      if (Option.isSome(done)) return done.value
      yield* look(codeHash, true)
      // Live again: the account was blocked for the moment of the statement. Asking again helps.
      return yield* new Unavailable()
    })

    return ResetCodes.of({
      check: Effect.fn("ResetCodes.check")((codeHash) => look(codeHash, false)),
      find: Effect.fn("ResetCodes.find")((codeHash) => look(codeHash, true)),
      consume
    })
  })
)
