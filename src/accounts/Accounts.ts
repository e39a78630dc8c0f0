import { Context, Effect, Layer, Option } from "effect"
import { SecureRandom } from "effect/crypto"
import type { Email } from "../domain/Email.ts"
import { type Busy, type RateLimited, Unavailable } from "../domain/Failure.ts"
import { type Password, PasswordMismatch, type PasswordRejected, samePassword } from "../domain/Password.ts"
import { type SessionToken, Unauthenticated } from "../domain/Session.ts"
import {
  AccountBlocked,
  type AccountExists,
  AccountKeptElsewhere,
  InvalidCredentials,
  RegistrationClosed,
  type User,
  UserId,
  type Username
} from "../domain/User.ts"
import { OutboxWorker } from "../mail/OutboxWorker.ts"
import { PasswordHasher } from "../passwords/PasswordHasher.ts"
import { PasswordPolicy } from "../passwords/PasswordPolicy.ts"
import { Trail } from "../trail/Trail.ts"
import { AccountRepository } from "./AccountRepository.ts"
import { Confirmations } from "./Confirmations.ts"
import { ConfirmationWorker } from "./ConfirmationWorker.ts"
import { makeCurrentPassword } from "./currentPassword.ts"
import { GuessLimits } from "./GuessLimits.ts"
import { type Identifier, identify } from "./Identifier.ts"
import { type Authenticated, Sessions } from "./Sessions.ts"

/** An account and a token that proves who is signed in to it. */
export interface SignedIn {
  readonly jwt: SessionToken
  readonly user: User
}

/** Getting an account, signing in to it, and changing its password while signed in. */
export class Accounts extends Context.Service<
  Accounts,
  {
    /**
     * `None` where the address has to be confirmed first: then free and taken addresses get the same answer after the same work (C6).
     * A user name that is taken or reserved is `AccountExists` in any case, since user names are public.
     */
    register(account: {
      readonly username: Username
      readonly email: Email
      readonly password: Password
    }): Effect.Effect<
      Option.Option<SignedIn>,
      RegistrationClosed | PasswordRejected | AccountExists | Busy | Unavailable
    >

    /** `identifier` is the address or the user name. An unknown one costs as much time as a wrong password (C5). */
    signIn(attempt: {
      readonly identifier: string
      readonly password: Password
    }): Effect.Effect<SignedIn, InvalidCredentials | AccountBlocked | RateLimited | Busy | Unavailable>

    /** The session goes on with a fresh token, all the others end. */
    changePassword(
      authenticated: Authenticated,
      change: {
        readonly currentPassword: Password
        readonly password: Password
        readonly passwordConfirmation: Password
      }
    ): Effect.Effect<
      SignedIn,
      PasswordMismatch | PasswordRejected | InvalidCredentials | Unauthenticated | RateLimited | Busy | Unavailable
    >

    /**
     * Deletes the account for good, by its password: a session alone may be a stolen one. Its owner gets a last mail. Another
     * application's account isn't ours to delete.
     */
    remove(
      authenticated: Authenticated,
      currentPassword: Password
    ): Effect.Effect<
      void,
      AccountKeptElsewhere | InvalidCredentials | Unauthenticated | RateLimited | Busy | Unavailable
    >
  }
