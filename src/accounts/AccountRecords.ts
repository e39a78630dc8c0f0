import { Context, type Effect, type Option } from "effect"
import type { AccountExport } from "../domain/AccountExport.ts"
import type { Unavailable } from "../domain/Failure.ts"
import type { UserId } from "../domain/User.ts"

/** What a store holds on an account beside its sessions and its events. */
export class AccountRecords extends Context.Service<
  AccountRecords,
  {
    /** Gives it to the owner, which the trail has; `None` where the account is gone. */
    export(
      id: UserId
    ): Effect.Effect<
      Option.Option<Pick<AccountExport, "user" | "passwordChangedAt" | "language" | "mails">>,
      Unavailable
    >
  }
>()("rekey/accounts/AccountRecords") {}
