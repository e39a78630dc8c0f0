import { Effect, Option, Schema } from "effect"
import { HttpRouter, type HttpServerRequest } from "effect/http"
import { EmailChange } from "../../accounts/EmailChange.ts"
import { confirmEmailChangeErrors, undoEmailChangeErrors } from "../../api/Accounts.ts"
import { documentedUnavailable, type ErrorBody } from "../../api/errors.ts"
import { Email } from "../../domain/Email.ts"
import { Password } from "../../domain/Password.ts"
import { html } from "../../markup/Html.ts"
import { paths } from "../paths.ts"
import { checkMail, emailField, toCode } from "./askForMail.ts"
import { done, makeCodePage } from "./codePage.ts"
import { currentPasswordField, makeDeedRefused } from "./currentPassword.ts"
import { errorBody, faulty, makeTakeForm } from "./forms.ts"
import { lead } from "./lead.ts"
import { makeSessionCookie } from "./sessionCookie.ts"
import { type Answer, type Visit, Visits } from "./Visits.ts"
import { backToAccount, links, toAccount, wayTo } from "./ways.ts"

const decodeEmail = Schema.decodeUnknownOption(Email)
const decodePassword = (typed: string) => (typed === "" ? Option.none() : Schema.decodeUnknownOption(Password)(typed))
const bodyOfConfirm = errorBody(Schema.Union([...confirmEmailChangeErrors, documentedUnavailable]))
const bodyOfUndo = errorBody(Schema.Union([...undoEmailChangeErrors, documentedUnavailable]))

const toForgot = wayTo(paths.forgotPage, "page.forgot.title")

/** Asks for the new address and the password; nothing changes before the mail that goes there is answered. */
export const ChangeEmailPage = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const { request } = yield* EmailChange
    const { add } = yield* Visits
    const takeForm = yield* makeTakeForm
    const { signedIn } = yield* makeSessionCookie
    const refused = yield* makeDeedRefused

    const form = (visit: Visit, username: string, email = "", error?: ErrorBody) =>
      visit.page({
        title: visit.say("page.changeEmail.title"),
        error,
        content: html`${lead(visit.say("page.changeEmail.lead"))}\
<form method="post" action="${visit.to(paths.changeEmailPage)}" novalidate>
<input type="text" name="username" autocomplete="username" value="${username}" readonly hidden>
${emailField(visit, "page.field.newEmail", email, error)}${currentPasswordField(visit, error)}<button>${visit.say("page.ask.button")}</button>
</form>
${links(visit, [backToAccount])}`
      })

    yield* add(router, "GET", paths.changeEmailPage, (visit) =>
      signedIn(visit, ({ user }) => Effect.succeed(form(visit, user.username)))
    )

    yield* add(
      router,
      "POST",
      paths.changeEmailPage,
      (visit): Answer<HttpServerRequest.HttpServerRequest> =>
        takeForm(visit, { door: "changeEmail", refused: (error) => form(visit, "", "", error) }, (typed) =>
          signedIn(visit, (authenticated) => {
            const again = (error: ErrorBody | undefined) =>
              form(visit, authenticated.user.username, typed("email"), error)
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
        checkMail(visit, {
          words: "page.sent.changeEmail",
          ways: [toCode(paths.confirmChangePage), wayTo(paths.changeEmailPage, "page.sent.again"), backToAccount]
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
      fields: ({ say }) => lead(say("page.confirmChange.lead")),
      button: "page.confirmChange.button",
      another: wayTo(paths.changeEmailPage, "page.unusable.another"),
      instead: {
        EmailChangeCodeUsed: toAccount,
        AccountExists: wayTo(paths.changeEmailPage, "page.changeEmail.title")
      },
      done: {
        path: paths.confirmChangeDonePage,
        // The session that asked goes on.
        page: (visit) => done(visit, "page.confirmChangeDone.title", "page.confirmChangeDone.lead", toAccount)
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
          onSuccess: () => Effect.succeed(change.end(visit))
        })
    })

    const wayBack = yield* makeCodePage({
      path: paths.undoChangePage,
      cookieName: "rekey_undo_code",
      title: "page.undoChange.title",
      fields: ({ say }) => lead(say("page.undoChange.lead")),
      button: "page.undoChange.button",
      // Nobody can ask for another way back. Where this or an earlier one was taken, the account has an address of before again.
      instead: { EmailChangeCodeUsed: toForgot, EmailChangeCodeSuperseded: toForgot },
      done: {
        path: paths.undoChangeDonePage,
        // No password opens the account now: what goes on goes on by mail.
        page: (visit) =>
          checkMail(visit, {
            title: "page.undoChangeDone.title",
            words: "page.undoChangeDone.lead",
            nothing: "page.undoChangeDone.nothing",
            ways: [toCode(paths.resetPage), wayTo(paths.forgotPage, "page.unusable.another")]
          })
      }
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
          onSuccess: () => Effect.succeed(wayBack.end(visit))
        })
    })
  })
)
