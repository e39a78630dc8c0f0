import { Effect, Schema } from "effect"
import { HttpRouter } from "effect/http"
import { EmailConfirmation } from "../../accounts/EmailConfirmation.ts"
import { confirmEmailErrors } from "../../api/Accounts.ts"
import { documentedUnavailable } from "../../api/errors.ts"
import { html } from "../../markup/Html.ts"
import { paths } from "../paths.ts"
import { makeCodePage } from "./codePage.ts"

/** The words and the status of an error are the API's. */
const encodeError = Schema.encodeSync(Schema.Union([...confirmEmailErrors, documentedUnavailable]))

/** The page behind the link of the confirmation mail: its button confirms, since a scanner follows links and presses none. */
export const ConfirmEmailPage = (options: { readonly publicUrl: URL }) =>
  HttpRouter.use(
    Effect.fnUntraced(function* (router) {
      const { confirm } = yield* EmailConfirmation
      const { done, forgetCode, form, page, serve } = yield* makeCodePage({
        ...options,
        path: paths.confirmPage,
        cookieName: "rekey_confirmation_code",
        title: "Confirm your address",
        fields: () => html`<p>Confirm only if it was you who asked for it.</p>\n`,
        button: "Confirm the address"
      })

      yield* serve(router, {
        door: "confirmEmail",
        opened: () => Effect.succeed(form(false)),
        submitted: (code, _, asksForCode) =>
          Effect.match(confirm(code), {
            onFailure: (error) =>
              error._tag === "Unavailable"
                ? form(asksForCode, encodeError(error))
                : forgetCode(form(true, encodeError(error))),
            onSuccess: () => done(paths.confirmDonePage)
          })
      })

      yield* router.add(
        "GET",
        paths.confirmDonePage,
        page("Your address is confirmed", html`<p>You can sign in now.</p>`)
      )
    })
  )
