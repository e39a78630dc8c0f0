import { Context, type Effect, type Option } from "effect"
import type { TypedIdentifier } from "../accounts/Identifier.ts"
import type { AdministratorName } from "../domain/Administrator.ts"
import type { EmailKey } from "../domain/Email.ts"
import type { Unavailable } from "../domain/Failure.ts"
import type { PasswordHash } from "../domain/Password.ts"
import type { ResetCodeHash, ResetCodeRefused } from "../domain/ResetCode.ts"
import type { AccountBlocked, AccountNotFound, User } from "../domain/User.ts"
import type { Language } from "../language/Language.ts"
import type { FreshResetCode } from "../secrets/ResetCodeMint.ts"

/** A code that may be used now. */
export interface LiveResetCode {
  readonly owner: Pick<User, "id" | "username" | "email">
  readonly expiresAt: Date
}

/** Reset codes as the use cases need them of a store. Time is the store's. */
export class ResetCodes extends Context.Service<
  ResetCodes,
  {
    /** Looks a code up without using it. Of several reasons against it, the first of used, superseded, expired, blocked. */
    check(codeHash: ResetCodeHash): Effect.Effect<LiveResetCode, ResetCodeRefused | AccountBlocked | Unavailable>

    /** The same for a code that is about to be used: a refusal is written to the audit trail. */
    find(codeHash: ResetCodeHash): Effect.Effect<LiveResetCode, ResetCodeRefused | AccountBlocked | Unavailable>

    /**
     * Uses a code: all at once, or not at all, the password hash is set, the code and its siblings end, every session ends, the
     * address is confirmed, the audit trail has its row and the outbox a notice to the owner. Of many at once with one code, one succeeds. Gives the account and its new credentials version.
     */
    consume(
      codeHash: ResetCodeHash,
      passwordHash: PasswordHash
    ): Effect.Effect<{ readonly user: User; readonly version: number }, ResetCodeRefused | AccountBlocked | Unavailable>
  }
>()("rekey/recovery/ResetCodes") {}

/** What became of the requests of one address. */
export interface RequestTaken {
  readonly outcome: "Issued" | "Dropped"
  /** That whoever asked understands. */
  readonly language: Language
}

/** Requests to recover an account, from the door to the worker. */
export class RecoveryRequests extends Context.Service<
  RecoveryRequests,
  {
    /** Writes a request down: the same statement for every address, whoever has it (C1). */
    add(email: EmailKey): Effect.Effect<void, Unavailable>

    /** Writes an administrator's request for an account down, or into the trail why it is refused (F7). */
    addFor(
      account: TypedIdentifier,
      administrator: AdministratorName
    ): Effect.Effect<void, AccountNotFound | AccountBlocked | Unavailable>

    /**
     * Takes the requests of one address together and, where its account may have a code now, makes `code` its live code and
     * queues the mail. `None` where nobody waits.
     */
    takeNext(
      code: FreshResetCode,
      limits: { readonly codeTtlMillis: number; readonly cooldownMillis: number; readonly hourlyCap: number }
    ): Effect.Effect<Option.Option<RequestTaken>, Unavailable>
  }
>()("rekey/recovery/RecoveryRequests") {}
