import { Context, Effect, Layer, Option } from "effect"
import { countedBy } from "../accounts/Outcomes.ts"
import { Sessions } from "../accounts/Sessions.ts"
import type { Busy, Unavailable } from "../domain/Failure.ts"
import { type Password, PasswordMismatch, type PasswordRejected, samePassword } from "../domain/Password.ts"
import type { ResetCode, ResetCodeRefused } from "../domain/ResetCode.ts"
import type { SessionToken } from "../domain/Session.ts"
import type { AccountBlocked, User, UserId } from "../domain/User.ts"
import { OutboxWorker } from "../mail/OutboxWorker.ts"
import { PasswordHasher } from "../passwords/PasswordHasher.ts"
import { PasswordPolicy } from "../passwords/PasswordPolicy.ts"
import { ResetCodeMint } from "../secrets/ResetCodeMint.ts"
import { Trail } from "../trail/Trail.ts"
import { ResetCodes } from "./ResetCodes.ts"

const countResets = countedBy("rekey_resets_total", "Resets by outcome: done, or the reason why not.")

/** Code in, new password set, every other way in closed. */
export class PasswordReset extends Context.Service<
  PasswordReset,
  {
    /** `jwt` only where `signInAfterReset` is on. */
    reset(request: {
      readonly code: ResetCode
      readonly password: Password
      readonly passwordConfirmation: Password
    }): Effect.Effect<
      { readonly user: User; readonly jwt: Option.Option<SessionToken> },
      PasswordMismatch | PasswordRejected | ResetCodeRefused | AccountBlocked | Busy | Unavailable
    >

    /** When the code ends. The code is not used. */
    check(code: ResetCode): Effect.Effect<Date, ResetCodeRefused | AccountBlocked | Unavailable>
  }
>()("rekey/recovery/PasswordReset") {
  static readonly layer = (options: { readonly signInAfterReset: boolean }) =>
    Layer.effect(
      PasswordReset,
      Effect.gen(function* () {
        const codes = yield* ResetCodes
        const mint = yield* ResetCodeMint
        const hasher = yield* PasswordHasher
        const policy = yield* PasswordPolicy
        const sessions = yield* Sessions
        const outbox = yield* OutboxWorker
        const trail = yield* Trail

        const refused = ({ id }: { readonly id: UserId }) =>
          trail.refused({
            event: "password.reset",
            reason: "password-rejected",
            actor: "anonymous",
            userId: Option.some(id)
          })

        const reset = Effect.fn("PasswordReset.reset")(function* ({
          code,
          password,
          passwordConfirmation
        }: {
          readonly code: ResetCode
          readonly password: Password
          readonly passwordConfirmation: Password
        }) {
          if (!samePassword(password, passwordConfirmation)) return yield* new PasswordMismatch()
          yield* policy.checkLength(password)
          const codeHash = yield* mint.hash(code)
          const { owner } = yield* codes.find(codeHash) // a wrong code costs one indexed read, never a hash nor a request (E6)
          // A refused password leaves the code alive (B7).
          yield* policy.checkFor(owner, password).pipe(Effect.tapErrorTag("PasswordRejected", () => refused(owner)))
          const passwordHash = yield* hasher.hash(password)
          const { user, version } = yield* codes.consume(codeHash, passwordHash) // one of many at once gets through (B1)
          yield* outbox.wake // the owner is told
          // The reset stands, whether or not there is a session for it.
          const jwt = options.signInAfterReset
            ? yield* Effect.orElseSucceed(sessions.open(user, version), Option.none)
            : Option.none()
          return { user, jwt }
        }, countResets)

        const check = Effect.fn("PasswordReset.check")(function* (code: ResetCode) {
          return (yield* codes.check(yield* mint.hash(code))).expiresAt
        })

        return PasswordReset.of({ reset, check })
      })
    )
}
