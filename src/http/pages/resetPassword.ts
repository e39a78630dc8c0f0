import { Effect, Option, Schema } from "effect"
import { HttpRouter } from "effect/http"
import { documentedUnavailable } from "../../api/errors.ts"
import { resetPasswordErrors } from "../../api/Recovery.ts"
import { Password } from "../../domain/Password.ts"
import { PasswordPolicy } from "../../passwords/PasswordPolicy.ts"
import { PasswordReset } from "../../recovery/PasswordReset.ts"
import { paths } from "../paths.ts"
import { done, makeCodePage, type ShownCode } from "./codePage.ts"
import { newPasswordFields } from "./field.ts"
import { errorBody, faulty, makeEnter } from "./forms.ts"
import type { Visit } from "./Visits.ts"
import { toSignIn, wayTo } from "./ways.ts"

const AnyError = Schema.Union([...resetPasswordErrors, documentedUnavailable])
const bodyOf = errorBody(AnyError)

const decodePassword = Schema.decodeUnknownOption(Password)

/** The page behind the link of the reset mail. */
export const ResetPasswordPage = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const { check, reset } = yield* PasswordReset
    const { maxLength, minLength } = yield* PasswordPolicy
    const enter = yield* makeEnter
    const { again, end, form, serve, unusable } = yield* makeCodePage({
      path: paths.resetPage,
      cookieName: "rekey_reset_code",
      title: "page.reset.title",
      fields: (visit, error) =>
        newPasswordFields(visit, { label: visit.say("page.field.newPassword"), minLength, maxLength, error }),
      button: "page.reset.button",
      another: wayTo(paths.forgotPage, "page.unusable.another"),
      done: {
        path: paths.resetDonePage,
        page: (visit) => done(visit, "page.resetDone.title", "page.resetDone.lead", toSignIn)
      }
    })

    // A password that was refused doesn't lose the code (B7).
    const refused = (visit: Visit, error: typeof AnyError.Type, shown: ShownCode) =>
      Effect.map(bodyOf(error), (body) =>
        error._tag.startsWith("ResetCode") || error._tag === "AccountBlocked"
          ? unusable(visit, body, shown)
          : again(visit, body, shown)
      )

    yield* serve(router, {
      door: "resetPassword",
      opened: (visit, shown) =>
        enter(
          "checkResetCode",
          (error) => form(visit, false, error),
          Effect.matchEffect(check(shown.code), {
            onFailure: (error) => refused(visit, error, shown),
            onSuccess: () => Effect.succeed(form(visit, false))
          })
        ),
      submitted: (visit, shown, typed) => {
        const password = decodePassword(typed("password"))
        const passwordConfirmation = decodePassword(typed("passwordConfirmation"))
        if (Option.isNone(password) || Option.isNone(passwordConfirmation)) {
          const error = faulty({ password: visit.say("page.error.unusable") })
          return Effect.succeed(form(visit, shown.typed, error))
        }
        const request = { code: shown.code, password: password.value, passwordConfirmation: passwordConfirmation.value }
        return Effect.matchEffect(reset(request), {
          onFailure: (error) => refused(visit, error, shown),
          onSuccess: () => Effect.succeed(end(visit))
        })
      }
    })
  })
)
