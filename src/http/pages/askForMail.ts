import { Effect, Option, Schema } from "effect"
import type { HttpRouter, HttpServerRequest } from "effect/http"
import { documentedUnavailable, type ErrorBody } from "../../api/errors.ts"
import { Email } from "../../domain/Email.ts"
import type { Unavailable } from "../../domain/Failure.ts"
import type { MessageKey } from "../../language/Messages.ts"
import { html } from "../../markup/Html.ts"
import type { Door } from "../limits.ts"
import type { Path } from "../paths.ts"
import { field } from "./field.ts"
import { errorBody, faulty, makeTakeForm } from "./forms.ts"
import { envelope } from "./icons.ts"
import { type Answer, type Visit, Visits } from "./Visits.ts"

const decodeEmail = Schema.decodeUnknownOption(Email)
const bodyOf = errorBody(documentedUnavailable)

/** The field for an address. */
export const emailField = ({ say }: Visit, value: string, error: ErrorBody | undefined) =>
  field({
    name: "email",
    label: say("page.field.email"),
    attributes: { type: "email", autocomplete: "email", inputmode: "email", spellcheck: "false", dir: "ltr", value },
    error
  })

/** "Check your mail", and what to do where there is none. */
export const lookIntoMail = (
  visit: Visit,
  options: { readonly words: string; readonly askedAt: Path; readonly codePath: Path }
) =>
  visit.page({
    icon: envelope,
    title: visit.say("page.sent.title"),
    content: html`<p class="lead">${options.words}</p>
<p class="lead">${visit.say("page.sent.nothing")}</p>
<ul class="links">
<li><a href="${visit.to(options.codePath)}">${visit.say("page.sent.code")}</a></li>
<li><a href="${visit.to(options.askedAt)}">${visit.say("page.sent.again")}</a></li>
<li><a href="${visit.signInUrl}">${visit.say("page.signIn.title")}</a></li>
</ul>`
  })

/** A page that asks for an address and has a mail sent there. What it answers is the same for every address (C1). */
export const addAskForMail = Effect.fnUntraced(function* (
  router: HttpRouter.HttpRouter,
  options: {
    readonly path: Path
    readonly sentPath: Path
    /** Where the code of the mail goes. */
    readonly codePath: Path
    readonly door: Door
    readonly ask: (email: Email) => Effect.Effect<void, Unavailable>
    readonly title: Extract<MessageKey, "page.forgot.title" | "page.confirmAgain.title">
    readonly lead: Extract<MessageKey, "page.forgot.lead" | "page.confirmAgain.lead">
    readonly sent: Extract<MessageKey, "page.sent.reset" | "page.sent.confirmation">
  }
) {
  const { add } = yield* Visits
  const takeForm = yield* makeTakeForm

  const form = (visit: Visit, email = "", error?: ErrorBody) =>
    visit.page({
      title: visit.say(options.title),
      error,
      content: html`<p class="lead">${visit.say(options.lead)}</p>
<form method="post" action="${visit.to(options.path)}" novalidate>
${emailField(visit, email, error)}\
<button>${visit.say("page.ask.button")}</button>
</form>
<ul class="links">
<li><a href="${visit.to(options.codePath)}">${visit.say("page.sent.code")}</a></li>
<li><a href="${visit.signInUrl}">${visit.say("page.signIn.title")}</a></li>
</ul>`
    })

  yield* add(router, "GET", options.path, (visit) => Effect.succeed(form(visit)))

  yield* add(
    router,
    "POST",
    options.path,
    (visit): Answer<HttpServerRequest.HttpServerRequest> =>
      takeForm(visit, { door: options.door, refused: (error) => form(visit, "", error) }, (typed) => {
        const email = decodeEmail(typed("email"))
        return Option.match(email, {
          onNone: () => Effect.succeed(form(visit, typed("email"), faulty({ email: visit.say("page.error.email") }))),
          onSome: (email) =>
            Effect.matchEffect(options.ask(email), {
              onFailure: (error) => Effect.map(bodyOf(error), (body) => form(visit, typed("email"), body)),
              onSuccess: () => Effect.succeed(visit.seeOther(options.sentPath))
            })
        })
      })
  )

  yield* add(router, "GET", options.sentPath, (visit) =>
    Effect.succeed(
      lookIntoMail(visit, { words: visit.say(options.sent), askedAt: options.path, codePath: options.codePath })
    )
  )
})