>()("rekey/accounts/Accounts") {
  static readonly layer = (options: {
    readonly registration: boolean
    /** Whose the accounts are, where they aren't ours. */
    readonly users: Option.Option<unknown>
    readonly emailConfirmation: { readonly required: boolean; readonly ttlMillis: number }
  }) =>
    Layer.effect(
      Accounts,
      Effect.gen(function* () {
        const repository = yield* AccountRepository
        const confirmations = yield* Confirmations
        const confirmationWorker = yield* ConfirmationWorker
        const sessions = yield* Sessions
        const hasher = yield* PasswordHasher
        const policy = yield* PasswordPolicy
        const guesses = yield* GuessLimits
        const outbox = yield* OutboxWorker
        const trail = yield* Trail
        const random = yield* SecureRandom.SecureRandom
        const proven = yield* makeCurrentPassword

        const register = Effect.fn("Accounts.register")(function* ({
          email,
          password,
          username
        }: {
          readonly username: Username
          readonly email: Email
          readonly password: Password
        }) {
          if (!options.registration) return yield* new RegistrationClosed()
          yield* policy.checkFor({ username, email }, password)
          const passwordHash = yield* hasher.hash(password)
          const id = UserId.make(yield* random.uuidV7())
          const { required, ttlMillis } = options.emailConfirmation
          if (required) {
            yield* confirmations.register({ id, username, email, passwordHash, ttlMillis })
            yield* confirmationWorker.wake
            return Option.none()
          }
          const { user, version } = yield* repository.insert({ id, username, email, passwordHash })
          const jwt = yield* sessions.open(user, version)
          // Blocked between two statements of its first second.
          if (Option.isNone(jwt)) return yield* new Unavailable()
          return Option.some({ jwt: jwt.value, user })
        })

        /** Written behind the answer, for known and unknown accounts alike (C5). */
        const signInRefused = (reason: string, userId: Option.Option<UserId>) =>
          trail.refused({ event: "sign-in", reason, actor: "anonymous", userId })

        const attempt = Effect.fnUntraced(function* (identifier: Identifier, password: Password) {
          const found = yield* repository.find(identifier)
          if (Option.isNone(found)) {
            yield* hasher.rehearse(password)
            yield* signInRefused("no-account", Option.none())
            return yield* new InvalidCredentials()
          }
          const { passwordHash, user, version } = found.value
          // Where the log has something to say of the hash, it names the account.
          const { matches, outdated } = yield* hasher
            .verify(password, passwordHash)
            .pipe(Effect.annotateLogs({ account: user.id }))
          if (!matches || user.blocked) {
            yield* signInRefused(matches ? "blocked" : "wrong-password", Option.some(user.id))
            return yield* matches ? new AccountBlocked() : new InvalidCredentials()
          }
          if (outdated) yield* repository.upgradeHash(user.id, version, yield* hasher.hash(password))
          const jwt = yield* sessions.open(user, version)
          return Option.map(jwt, (jwt) => ({ jwt, user }))
        })

        const attemptTwice = Effect.fnUntraced(function* (named: Identifier, password: Password) {
          // The password changed between the look and the session: look once more, and no session for the old one (F8).
          const first = yield* attempt(named, password)
          const signedIn = Option.isSome(first) ? first : yield* attempt(named, password)
          if (Option.isNone(signedIn)) return yield* new InvalidCredentials()
          return signedIn.value
        })

        const signIn = Effect.fn("Accounts.signIn")(function* ({
          identifier,
          password
        }: {
          readonly identifier: string
          readonly password: Password
        }) {
          const named = identify(identifier)
          return yield* guesses.signIn(named.key, attemptTwice(named, password))
        })

        const changePassword = Effect.fn("Accounts.changePassword")(function* (
          authenticated: Authenticated,
          {
            currentPassword,
            password,
            passwordConfirmation
          }: {
            readonly currentPassword: Password
            readonly password: Password
            readonly passwordConfirmation: Password
          }
        ) {
          if (!samePassword(password, passwordConfirmation)) return yield* new PasswordMismatch()
          const id = authenticated.user.id
          yield* policy.checkFor(authenticated.user, password).pipe(
            Effect.tapErrorTag("PasswordRejected", () => {
              const userId = Option.some(id)
              return trail.refused({ event: "password.changed", reason: "password-rejected", actor: "owner", userId })
            })
          )
          const version = yield* proven("password.changed", authenticated, currentPassword)
          const changed = yield* repository.changePassword({
            id,
            version,
            passwordHash: yield* hasher.hash(password),
            keep: authenticated.session.id
          })
          // A reset or another change was quicker, and this session ended with it (F9).
          if (Option.isNone(changed)) return yield* new Unauthenticated()
          yield* outbox.wake // the owner is told
          return { jwt: yield* sessions.renew(authenticated), user: changed.value }
        })

        const remove = Effect.fn("Accounts.remove")(function* (
          authenticated: Authenticated,
          currentPassword: Password
        ) {
          if (Option.isSome(options.users)) return yield* new AccountKeptElsewhere()
          const version = yield* proven("account.deleted", authenticated, currentPassword)
          const removed = yield* repository.remove(authenticated.user.id, version)
          // A reset or a change was quicker, and this session ended with it.
          if (!removed) return yield* new Unauthenticated()
          yield* outbox.wake
        })

        return Accounts.of({ register, signIn, changePassword, remove })
      })
    )
}
