import { Effect, Option, Schema } from "effect"
import { HttpRouter, type HttpServerRequest } from "effect/http"
import { EmailChange } from "../../accounts/EmailChange.ts"
import { confirmEmailChangeErrors, undoEmailChangeErrors } from "../../api/Accounts.ts"
import { documentedUnavailable, type ErrorBody } from "../../api/errors.ts"
import { Email } from "../../domain/Email.ts"
import { Password } from "../../domain/Password.ts"
import { html } from "../../markup/Html.ts"
import { paths } from "../paths.ts"
import { emailField, lookIntoMail } from "./askForMail.ts"
import { makeCodePage } from "./codePage.ts"
import { currentPasswordField, makeDeedRefused } from "./currentPassword.ts"
import { errorBody, faulty, makeTakeForm } from "./forms.ts"
import { makeSessionCookie } from "./sessionCookie.ts"
import { type Answer, type Visit, Visits } from "./Visits.ts"

const decodeEmail = Schema.decodeUnknownOption(Email)
const decodePassword = (typed: string) => (typed === "" ? Option.none() : Schema.decodeUnknownOption(Password)(typed))
const bodyOfConfirm = errorBody(Schema.Union([...confirmEmailChangeErrors, documentedUnavailable]))
const bodyOfUndo = errorBody(Schema.Union([...undoEmailChangeErrors, documentedUnavailable]))

/** Asks for the new address and the password; nothing changes before the mail that goes there is answered. */
export const ChangeEmailPage = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const { request } = yield* EmailChange
    const { add } = yield* Visits
    const takeForm = yield* makeTakeForm
    const { signedIn } = yield* makeSessionCookie
    const refused = yield* makeDeedRefused

    const form = (visit: Visit, email = "", error?: ErrorBody) =>
      visit.page({
        title: visit.say("page.changeEmail.title"),
        error,
        content: html`<p class="lead">${visit.say("page.changeEmail.lead")}</p>
<form method="post" action="${visit.to(paths.changeEmailPage)}" novalidate>
${emailField(visit, email, error)}${currentPasswordField(visit, error)}<button>${visit.say("page.ask.button")}</button>
</form>
<ul class="links"><li><a href="${visit.to(paths.accountPage)}">${visit.say("page.account.back")}</a></li></ul>`
      })

    yield* add(router, "GET", paths.changeEmailPage, (visit) => signedIn(visit, () => Effect.succeed(form(visit))))

    yield* add(
      router,
      "POST",
      paths.changeEmailPage,
      (visit): Answer<HttpServerRequest.HttpServerRequest> =>
        takeForm(visit, { door: "changeEmail", refused: (error) => form(visit, "", error) }, (typed) =>
          signedIn(visit, (authenticated) => {
            const again = (error: ErrorBody | undefined) => form(visit, typed("email"), error)
            const email = decodeEmail(typed("email"))
            const currentPassword = decodePassword(typed("currentPassword"))
            if (Option.isNone(email) || Option.isNone(currentPassword)) {
              return Effect.succeed(
                again(
                  faulty({
                    email: Option.isNone(email) ? visit.say("page.error.email") : undefined,
                    currentPassword: Option.isNone(currentPassword) ? visit.say("page.error.password") : undefined
                  })
                )
              )
            }
            return Effect.matchEffect(
              request(authenticated, { email: email.value, currentPassword: currentPassword.value }),
              {
                onFailure: refused(visit, again),
                onSuccess: () => Effect.succeed(visit.seeOther(paths.changeEmailSentPage))
              }
            )
          })
        )
    )

    yield* add(router, "GET", paths.changeEmailSentPage, (visit) =>
      Effect.succeed(
        lookIntoMail(visit, {
          words: visit.say("page.sent.changeEmail"),
          askedAt: paths.changeEmailPage,
          codePath: paths.confirmChangePage
        })
      )
    )
  })
)

/** The pages behind the links of the two mails about a change of address: the one to the new address, and the way back. */
export const EmailChangeCodePages = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const { confirm, undo } = yield* EmailChange

    const change = yield* makeCodePage({
      path: paths.confirmChangePage,
      cookieName: "rekey_change_code",
      title: "page.confirmChange.title",
      fields: ({ say }) => html`<p class="lead">${say("page.confirmChange.lead")}</p>\n`,
      button: "page.confirmChange.button",
      another: paths.changeEmailPage,
      done: {
        path: paths.confirmChangeDonePage,
        title: "page.confirmChangeDone.title",
        lead: "page.confirmChangeDone.lead"
      }
    })
    yield* change.serve(router, {
      door: "confirmEmailChange",
      opened: (visit) => Effect.succeed(change.form(visit, false)),
      submitted: (visit, shown) =>
        Effect.matchEffect(confirm(shown.code), {
          onFailure: (error) =>
            Effect.map(bodyOfConfirm(error), (body) =>
              error._tag === "Unavailable" ? change.again(visit, body, shown) : change.unusable(visit, body, shown)
            ),
          onSuccess: () => Effect.succeed(change.done(visit))
        })
    })

    const wayBack = yield* makeCodePage({
      path: paths.undoChangePage,
      cookieName: "rekey_undo_code",
      title: "page.undoChange.title",
      fields: ({ say }) => html`<p class="lead">${say("page.undoChange.lead")}</p>\n`,
      button: "page.undoChange.button",
      another: paths.forgotPage,
      done: { path: paths.undoChangeDonePage, title: "page.undoChangeDone.title", lead: "page.undoChangeDone.lead" }
    })
    yield* wayBack.serve(router, {
      door: "undoEmailChange",
      opened: (visit) => Effect.succeed(wayBack.form(visit, false)),
      submitted: (visit, shown) =>
        Effect.matchEffect(undo(shown.code), {
          onFailure: (error) =>
            Effect.map(bodyOfUndo(error), (body) =>
              error._tag === "Unavailable" || error._tag === "Busy"
                ? wayBack.again(visit, body, shown)
                : wayBack.unusable(visit, body, shown)
            ),
          onSuccess: () => Effect.succeed(wayBack.done(visit))
        })
    })
  })
)
