import { Context, Effect, Layer, Option, Redacted } from "effect"
import { SecureRandom } from "effect/crypto"
import { Base64Url } from "effect/encoding"
import type { Email } from "../domain/Email.ts"
import type { EmailChangeCode, EmailChangeCodeRefused } from "../domain/EmailChange.ts"
import type { Busy, RateLimited, Unavailable } from "../domain/Failure.ts"
import type { Password } from "../domain/Password.ts"
import { Unauthenticated } from "../domain/Session.ts"
import {
  type AccountBlocked,
  type AccountExists,
  AccountKeptElsewhere,
  type InvalidCredentials,
  type User
} from "../domain/User.ts"
import { OutboxWorker } from "../mail/OutboxWorker.ts"
import { PasswordHasher } from "../passwords/PasswordHasher.ts"
import { EmailChangeCodeMint } from "../secrets/EmailChangeCodeMint.ts"
import { makeCurrentPassword } from "./currentPassword.ts"
import { EmailChanges } from "./EmailChanges.ts"
import { EmailChangeWorker } from "./EmailChangeWorker.ts"
import { countedBy } from "./Outcomes.ts"
import type { Authenticated } from "./Sessions.ts"

const countChanges = countedBy(
  "rekey_email_changes_total",
  "Changes of an address by outcome: done, or the reason why not."
)

const countWaysBack = countedBy(
  "rekey_email_undos_total",
  "Changes of an address that were undone, by outcome: done, or the reason why not."
)

/** Another address for an account, by a mail to it; and for some days the way back, by a mail to the former one. */
export class EmailChange extends Context.Service<
  EmailChange,
  {
    /** Notes that the owner wants this address. The answer is the same whether or not an account has it (C6). */
    request(
      authenticated: Authenticated,
      change: { readonly email: Email; readonly currentPassword: Password }
    ): Effect.Effect<
      void,
      AccountKeptElsewhere | InvalidCredentials | Unauthenticated | RateLimited | Busy | Unavailable
    >

    /** No session is needed: whoever has the code reads the mails of the new address, and the owner asked for it. */
    confirm(
      code: EmailChangeCode
    ): Effect.Effect<User, EmailChangeCodeRefused | AccountBlocked | AccountExists | Unavailable>

    /**
     * Wins over all that was done since, a new password and a further change included: whoever took the account over knew its
     * password, so no password opens it from here on, and a reset code is on its way to the address.
     */
    undo(code: EmailChangeCode): Effect.Effect<User, EmailChangeCodeRefused | AccountBlocked | Busy | Unavailable>
  }
>()("rekey/accounts/EmailChange") {
  static readonly layer = (options: {
    readonly undoTtlMillis: number
    /** Whose the accounts are, where they aren't ours. */
    readonly users: Option.Option<unknown>
  }) =>
    Layer.effect(
      EmailChange,
      Effect.gen(function* () {
        const repository = yield* EmailChanges
        const worker = yield* EmailChangeWorker
        const mint = yield* EmailChangeCodeMint
        const hasher = yield* PasswordHasher
        const outbox = yield* OutboxWorker
        const random = yield* SecureRandom.SecureRandom
        const currentPassword = yield* makeCurrentPassword

        const request = Effect.fn("EmailChange.request")(function* (
          authenticated: Authenticated,
          change: { readonly email: Email; readonly currentPassword: Password }
        ) {
          if (Option.isSome(options.users)) return yield* new AccountKeptElsewhere()
          const { session, user } = authenticated
          const version = yield* currentPassword("email-change.requested", authenticated, change.currentPassword)
          const asked = yield* repository.ask({ id: user.id, version, session: session.id, email: change.email })
          // A reset or a change of the password was quicker, and this session ended with it (F9).
          if (!asked) return yield* new Unauthenticated()
          yield* worker.wake
        })

        const confirm = Effect.fn("EmailChange.confirm")(function* (code: EmailChangeCode) {
          const codeHash = yield* mint.hash(code)
          const user = yield* repository.confirm(codeHash, yield* mint.fresh, options.undoTtlMillis)
          yield* outbox.wake // whoever had the former address is told
          return user
        }, countChanges)

        const undo = Effect.fn("EmailChange.undo")(function* (code: EmailChangeCode) {
          const codeHash = yield* mint.hash(code)
          yield* repository.checkWayBack(codeHash) // a wrong code costs one indexed read, never a hash (E6)
          const nobodys = Redacted.make(Base64Url.encode(yield* random.randomBytes(32)), { label: "password" })
          const user = yield* repository.undo(codeHash, yield* hasher.hash(nobodys))
          yield* outbox.wake
          return user
        }, countWaysBack)

        return EmailChange.of({ request, confirm, undo })
      })
    )
}
