import { Effect, Schema } from "effect"
import { HttpRouter } from "effect/http"
import { EmailConfirmation } from "../../accounts/EmailConfirmation.ts"
import { confirmEmailErrors } from "../../api/Accounts.ts"
import { documentedUnavailable } from "../../api/errors.ts"
import { paths } from "../paths.ts"
import { addAskForMail } from "./askForMail.ts"
import { done, makeCodePage } from "./codePage.ts"
import { errorBody } from "./forms.ts"
import { lead } from "./lead.ts"
import { toSignIn, wayTo } from "./ways.ts"

const bodyOf = errorBody(Schema.Union([...confirmEmailErrors, documentedUnavailable]))

/** The page behind the link of the confirmation mail: its button confirms, since a scanner follows links and presses none. */
export const ConfirmEmailPage = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const { confirm, request } = yield* EmailConfirmation
    const { again, end, form, serve, unusable } = yield* makeCodePage({
      path: paths.confirmPage,
      cookieName: "rekey_confirmation_code",
      title: "page.confirm.title",
      fields: ({ say }) => lead(say("page.confirm.lead")),
      button: "page.confirm.button",
      another: wayTo(paths.confirmAgainPage, "page.unusable.another"),
      instead: {
        ConfirmationCodeUsed: toSignIn,
        AccountExists: wayTo(paths.registerPage, "page.register.title")
      },
      done: {
        path: paths.confirmDonePage,
        page: (visit) => done(visit, "page.confirmDone.title", "page.confirmDone.lead", toSignIn)
      }
    })

    yield* serve(router, {
      door: "confirmEmail",
      opened: (visit) => Effect.succeed(form(visit, false)),
      submitted: (visit, shown) =>
        Effect.matchEffect(confirm(shown.code), {
          onFailure: (error) =>
            Effect.map(bodyOf(error), (body) =>
              error._tag === "Unavailable" ? again(visit, body, shown) : unusable(visit, body, shown)
            ),
          onSuccess: () => Effect.succeed(end(visit))
        })
    })

    yield* addAskForMail(router, {
      path: paths.confirmAgainPage,
      sentPath: paths.confirmSentPage,
      codePath: paths.confirmPage,
      door: "sendEmailConfirmation",
      ask: request,
      title: "page.confirmAgain.title",
      lead: "page.confirmAgain.lead",
      sent: "page.sent.confirmation"
    })
  })
)
