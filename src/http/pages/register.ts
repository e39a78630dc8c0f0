import { Effect, Option, Schema } from "effect"
import { HttpRouter, type HttpServerRequest } from "effect/http"
import { Accounts } from "../../accounts/Accounts.ts"
import { registerErrors } from "../../api/Accounts.ts"
import { documentedUnavailable, type ErrorBody } from "../../api/errors.ts"
import { Email } from "../../domain/Email.ts"
import { Password } from "../../domain/Password.ts"
import { RegistrationClosed, Username } from "../../domain/User.ts"
import { html } from "../../markup/Html.ts"
import { PasswordPolicy } from "../../passwords/PasswordPolicy.ts"
import { paths } from "../paths.ts"
import { checkMail, emailField, toCode } from "./askForMail.ts"
import { field, newPasswordField } from "./field.ts"
import { errorBody, faulty, makeTakeForm, type Typed } from "./forms.ts"
import { makeSessionCookie } from "./sessionCookie.ts"
import { type Answer, type Visit, Visits } from "./Visits.ts"
import { toSignIn, wayTo } from "./ways.ts"

const decodeEmail = Schema.decodeUnknownOption(Email)
const decodePassword = Schema.decodeUnknownOption(Password)
const decodeUsername = Schema.decodeUnknownOption(Username)
const bodyOf = errorBody(Schema.Union([...registerErrors, documentedUnavailable]))

const nothing: Typed = () => ""

/** Getting an account. */
export const RegisterPage = (options: { readonly registration: boolean }) =>
  HttpRouter.use(
    Effect.fnUntraced(function* (router) {
      const { register } = yield* Accounts
      const { maxLength, minLength } = yield* PasswordPolicy
      const { add } = yield* Visits
      const takeForm = yield* makeTakeForm
      const { endFormer, keep } = yield* makeSessionCookie

      const links = (visit: Visit) =>
        html`<ul class="links"><li><a href="${visit.signInUrl}">${visit.say("page.register.signIn")}</a></li></ul>`

      const form = (visit: Visit, typed: Typed, error?: ErrorBody) =>
        visit.page({
          title: visit.say("page.register.title"),
          error,
          content: html`<form method="post" action="${visit.to(paths.registerPage)}" novalidate>
${emailField(visit, "page.field.email", typed("email"), error)}${field({
  name: "username",
  label: visit.say("page.field.username"),
  hint: visit.say("page.field.usernameHint"),
  attributes: {
    autocomplete: "username",
    autocapitalize: "none",
    spellcheck: "false",
    dir: "auto",
    value: typed("username")
  },
  error
})}${newPasswordField(visit, { label: visit.say("page.field.password"), minLength, maxLength, error })}\
<button>${visit.say("page.register.button")}</button>
</form>
${links(visit)}`
        })

      const closed = (visit: Visit) =>
        Effect.map(bodyOf(new RegistrationClosed()), (error) =>
          visit.page({ title: visit.say("page.register.title"), error, content: links(visit) })
        )

      yield* add(router, "GET", paths.registerPage, (visit) =>
        options.registration ? Effect.succeed(form(visit, nothing)) : closed(visit)
      )

      yield* add(
        router,
        "POST",
        paths.registerPage,
        (visit): Answer<HttpServerRequest.HttpServerRequest> =>
          takeForm(visit, { door: "register", refused: (error) => form(visit, nothing, error) }, (typed) => {
            const email = decodeEmail(typed("email"))
            const username = decodeUsername(typed("username"))
            const password = decodePassword(typed("password"))
            if (Option.isNone(email) || Option.isNone(username) || Option.isNone(password)) {
              const wrong = {
                email: Option.isNone(email) ? visit.say("page.error.email") : undefined,
                username: Option.isNone(username) ? visit.say("page.error.username") : undefined,
                password: Option.isNone(password) ? visit.say("page.error.unusable") : undefined
              }
              return Effect.succeed(form(visit, typed, faulty(wrong)))
            }
            const account = { email: email.value, username: username.value, password: password.value }
            return Effect.matchEffect(register(account), {
              onFailure: (error) => Effect.map(bodyOf(error), (body) => form(visit, typed, body)),
              onSuccess: Option.match({
                onNone: () => Effect.succeed(visit.seeOther(paths.registerSentPage)),
                onSome: ({ jwt }) => Effect.as(endFormer(visit), keep(visit.seeOther(paths.accountPage), jwt))
              })
            })
          })
      )

      yield* add(router, "GET", paths.registerSentPage, (visit) =>
        Effect.succeed(
          checkMail(visit, {
            words: "page.sent.registration",
            ways: [
              toCode(paths.confirmPage),
              wayTo(paths.confirmAgainPage, "page.confirmAgain.title"),
              // Of an address that was mistyped no mail comes, however often it is asked for.
              wayTo(paths.registerPage, "page.sent.again"),
              toSignIn
            ]
          })
        )
      )
    })
  )
