import { Effect, Option, Schema } from "effect"
import { HttpRouter, type HttpServerRequest } from "effect/http"
import { Accounts } from "../../accounts/Accounts.ts"
import type { ErrorBody } from "../../api/errors.ts"
import { Password } from "../../domain/Password.ts"
import { html } from "../../markup/Html.ts"
import { paths } from "../paths.ts"
import { currentPasswordField, makeDeedRefused } from "./currentPassword.ts"
import { faulty, makeTakeForm } from "./forms.ts"
import { tick } from "./icons.ts"
import { lead, unbroken } from "./lead.ts"
import { makeSessionCookie } from "./sessionCookie.ts"
import { type Answer, type Visit, Visits } from "./Visits.ts"

const decodePassword = Schema.decodeUnknownOption(Password)

/** Deleting the account: says what goes and what stays, and asks for the password. */
export const DeleteAccountPage = ({ appName }: { readonly appName: string }) =>
  HttpRouter.use(
    Effect.fnUntraced(function* (router) {
      const { remove } = yield* Accounts
      const { add } = yield* Visits
      const takeForm = yield* makeTakeForm
      const { forget, signedIn } = yield* makeSessionCookie
      const refused = yield* makeDeedRefused

      const form = (visit: Visit, username: string, error?: ErrorBody) =>
        visit.page({
          title: visit.say("page.delete.title"),
          error,
          content: html`<p>${unbroken(visit.say("page.delete.goes"))}</p>
${lead(visit.say("page.delete.stays", { app: appName }))}<form method="post" action="${visit.to(paths.deleteAccountPage)}" novalidate>
<input type="text" name="username" autocomplete="username" value="${username}" readonly hidden>
${currentPasswordField(visit, error)}<button class="danger">${visit.say("page.delete.button")}</button>
</form>
<ul class="links">
<li><a href="${visit.to(paths.accountPage)}">${visit.say("page.account.back")}</a></li>
<li><a href="${visit.to(paths.forgotPage)}">${visit.say("page.forgot.title")}</a></li>
</ul>`
        })

      yield* add(router, "GET", paths.deleteAccountPage, (visit) =>
        signedIn(visit, ({ user }) => Effect.succeed(form(visit, user.username)))
      )

      yield* add(
        router,
        "POST",
        paths.deleteAccountPage,
        (visit): Answer<HttpServerRequest.HttpServerRequest> =>
          takeForm(visit, { refused: (error) => form(visit, "", error) }, (typed) =>
            signedIn(visit, (authenticated) => {
              const again = (error: ErrorBody | undefined) => form(visit, authenticated.user.username, error)
              const wrong = (words: string) => again(faulty({ currentPassword: words }))
              if (typed("currentPassword") === "") return Effect.succeed(wrong(visit.say("page.error.password")))
              return Option.match(decodePassword(typed("currentPassword")), {
                onNone: () => Effect.succeed(wrong(visit.say("page.error.unusable"))),
                onSome: (currentPassword) =>
                  Effect.matchEffect(remove(authenticated, currentPassword), {
                    onFailure: refused(visit, again),
                    onSuccess: () => Effect.succeed(forget(visit.seeOther(paths.accountDeletedPage)))
                  })
              })
            })
          )
      )

      yield* add(router, "GET", paths.accountDeletedPage, (visit) =>
        Effect.succeed(
          visit.page({
            icon: tick,
            title: visit.say("page.deleted.title"),
            content: lead(visit.say("page.deleted.lead"))
          })
        )
      )
    })
  )
