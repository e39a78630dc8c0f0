import { Effect, Option, Schema } from "effect"
import { HttpRouter, type HttpServerRequest } from "effect/http"
import { Accounts } from "../../accounts/Accounts.ts"
import type { ErrorBody } from "../../api/errors.ts"
import { Password } from "../../domain/Password.ts"
import { html } from "../../markup/Html.ts"
import { PasswordPolicy } from "../../passwords/PasswordPolicy.ts"
import { paths } from "../paths.ts"
import { currentPasswordField, makeDeedRefused } from "./currentPassword.ts"
import { newPasswordFields } from "./field.ts"
import { faulty, makeTakeForm } from "./forms.ts"
import { lead } from "./lead.ts"
import { noticeQuery } from "./notice.ts"
import { makeSessionCookie } from "./sessionCookie.ts"
import { type Answer, type Visit, Visits } from "./Visits.ts"

const decodePassword = Schema.decodeUnknownOption(Password)

/** Changing the password while signed in. */
export const ChangePasswordPage = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const { changePassword } = yield* Accounts
    const { maxLength, minLength } = yield* PasswordPolicy
    const { add } = yield* Visits
    const takeForm = yield* makeTakeForm
    const { keep, signedIn } = yield* makeSessionCookie
    const refused = yield* makeDeedRefused

    const form = (visit: Visit, username: string, error?: ErrorBody) =>
      visit.page({
        title: visit.say("page.changePassword.title"),
        error,
        content: html`${lead(visit.say("page.changePassword.lead"))}<form method="post" action="${visit.to(paths.changePasswordPage)}" novalidate>
<input type="text" name="username" autocomplete="username" value="${username}" readonly hidden>
${currentPasswordField(visit, error)}${newPasswordFields(visit, { label: visit.say("page.field.newPassword"), minLength, maxLength, error })}\
<button>${visit.say("page.reset.button")}</button>
</form>
<ul class="links">
<li><a href="${visit.to(paths.accountPage)}">${visit.say("page.account.back")}</a></li>
<li><a href="${visit.to(paths.forgotPage)}">${visit.say("page.forgot.title")}</a></li>
</ul>`
      })

    yield* add(router, "GET", paths.changePasswordPage, (visit) =>
      signedIn(visit, ({ user }) => Effect.succeed(form(visit, user.username)))
    )

    yield* add(
      router,
      "POST",
      paths.changePasswordPage,
      (visit): Answer<HttpServerRequest.HttpServerRequest> =>
        takeForm(visit, { refused: (error) => form(visit, "", error) }, (typed) =>
          signedIn(visit, (authenticated) => {
            const again = (error: ErrorBody | undefined) => form(visit, authenticated.user.username, error)
            const [currentPassword, password, passwordConfirmation] = [
              decodePassword(typed("currentPassword")),
              decodePassword(typed("password")),
              decodePassword(typed("passwordConfirmation"))
            ]
            if (Option.isNone(currentPassword) || Option.isNone(password) || Option.isNone(passwordConfirmation)) {
              const words = visit.say("page.error.unusable")
              return Effect.succeed(
                again(
                  faulty({
                    currentPassword: Option.isNone(currentPassword) ? words : undefined,
                    password: Option.isNone(password) ? words : undefined,
                    passwordConfirmation: Option.isNone(passwordConfirmation) ? words : undefined
                  })
                )
              )
            }
            const change = {
              currentPassword: currentPassword.value,
              password: password.value,
              passwordConfirmation: passwordConfirmation.value
            }
            return Effect.matchEffect(changePassword(authenticated, change), {
              onFailure: refused(visit, again),
              onSuccess: ({ jwt }) =>
                Effect.succeed(keep(visit.seeOther(paths.accountPage, noticeQuery("password")), jwt))
            })
          })
        )
    )
  })
)
