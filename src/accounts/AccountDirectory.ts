import { Context, type Effect, type Option } from "effect"
import type { Unavailable } from "../domain/Failure.ts"
import type { PasswordHash } from "../domain/Password.ts"
import type { AccountExists, User, UserId } from "../domain/User.ts"
import type { Identifier } from "./Identifier.ts"

/** What an operator may know of an account: nothing that opens it. */
export interface AccountDetails {
  readonly user: User
  readonly passwordChangedAt: Date
  /** Sessions that are live. */
  readonly sessions: number
  /** Until when a reset code may be used. */
  readonly codeUntil: Option.Option<Date>
  /** Mails that wait to be sent. */
  readonly mailsWaiting: number
  readonly lastSignInAt: Option.Option<Date>
}

/** An account that is brought along from elsewhere, or made for somebody. */
export interface NewAccount extends Pick<User, "id" | "username" | "email" | "confirmed" | "blocked"> {
  readonly passwordHash: PasswordHash
  /** None: now. */
  readonly createdAt: Option.Option<Date>
}

/** An account with its hash, as an export carries it. */
export interface ExportedAccount {
  readonly user: User
  readonly passwordHash: PasswordHash
}

/** What was ended. */
export interface Ended {
  readonly sessions: number
  /** Codes that were mailed, and might have been used still. */
  readonly codes: number
}

/** Which accounts, in the order of their ids, which is that of their making. */
export interface AccountPage {
  readonly after: Option.Option<UserId>
  readonly limit: number
}

/** Accounts as an operator needs them of a store. The trail has each change, with the actor `cli`. */
export class AccountDirectory extends Context.Service<
  AccountDirectory,
  {
    list(
      page: AccountPage & {
        /** In the address or the user name, in any case. */
        readonly containing: Option.Option<string>
        readonly blocked: Option.Option<boolean>
      }
    ): Effect.Effect<ReadonlyArray<User>, Unavailable>

    describe(identifier: Identifier): Effect.Effect<Option.Option<AccountDetails>, Unavailable>

    add(account: NewAccount): Effect.Effect<User, AccountExists | Unavailable>

    /** Blocks an account, which ends its sessions; `None` where it was blocked before. */
    block(id: UserId): Effect.Effect<Option.Option<Ended>, Unavailable>

    /** `false` where the account wasn't blocked. */
    unblock(id: UserId): Effect.Effect<boolean, Unavailable>

    /** Deletes an account with all that hangs on it but its trail; `false` where it is gone already. */
    remove(id: UserId): Effect.Effect<boolean, Unavailable>

    /** Ends an account's sessions and its live code. */
    endSessions(id: UserId): Effect.Effect<Ended, Unavailable>

    /**
     * The same for a batch of all accounts that have any, in the order of their ids; `last` is where the next batch begins, none after
     * the last one.
     */
    endSomeSessions(
      page: AccountPage
    ): Effect.Effect<Ended & { readonly accounts: number; readonly last: Option.Option<UserId> }, Unavailable>

    /** Ends every code that confirms an address, and every way back to a former one; how many. */
    readonly endConfirmationCodes: Effect.Effect<number, Unavailable>

    readonly count: Effect.Effect<number, Unavailable>

    exportSome(page: AccountPage): Effect.Effect<ReadonlyArray<ExportedAccount>, Unavailable>
  }
>()("rekey/accounts/AccountDirectory") {}
