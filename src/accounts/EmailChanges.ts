import { Context, type Effect, type Option } from "effect"
import type { Email } from "../domain/Email.ts"
import type { EmailChangeCodeHash, EmailChangeCodeRefused } from "../domain/EmailChange.ts"
import type { Unavailable } from "../domain/Failure.ts"
import type { PasswordHash } from "../domain/Password.ts"
import type { SessionId } from "../domain/Session.ts"
import type { AccountBlocked, AccountExists, User, UserId } from "../domain/User.ts"
import type { FreshEmailChangeCode } from "../secrets/EmailChangeCodeMint.ts"
import type { MailDecided } from "./MailDecided.ts"

/** Changes of addresses, and the ways back, as the use cases need them of a store. Time is the store's. */
export class EmailChanges extends Context.Service<
  EmailChanges,
  {
    /**
     * Writes a request down, and never looks at who has the address: the statement and its outcome are the same for free and taken ones
     * (C6). `false` where the password has changed since `version` was read, or the account is blocked or gone.
     */
    ask(change: {
      readonly id: UserId
      readonly version: number
      readonly session: SessionId
      readonly email: Email
    }): Effect.Effect<boolean, Unavailable>

    /**
     * Takes the requests of one account and makes `code` the one that may change its address to the newest that was asked for. Where
     * the address is free the code is mailed there; where it is taken its owner gets a notice. `None` where nobody waits.
     */
    takeNext(
      code: FreshEmailChangeCode,
      limits: { readonly ttlMillis: number; readonly cooldownMillis: number; readonly hourlyCap: number }
    ): Effect.Effect<Option.Option<MailDecided>, Unavailable>

    /**
     * Uses a code: all at once, or not at all, the account has the new address, which is confirmed, every code for its password ends,
     * every session ends but the one that asked, and `wayBack` is queued to the former address. Of many at once one succeeds.
     */
    confirm(
      codeHash: EmailChangeCodeHash,
      wayBack: FreshEmailChangeCode,
      wayBackTtlMillis: number
    ): Effect.Effect<User, EmailChangeCodeRefused | AccountBlocked | AccountExists | Unavailable>

    /** Whether a way back is open. Nothing changes. */
    checkWayBack(
      codeHash: EmailChangeCodeHash
    ): Effect.Effect<void, EmailChangeCodeRefused | AccountBlocked | Unavailable>

    /**
     * Takes a way back: the account has its former address again, and `passwordHash`, which opens it to nobody; every session, every code
     * and every way back from later ends. A reset code is asked for, for whoever reads the mails there,
     * and the address that it replaces is told. Of many at once one succeeds.
     */
    undo(
      codeHash: EmailChangeCodeHash,
      passwordHash: PasswordHash
    ): Effect.Effect<User, EmailChangeCodeRefused | AccountBlocked | Unavailable>
  }
>()("rekey/accounts/EmailChanges") {}
