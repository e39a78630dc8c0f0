import { Effect, Layer, Request, RequestResolver, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { gatherFor } from "../background/Gathering.ts"
import { ConfirmationCodeHash } from "../domain/ConfirmationCode.ts"
import { Email } from "../domain/Email.ts"
import { EmailChangeCodeHash } from "../domain/EmailChange.ts"
import type { Unavailable } from "../domain/Failure.ts"
import { ResetCodeHash } from "../domain/ResetCode.ts"
import { storedLanguage } from "../language/Language.ts"
import { type ClaimedMail, Outbox } from "../mail/Outbox.ts"
import { Database } from "./Database.ts"
import { isKeptFor, openWayBack } from "./formerEmails.ts"
import { queueIn } from "./queues.ts"
import { allRows } from "./Rows.ts"
import { stateOfRegistration } from "./registrations.ts"

const claimedFields = {
  id: Schema.BigInt,
  messageId: Schema.String,
  recipient: Email,
  /** None where a former version queued it, or nobody said. */
  language: Schema.NullOr(Schema.String),
  attempts: Schema.Int,
  ageMillis: Schema.Finite
}

const codeFields = {
  ...claimedFields,
  nonce: Schema.Uint8Array,
  codeLives: Schema.Boolean,
  codeLivesForMillis: Schema.Finite
}

const ResetCodeRow = Schema.Struct({
  ...codeFields,
  kind: Schema.Literal("reset-code"),
  /** None where the code was cleaned up. */
  codeHash: Schema.NullOr(ResetCodeHash),
  /** None where a former version queued it. */
  details: Schema.NullOr(Schema.Struct({ byAdministrator: Schema.Boolean }))
})

const ConfirmationRow = Schema.Struct({
  ...codeFields,
  kind: Schema.Literals(["email-confirmation", "registration-reset"]),
  /** None where the code was cleaned up. */
  confirmationHash: Schema.NullOr(ConfirmationCodeHash),
  details: Schema.Struct({ username: Schema.String, isAccount: Schema.Boolean })
})

const occasion = Schema.Struct({ device: Schema.String, clientAddress: Schema.NullOr(Schema.String) })

const EmailChangeRow = Schema.Struct({
  ...codeFields,
  kind: Schema.Literal("email-change"),
  /** None where the code was cleaned up. */
  changeHash: Schema.NullOr(EmailChangeCodeHash)
})

const WayBackRow = Schema.Struct({
  ...codeFields,
  kind: Schema.Literal("email-changed"),
  /** None where the code was cleaned up. */
  wayBackHash: Schema.NullOr(EmailChangeCodeHash),
  createdAt: Schema.Date,
  details: occasion
})

const NoticeRow = Schema.Struct({
  ...claimedFields,
  kind: Schema.Literals([
    "password-reset",
    "password-changed",
    "registration-attempted",
    "email-change-attempted",
    "email-restored",
    "email-withdrawn",
    "account-deleted"
  ]),
  createdAt: Schema.Date,
  details: occasion
})

const ClaimedRow = Schema.Union([ResetCodeRow, ConfirmationRow, EmailChangeRow, WayBackRow, NoticeRow])
const claimedRows = allRows(ClaimedRow)

const noCode = new Uint8Array()

const mailIn = (row: typeof ClaimedRow.Type): ClaimedMail => {
  const language = storedLanguage(row.language)
  switch (row.kind) {
    case "reset-code": {
      const { codeHash, details, nonce, ...mail } = row
      return {
        ...mail,
        language,
        code: { codeHash: codeHash ?? ResetCodeHash.make(noCode), nonce },
        byAdministrator: details?.byAdministrator ?? false
      }
    }
    case "email-confirmation":
    case "registration-reset": {
      const { confirmationHash, details, nonce, ...mail } = row
      return {
        ...mail,
        ...details,
        language,
        code: { codeHash: confirmationHash ?? ConfirmationCodeHash.make(noCode), nonce }
      }
    }
    case "email-change": {
      const { changeHash, nonce, ...mail } = row
      return { ...mail, language, code: { codeHash: changeHash ?? EmailChangeCodeHash.make(noCode), nonce } }
    }
    case "email-changed": {
      const { createdAt, details, nonce, wayBackHash, ...mail } = row
      return {
        ...mail,
        language,
        code: { codeHash: wayBackHash ?? EmailChangeCodeHash.make(noCode), nonce },
        happened: { at: createdAt, ...details }
      }
    }
    default: {
      const { createdAt, details, kind, ...mail } = row
      return { ...mail, language, kind: "notice", notice: { event: kind, at: createdAt, ...details } }
    }
  }
}

/** What became of a mail. The id as text, since JSON has no large integers. */
class Settlement extends Request.Class<
  {
    readonly row: { readonly id: string; readonly outcome: "sent" | "dropped" | "dead"; readonly reason: string | null }
  },
  void,
  Unavailable
> {}

/** How long a mail that has ended waits for others to be written down with it. */
const gatherMillis = 20

/** An id that no mail has. */
const nobodysMail = 0n

/** Mails in the table `outbox`. */
export const layer = Layer.effect(
  Outbox,
  Effect.gen(function* () {
    const database = yield* Database
    const sql = yield* SqlClient.SqlClient
    const ofRegistration = sql.literal(stateOfRegistration)
    const queue = queueIn(sql, "outbox")

    const claim: Outbox["Service"]["claim"] = Effect.fn("Outbox.claim")((limit, leaseMillis) =>
      // `skip locked` gives each mail to one worker (G1), and the lease keeps it there after the commit, until its worker is
      // done or surely dead (G2). The code is looked at in the same statement, so that no dead one is sent (G4). Rows of one account
      // are queued under its lock, so their ids say their order. Of kinds that a newer version queues this one knows nothing.
      claimedRows(sql`
        with due as (
          select o.id from outbox o
          where o.outcome is null and o.due_at <= now() and o.kind in ('reset-code', 'password-reset',
              'password-changed', 'email-confirmation', 'registration-reset', 'registration-attempted',
              'email-change', 'email-change-attempted', 'email-changed', 'email-restored', 'email-withdrawn',
              'account-deleted')
            and not exists (
              select from outbox e
              where e.user_id = o.user_id and e.recipient = o.recipient and e.id < o.id and e.outcome is null
                and (e.leased_until > now()
                  or e.created_at > now() - interval '10 minutes'
                    and (e.kind <> 'reset-code'
                      or e.code_hash = (select u.live_code from users u where u.id = o.user_id))))
          order by o.due_at, o.id ${queue.upTo(limit)} for update of o skip locked
        ), claimed as (
          update outbox o
          set ${queue.leased(leaseMillis)}
          from due where o.id = due.id
          returning o.id, o.message_id, o.kind, o.recipient, o.user_id, o.code_hash, o.confirmation_hash, o.change_hash,
            o.way_back_hash, o.nonce, o.details, o.attempts, o.created_at, o.language
        )
        select m.id, replace(m.message_id::text, '-', '') as message_id, m.kind, m.recipient, m.code_hash, m.confirmation_hash, m.change_hash,
          m.way_back_hash, m.nonce, m.details, m.attempts, m.created_at, m.language, (extract(epoch from now() - m.created_at) * 1000)::float8 as age_millis,
          coalesce(
            case
              when m.kind = 'reset-code' then u.live_code = k.code_hash and k.expires_at > now() and not u.blocked
              when m.kind = 'email-change' then u.live_change = x.code_hash and u.credentials_version = x.credentials_version
                and x.expires_at > now() and not u.blocked
                and not exists (select from users o where o.email_key = x.email_key and o.id <> u.id)
                and not ${isKeptFor(sql, { column: "x.email_key", account: "u.id" })}
              when m.kind = 'email-changed' then ${sql.literal(openWayBack)}
              when r.id is not null then ${ofRegistration} = 'Live'
              else u.email_key = c.email_key and c.expires_at > now() and c.used_at is null and not u.confirmed
                and not u.blocked
            end, false) as code_lives,
          coalesce((extract(epoch from coalesce(k.expires_at, c.expires_at, x.expires_at, f.expires_at) - now()) * 1000)::float8, 0) as code_lives_for_millis
        from claimed m left join users u on u.id = m.user_id left join reset_codes k on k.code_hash = m.code_hash
          left join confirmation_codes c on c.code_hash = m.confirmation_hash left join registrations r on r.id = c.account_id
          left join email_changes x on x.code_hash = m.change_hash left join former_emails f on f.code_hash = m.way_back_hash
        order by m.id`).pipe(
        Effect.map((rows) => rows.map(mailIn)),
        database.run
      )
    )

    /** What became of mails, in the outbox and in the trail: a statement for all that end at about the same time. */
    const settlements = RequestResolver.make<Settlement>((entries) =>
      sql`
        with ended as (
          select id, outcome, reason
          from jsonb_to_recordset(${JSON.stringify(entries.map(({ request }) => request.row))}::text::jsonb)
            as r (id bigint, outcome text, reason text)
        ), settled as (
          update outbox o set outcome = e.outcome, settled_at = now(), nonce = null, leased_until = null
          from ended e where o.id = e.id and o.outcome is null
          returning o.id, o.kind, o.user_id, o.request_id
        )
        insert into audit (event, outcome, reason, actor, user_id, request_id)
        select 'mail.' || coalesce(s.kind, 'reset-code'), e.outcome, e.reason, 'system', s.user_id, s.request_id
        from ended e left join settled s using (id) where s.id is not null or e.id = ${nobodysMail}::bigint`.pipe(
        database.run,
        Effect.andThen(Effect.forEach(entries, Request.succeed(undefined), { discard: true }))
      )
    ).pipe(RequestResolver.setDelayEffect(gatherFor(gatherMillis)))

    const settle = (id: bigint, outcome: "sent" | "dropped" | "dead", reason: string | null) =>
      Effect.request(new Settlement({ row: { id: String(id), outcome, reason } }), settlements)

    const retry: Outbox["Service"]["retry"] = Effect.fn("Outbox.retry")((id, afterMillis) =>
      sql`
        update outbox o set ${queue.setBack(afterMillis)}
        where id = ${id} and outcome is null`.pipe(Effect.asVoid, database.run)
    )

    return Outbox.of({
      claim,
      sent: Effect.fn("Outbox.sent")((id) => settle(id, "sent", null)),
      retry,
      drop: Effect.fn("Outbox.drop")((id, reason) => settle(id, "dropped", reason)),
      setAside: Effect.fn("Outbox.setAside")((id, reason) => settle(id, "dead", reason)),
      // No row has this id, and one is written to the trail all the same.
      rehearse: Effect.withSpan(settle(nobodysMail, "dropped", "no-code"), "Outbox.sent")
    })
  })
)
