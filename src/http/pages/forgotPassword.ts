import { Effect } from "effect"
import { HttpRouter } from "effect/http"
import { PasswordRecovery } from "../../recovery/PasswordRecovery.ts"
import { paths } from "../paths.ts"
import { addAskForMail } from "./askForMail.ts"

/** "I forgot." */
export const ForgotPasswordPage = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const { request } = yield* PasswordRecovery
    yield* addAskForMail(router, {
      path: paths.forgotPage,
      sentPath: paths.forgotSentPage,
      codePath: paths.resetPage,
      door: "forgotPassword",
      ask: request,
      title: "page.forgot.title",
      lead: "page.forgot.lead",
      sent: "page.sent.reset"
    })
  })
)
