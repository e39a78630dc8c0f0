import { Array, Context, Effect, Layer } from "effect"
import { normalized, type Password, PasswordRejected } from "../domain/Password.ts"

/** Which passwords are taken. Length alone for now, in Unicode code points and with no rules of composition (NIST SP 800-63B-4, 3.1.1.2). */
export class PasswordPolicy extends Context.Service<
  PasswordPolicy,
  {
    /** In code points of the NFC form. */
    readonly minLength: number
    readonly maxLength: number
    /** Costs nothing: meant to run before anything else (E8). */
    checkLength(password: Password): Effect.Effect<void, PasswordRejected>
  }
>()("rekey/passwords/PasswordPolicy") {
  static readonly layer = (limits: { readonly minLength: number; readonly maxLength: number }) =>
    Layer.succeed(
      PasswordPolicy,
      PasswordPolicy.of({
        ...limits,
        checkLength(password) {
          const length = [...normalized(password)].length
          return length < limits.minLength
            ? rejected(`The password must have at least ${limits.minLength} characters.`)
            : length > limits.maxLength
              ? rejected(`The password may have at most ${limits.maxLength} characters.`)
              : Effect.void
        }
      })
    )
}

const rejected = (reason: string) => Effect.fail(new PasswordRejected({ reasons: Array.of(reason) }))
