import { Context, type Effect, type Option } from "effect"
import type { Unavailable } from "../domain/Failure.ts"
import type { PasswordHash } from "../domain/Password.ts"
import type { SessionId } from "../domain/Session.ts"
import type { AccountExists, User, UserId } from "../domain/User.ts"
import type { Identifier } from "./Identifier.ts"

/** An account with what proves its owner. `version` rises with every new password and guards every write that relies on it (F8, F9). */
export interface Credentials {
  readonly user: User
  readonly passwordHash: PasswordHash
  readonly version: number
}

/** Accounts as the use cases need them of a store. */
export class AccountRepository extends Context.Service<
  AccountRepository,
  {
    /** Adds an account, neither confirmed nor blocked. */
    insert(
      account: Pick<User, "id" | "username" | "email"> & { readonly passwordHash: PasswordHash }
    ): Effect.Effect<Credentials, AccountExists | Unavailable>

    find(identifier: Identifier): Effect.Effect<Option.Option<Credentials>, Unavailable>

    /** Puts a stronger hash of the same password in place, unless the password has changed since `version` was read (F8). */
    upgradeHash(id: UserId, version: number, passwordHash: PasswordHash): Effect.Effect<void, Unavailable>

    /**
     * Sets a new password, ends the live code and every session but `keep`, queues a notice to the owner. `None` where the password has changed since `version`
     * was read (F9), or the account is blocked or gone.
     */
    changePassword(change: {
      readonly id: UserId
      readonly version: number
      readonly passwordHash: PasswordHash
      readonly keep: SessionId
    }): Effect.Effect<Option.Option<User>, Unavailable>

    /**
     * Deletes an account with all that hangs on it but its trail, and queues a last notice to its address. `false` where the password
     * has changed since `version` was read, or the account is blocked or gone.
     */
    remove(id: UserId, version: number): Effect.Effect<boolean, Unavailable>
  }
>()("rekey/accounts/AccountRepository") {}
