import { Context, Effect, Layer, Option } from "effect"
import { SecureRandom } from "effect/crypto"
import type { Unavailable } from "../domain/Failure.ts"
import { Session, SessionId, SessionNotFound, type SessionToken, Unauthenticated } from "../domain/Session.ts"
import type { User } from "../domain/User.ts"
import { SessionRepository, type StoredSession } from "./SessionRepository.ts"
import { SessionTokens } from "./SessionTokens.ts"

/** A session in use and the account that it belongs to. */
export interface Authenticated {
  readonly session: StoredSession
  readonly user: User
}

/** Who is signed in, for how long, and how that ends. */
export class Sessions extends Context.Service<
  Sessions,
  {
    /** A token for a new session; `None` where the credentials have changed since `version` was read (F8). */
    open(user: User, version: number): Effect.Effect<Option.Option<SessionToken>, Unavailable>
    /** A fresh token for a session that goes on. */
    renew(authenticated: Authenticated): Effect.Effect<SessionToken>
    authenticate(token: SessionToken): Effect.Effect<Authenticated, Unauthenticated | Unavailable>
    /** The account's sessions, this one first. */
    list(authenticated: Authenticated): Effect.Effect<ReadonlyArray<Session>, Unavailable>
    /** Ends this one. */
    signOut(authenticated: Authenticated): Effect.Effect<void, Unavailable>
    /** Ends any one of the account. */
    end(authenticated: Authenticated, id: SessionId): Effect.Effect<void, SessionNotFound | Unavailable>
    /** Ends all the others. */
    endOthers(authenticated: Authenticated): Effect.Effect<void, Unavailable>
  }
>()("rekey/accounts/Sessions") {
  static readonly layer = (options: { readonly ttlMillis: number }) =>
    Layer.effect(
      Sessions,
      Effect.gen(function* () {
        const repository = yield* SessionRepository
        const tokens = yield* SessionTokens
        const random = yield* SecureRandom.SecureRandom

        const open = Effect.fn("Sessions.open")(function* (user: User, version: number) {
          const id = SessionId.make(yield* random.uuidV7())
          const opened = yield* repository.open({ id, userId: user.id, version, ttlMillis: options.ttlMillis })
          if (Option.isNone(opened)) return Option.none()
          return Option.some(yield* tokens.sign({ ...opened.value, userId: user.id }))
        })

        const authenticate = Effect.fn("Sessions.authenticate")(function* (token: SessionToken) {
          const found = yield* repository.authenticate(yield* tokens.verify(token))
          if (Option.isNone(found)) return yield* new Unauthenticated()
          return found.value
        })

        const list = Effect.fn("Sessions.list")(function* ({ session: current, user }: Authenticated) {
          const stored = yield* repository.list(user.id)
          const sessions = stored.map((session) => new Session({ ...session, current: session.id === current.id }))
          return [...sessions.filter((_) => _.current), ...sessions.filter((_) => !_.current)]
        })

        const end = Effect.fn("Sessions.end")(function* ({ user }: Authenticated, id: SessionId) {
          const ended = yield* repository.end(user.id, id)
          if (!ended) return yield* new SessionNotFound()
        })

        return Sessions.of({
          open,
          renew: ({ session, user }) => tokens.sign({ ...session, userId: user.id }),
          authenticate,
          list,
          signOut: ({ session, user }) => Effect.asVoid(repository.end(user.id, session.id)),
          end,
          endOthers: ({ session, user }) => repository.endOthers(user.id, session.id)
        })
      })
    )
}
