import { Context, type Effect } from "effect"
import type { Email } from "../domain/Email.ts"
import type { Unavailable } from "../domain/Failure.ts"
import type { FreshResetCode } from "../secrets/ResetCodeMint.ts"

/** A mail that waits to be sent, claimed under a lease by the worker that holds it. */
export interface ClaimedMail {
  readonly id: bigint
  readonly recipient: Email
  readonly code: FreshResetCode
  /** When the code ends, and whether it may still be used: a mail with a dead code isn't sent (G4). */
  readonly codeExpiresAt: Date
  readonly codeLives: boolean
  /** How long the code still lives by the store's clock, in milliseconds: what the mail tells its reader. */
  readonly codeLivesForMillis: number
  /** How often this mail was tried, this time included. */
  readonly attempts: number
}

/** Mails between the transaction that needs them and the mail server. */
export class Outbox extends Context.Service<
  Outbox,
  {
    /** Claims due mails for `leaseMillis`, the oldest first; no other worker gets them meanwhile (G1). */
    claim(limit: number, leaseMillis: number): Effect.Effect<ReadonlyArray<ClaimedMail>, Unavailable>
    /** The mail is on its way: erases what its code was derived from. */
    sent(id: bigint): Effect.Effect<void, Unavailable>
    /** Sets a mail back, to be tried again after `afterMillis`. */
    retry(id: bigint, afterMillis: number): Effect.Effect<void, Unavailable>
    /** Takes a mail out that nobody needs any more. */
    drop(id: bigint): Effect.Effect<void, Unavailable>
  }
>()("rekey/mail/Outbox") {}
