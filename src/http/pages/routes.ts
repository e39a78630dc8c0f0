import { Effect, Layer } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { paths } from "../paths.ts"
import { AccountPage } from "./account.ts"
import { AccountEventsPage } from "./accountEvents.ts"
import { ChangeEmailPage, EmailChangeCodePages } from "./changeEmail.ts"
import { ChangePasswordPage } from "./changePassword.ts"
import { ConfirmEmailPage } from "./confirmEmail.ts"
import { DeleteAccountPage } from "./deleteAccount.ts"
import { ForgotPasswordPage } from "./forgotPassword.ts"
import { RegisterPage } from "./register.ts"
import { ResetPasswordPage } from "./resetPassword.ts"
import { script } from "./script.ts"
import { SignInPage } from "./signIn.ts"
import { Visits, type VisitsOptions } from "./Visits.ts"

/** What the pages run. Its address has its version, so that it is asked for once. */
const ScriptRoute = HttpRouter.use((router) =>
  router.add(
    "GET",
    paths.pageScript,
    Effect.succeed(
      HttpServerResponse.text(script, {
        contentType: "text/javascript; charset=utf-8",
        headers: { "cache-control": "public, max-age=31536000, immutable" }
      })
    )
  )
)

/** The pages for people. */
export const Pages = (options: VisitsOptions & { readonly registration: boolean }) =>
  Layer.mergeAll(
    ScriptRoute,
    ForgotPasswordPage,
    ResetPasswordPage,
    RegisterPage(options),
    ConfirmEmailPage,
    SignInPage(options),
    AccountPage,
    AccountEventsPage(options),
    ChangePasswordPage,
    ChangeEmailPage,
    EmailChangeCodePages,
    DeleteAccountPage(options)
  ).pipe(Layer.provide(Visits.layer(options)))
