import { Context, type Effect, type Option } from "effect"
import type { Unavailable } from "../domain/Failure.ts"
import type { SessionId } from "../domain/Session.ts"
import type { User, UserId } from "../domain/User.ts"

/** A session as it is stored. */
export interface StoredSession {
  readonly id: SessionId
  readonly createdAt: Date
  readonly expiresAt: Date
}

/** The same with what tells its owner where it was opened. */
export interface ListedSession extends StoredSession {
  /** In words of ours. */
  readonly device: string
  /** As AUDIT_ADDRESS lets it be kept; none where nothing was. */
  readonly clientAddress: string | null
}

/** Sessions as the use cases need them of a store. Time is the store's. */
export class SessionRepository extends Context.Service<
  SessionRepository,
  {
    /**
     * Opens a session for the account whose credentials were read with `version`. `None` where the password has changed since, or
     * the account is blocked or gone (F8).
     */
    open(session: {
      readonly id: SessionId
      readonly userId: UserId
      readonly version: number
      readonly ttlMillis: number
    }): Effect.Effect<Option.Option<StoredSession>, Unavailable>

    /** The session and its account, if it may still be used: not ended, not expired, no newer password, not blocked. */
    authenticate(
      id: SessionId
    ): Effect.Effect<Option.Option<{ readonly session: StoredSession; readonly user: User }>, Unavailable>

    /** The account's usable sessions, the newest first. */
    list(userId: UserId): Effect.Effect<ReadonlyArray<ListedSession>, Unavailable>

    /** Ends one session of the account; `false` where the account has no such session. */
    end(userId: UserId, id: SessionId): Effect.Effect<boolean, Unavailable>

    /** Ends all sessions of the account but one. */
    endOthers(userId: UserId, keep: SessionId): Effect.Effect<void, Unavailable>
  }
>()("rekey/accounts/SessionRepository") {}
