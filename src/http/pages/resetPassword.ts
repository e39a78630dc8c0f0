import { Effect, Option, Schema } from "effect"
import { HttpRouter } from "effect/http"
import { documentedUnavailable, type ErrorBody } from "../../api/errors.ts"
import { resetPasswordErrors } from "../../api/Recovery.ts"
import { Password } from "../../domain/Password.ts"
import { html } from "../../markup/Html.ts"
import { PasswordPolicy } from "../../passwords/PasswordPolicy.ts"
import { PasswordReset } from "../../recovery/PasswordReset.ts"
import { paths } from "../paths.ts"
import { field, makeCodePage } from "./codePage.ts"

/** The words and the status of an error are the API's. */
const encodeError = Schema.encodeSync(Schema.Union([...resetPasswordErrors, documentedUnavailable]))

const decodePasswords = Schema.decodeUnknownOption(
  Schema.Struct({ password: Password, passwordConfirmation: Password })
)

const unusable: ErrorBody = {
  code: 400,
  message: "The password holds a character that can't be used.",
  reason: "InvalidRequest",
  details: [{ path: ["password"], message: "The password holds a character that can't be used." }]
}

/** The page behind the link of the reset mail. */
export const ResetPasswordPage = (options: { readonly publicUrl: URL }) =>
  HttpRouter.use(
    Effect.fnUntraced(function* (router) {
      const { check, reset } = yield* PasswordReset
      const { minLength } = yield* PasswordPolicy
      const { done, forgetCode, form, limited, page, serve } = yield* makeCodePage({
        ...options,
        path: paths.resetPage,
        cookieName: "rekey_reset_code",
        title: "Choose a new password",
        fields: (error) =>
          html`${field("password", "New password", { type: "password", autocomplete: "new-password" }, error)}\
<p>At least ${String(minLength)} characters.</p>
${field("passwordConfirmation", "New password again", { type: "password", autocomplete: "new-password" }, error)}`,
        button: "Set the new password"
      })

      // A password that was refused doesn't lose the code (B7).
      const refused = (error: Parameters<typeof encodeError>[0], asksForCode: boolean) =>
        error._tag.startsWith("ResetCode") || error._tag === "AccountBlocked"
          ? forgetCode(form(true, encodeError(error)))
          : form(asksForCode, encodeError(error))

      yield* serve(router, {
        door: "resetPassword",
        opened: (code) =>
          limited(
            "checkResetCode",
            false,
            Effect.match(check(code), {
              onFailure: (error) => refused(error, false),
              onSuccess: () => form(false)
            })
          ),
        submitted: (code, fields, asksForCode) => {
          const passwords = decodePasswords(fields)
          if (Option.isNone(passwords)) return Effect.succeed(form(asksForCode, unusable))
          return Effect.match(reset({ code, ...passwords.value }), {
            onFailure: (error) => refused(error, asksForCode),
            onSuccess: () => done(paths.resetDonePage)
          })
        }
      })

      yield* router.add(
        "GET",
        paths.resetDonePage,
        page(
          "Your password is changed",
          html`<p>Sign in with the new password. You are signed out everywhere else.</p>`
        )
      )
    })
  )
