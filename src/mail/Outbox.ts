import { Context, type Effect } from "effect"
import type { Email } from "../domain/Email.ts"
import type { Unavailable } from "../domain/Failure.ts"
import type { Language } from "../language/Language.ts"
import type { FreshConfirmationCode } from "../secrets/ConfirmationCodeMint.ts"
import type { FreshEmailChangeCode } from "../secrets/EmailChangeCodeMint.ts"
import type { FreshResetCode } from "../secrets/ResetCodeMint.ts"

/** What every mail in hand has. */
interface Claimed {
  readonly id: bigint
  /** The same at every try; random letters and digits. */
  readonly messageId: string
  readonly recipient: Email
  /** The account's own, else that of whoever asked for the mail. */
  readonly language: Language
  /** How often this mail was tried, this time included. */
  readonly attempts: number
  /** Since it was queued, by the store's clock, in milliseconds. */
  readonly ageMillis: number
}

/** What every mail that brings a code has. */
interface ClaimedCode extends Claimed {
  /** Whether the code may still be used: a mail with a dead code isn't sent (G4). */
  readonly codeLives: boolean
  /** How long the code still lives by the store's clock, in milliseconds: what the mail tells its reader. */
  readonly codeLivesForMillis: number
}

/** A mail that brings a reset code. */
export interface ClaimedResetCode extends ClaimedCode {
  readonly kind: "reset-code"
  readonly code: FreshResetCode
  /** Whether an administrator asked for it, and not somebody who may be the owner. */
  readonly byAdministrator: boolean
}

/** A mail that brings a confirmation code: to confirm with, or to choose a password with before the address was ever confirmed. */
export interface ClaimedConfirmation extends ClaimedCode {
  readonly kind: "email-confirmation" | "registration-reset"
  readonly code: FreshConfirmationCode
  /** As somebody asked for it; not the owner of the address, maybe. */
  readonly username: string
  /** Whether there is an account already; else the confirmation makes one. */
  readonly isAccount: boolean
}

/** A mail to the address that somebody wants for their account, with the code that changes it. */
export interface ClaimedEmailChange extends ClaimedCode {
  readonly kind: "email-change"
  readonly code: FreshEmailChangeCode
}

/** When something happened, and from where it was asked for. */
export interface Occasion {
  readonly at: Date
  /** In words of ours. */
  readonly device: string
  /** As AUDIT_ADDRESS lets it be kept; none where nothing was. */
  readonly clientAddress: string | null
}

/** A mail to the address that an account had: what happened, and the code that leads back. */
export interface ClaimedWayBack extends ClaimedCode {
  readonly kind: "email-changed"
  readonly code: FreshEmailChangeCode
  readonly happened: Occasion
}

/** What happened to an account, or was tried with its address, for its owner (F5, C6). No secret. */
export interface Notice extends Occasion {
  readonly event:
    | "password-reset"
    | "password-changed"
    | "registration-attempted"
    | "email-change-attempted"
    | "email-restored"
    | "email-withdrawn"
    | "account-deleted"
}

/** A mail that tells the owner what happened, and has no code. */
export interface ClaimedNotice extends Claimed {
  readonly kind: "notice"
  readonly notice: Notice
}

/** A mail that waits to be sent, claimed under a lease by the worker that holds it. */
export type ClaimedMail = ClaimedResetCode | ClaimedConfirmation | ClaimedEmailChange | ClaimedWayBack | ClaimedNotice

/** Mails between the transaction that needs them and the mail server. What becomes of one is in the audit trail. */
export class Outbox extends Context.Service<
  Outbox,
  {
    /**
     * Claims due mails for `leaseMillis`, the oldest first; no other worker gets them meanwhile (G1). A mail waits for an older one
     * of its account to the same address, for 10 minutes at most and not for one with a superseded code: a mail that can't be sent must not keep the
     * owner from getting a code.
     */
    claim(limit: number, leaseMillis: number): Effect.Effect<ReadonlyArray<ClaimedMail>, Unavailable>
    /** The mail is on its way: erases what its code was derived from. */
    sent(id: bigint): Effect.Effect<void, Unavailable>
    /** Sets a mail back, to be tried again after `afterMillis`. */
    retry(id: bigint, afterMillis: number): Effect.Effect<void, Unavailable>
    /** Takes a mail out that nobody needs any more. */
    drop(id: bigint, reason: string): Effect.Effect<void, Unavailable>
    /** Makes a dead letter of a mail that can't be sent, for the operator to see (G3). */
    setAside(id: bigint, reason: string): Effect.Effect<void, Unavailable>
    /** The work of writing down what became of a mail, for a request that got none (C2). */
    readonly rehearse: Effect.Effect<void, Unavailable>
  }
>()("rekey/mail/Outbox") {}
