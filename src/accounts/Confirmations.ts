import { Context, type Effect, type Option } from "effect"
import type { ConfirmationCodeHash, ConfirmationCodeRefused } from "../domain/ConfirmationCode.ts"
import type { EmailKey } from "../domain/Email.ts"
import type { Unavailable } from "../domain/Failure.ts"
import type { PasswordHash } from "../domain/Password.ts"
import type { AccountBlocked, AccountExists, User } from "../domain/User.ts"
import type { FreshConfirmationCode } from "../secrets/ConfirmationCodeMint.ts"
import type { MailDecided } from "./MailDecided.ts"

/** Addresses that wait to be confirmed, as the use cases need them of a store. Time is the store's. */
export class Confirmations extends Context.Service<
  Confirmations,
  {
    /**
     * Keeps an asked account apart until its address is confirmed, and asks for the mail. Looks at user names, which are public, and
     * never at who has the address: the statement and its outcome are the same for free and taken ones (C6).
     */
    register(
      account: Pick<User, "id" | "username" | "email"> & {
        readonly passwordHash: PasswordHash
        readonly ttlMillis: number
      }
    ): Effect.Effect<void, AccountExists | Unavailable>

    /** Asks for the mail once more: the same statement for every address. */
    askAgain(email: EmailKey): Effect.Effect<void, Unavailable>

    /**
     * Takes the oldest request for a mail and queues what is due: `code` to an address that waits, a notice to the owner of one that
     * somebody registered with, or nothing. `None` where nobody waits.
     */
    takeNext(
      code: FreshConfirmationCode,
      limits: { readonly ttlMillis: number; readonly cooldownMillis: number; readonly hourlyCap: number }
    ): Effect.Effect<Option.Option<MailDecided>, Unavailable>

    /**
     * Uses a code: makes an account of the registration, or confirms the account. Of several registrations with one address the
     * first to be confirmed becomes the account; the code of another one is `AccountExists`.
     */
    confirm(
      codeHash: ConfirmationCodeHash
    ): Effect.Effect<User, ConfirmationCodeRefused | AccountBlocked | AccountExists | Unavailable>
  }
>()("rekey/accounts/Confirmations") {}
