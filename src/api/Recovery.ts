import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Email } from "../domain/Email.ts"
import { Password } from "../domain/Password.ts"
import {
  ResetCode,
  ResetCodeExpired,
  ResetCodeNotFound,
  ResetCodeSuperseded,
  ResetCodeUsed
} from "../domain/ResetCode.ts"
import { SessionToken } from "../domain/Session.ts"
import { User } from "../domain/User.ts"
import { Done } from "./Done.ts"
import {
  documented,
  documentedAccountBlocked,
  documentedBusy,
  documentedPasswordMismatch,
  documentedPasswordRejected
} from "./errors.ts"
import { RateLimits } from "./RateLimits.ts"

const refusedCodes = [
  ResetCodeNotFound.pipe(documented(404)),
  ResetCodeUsed.pipe(documented(403)),
  ResetCodeSuperseded.pipe(documented(403)),
  ResetCodeExpired.pipe(documented(403)),
  documentedAccountBlocked
] as const

export const resetPasswordErrors = [
  documentedPasswordMismatch,
  documentedPasswordRejected,
  ...refusedCodes,
  documentedBusy
] as const

export class RecoveryApi extends HttpApiGroup.make("recovery")
  .add(
    HttpApiEndpoint.post("forgotPassword", "/forgot-password", {
      payload: Schema.Struct({ email: Email }),
      success: Done
    })
      .middleware(RateLimits)
      .annotate(OpenApi.Summary, "Ask for a reset code")
      .annotate(
        OpenApi.Description,
        "Mails a reset code to the owner of the address. The answer is the same for every address, so that nobody can learn from it who has an account."
      ),
    HttpApiEndpoint.post("resetPassword", "/reset-password", {
      payload: Schema.Struct({ code: ResetCode, password: Password, passwordConfirmation: Password }),
      success: Schema.Struct({ user: User, jwt: Schema.optionalKey(SessionToken) }),
      error: resetPasswordErrors
    })
      .middleware(RateLimits)
      .annotate(OpenApi.Summary, "Reset a password")
      .annotate(OpenApi.Description, "Reset user password with a code (resetToken)"),
    HttpApiEndpoint.post("checkResetCode", "/reset-password/check", {
      payload: Schema.Struct({ code: ResetCode }),
      success: Schema.Struct({ expiresAt: Schema.DateFromString }),
      error: refusedCodes
    })
      .middleware(RateLimits)
      .annotate(OpenApi.Summary, "Check a reset code")
      .annotate(
        OpenApi.Description,
        "Says until when a reset code may be used, without using it: for a page that wants to say early that it can't be."
      )
  )
  .prefix("/auth")
  .annotate(OpenApi.Description, "From a forgotten password to a new one.") {}
