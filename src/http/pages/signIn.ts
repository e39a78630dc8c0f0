import { Effect, Option, Schema } from "effect"
import { HttpRouter, type HttpServerRequest } from "effect/http"
import { Accounts } from "../../accounts/Accounts.ts"
import { signInErrors, TypedIdentifier } from "../../api/Accounts.ts"
import { documentedUnavailable, type ErrorBody } from "../../api/errors.ts"
import { Password } from "../../domain/Password.ts"
import { html } from "../../markup/Html.ts"
import { paths } from "../paths.ts"
import { field, passwordField } from "./field.ts"
import { errorBody, faulty, makeTakeForm, rateLimited } from "./forms.ts"
import { noticeIn } from "./notice.ts"
import { makeSessionCookie } from "./sessionCookie.ts"
import { type Answer, type Visit, Visits } from "./Visits.ts"

const decodeIdentifier = Schema.decodeUnknownOption(TypedIdentifier)
const decodePassword = Schema.decodeUnknownOption(Password)
const bodyOf = errorBody(Schema.Union([...signInErrors, documentedUnavailable]))

/** Signing in to the account's own pages. */
export const SignInPage = (options: { readonly registration: boolean }) =>
  HttpRouter.use(
    Effect.fnUntraced(function* (router) {
      const { signIn } = yield* Accounts
      const { add } = yield* Visits
      const takeForm = yield* makeTakeForm
      const { endFormer, keep } = yield* makeSessionCookie

      const form = (visit: Visit, identifier = "", error?: ErrorBody) =>
        visit.page({
          title: visit.say("page.signIn.title"),
          error,
          notice: noticeIn(visit),
          content: html`<form method="post" action="${visit.to(paths.signInPage)}" novalidate>
${field({
  name: "identifier",
  label: visit.say("page.field.identifier"),
  attributes: { autocomplete: "username", autocapitalize: "none", spellcheck: "false", dir: "auto", value: identifier },
  error
})}${passwordField(visit, {
  name: "password",
  label: visit.say("page.field.password"),
  attributes: { autocomplete: "current-password" },
  error
})}<button>${visit.say("page.signIn.title")}</button>
</form>
<ul class="links">
<li><a href="${visit.to(paths.forgotPage)}">${visit.say("page.forgot.title")}</a></li>
${options.registration ? html`<li><a href="${visit.to(paths.registerPage)}">${visit.say("page.register.title")}</a></li>\n` : ""}</ul>`
        })

      yield* add(router, "GET", paths.signInPage, (visit) => Effect.succeed(form(visit)))

      yield* add(
        router,
        "POST",
        paths.signInPage,
        (visit): Answer<HttpServerRequest.HttpServerRequest> =>
          takeForm(visit, { door: "signIn", refused: (error) => form(visit, "", error) }, (typed) => {
            const again = (error: ErrorBody | undefined) => form(visit, typed("identifier"), error)
            const identifier = decodeIdentifier(typed("identifier").trim())
            const password = decodePassword(typed("password"))
            if (Option.isNone(identifier) || Option.isNone(password) || typed("password") === "") {
              const wrong = {
                identifier: Option.isNone(identifier) ? visit.say("page.error.identifier") : undefined,
                password: Option.isNone(password)
                  ? visit.say("page.error.unusable")
                  : typed("password") === ""
                    ? visit.say("page.error.password")
                    : undefined
              }
              return Effect.succeed(again(faulty(wrong)))
            }
            return Effect.matchEffect(signIn({ identifier: identifier.value, password: password.value }), {
              onFailure: (error) =>
                error._tag === "RateLimited" ? rateLimited(error, again) : Effect.map(bodyOf(error), again),
              // Whatever session the browser came with, this one is new: none that somebody else planted goes on.
              onSuccess: ({ jwt }) => Effect.as(endFormer(visit), keep(visit.seeOther(paths.accountPage), jwt))
            })
          })
      )
    })
  )
