import { Effect, Option, Schema } from "effect"
import type { HttpRouter, HttpServerRequest } from "effect/http"
import { documentedUnavailable, type ErrorBody } from "../../api/errors.ts"
import { Email } from "../../domain/Email.ts"
import type { Unavailable } from "../../domain/Failure.ts"
import type { MessageKey, PlainKey } from "../../language/Messages.ts"
import { html } from "../../markup/Html.ts"
import type { Door } from "../limits.ts"
import type { Path } from "../paths.ts"
import { field } from "./field.ts"
import { errorBody, faulty, makeTakeForm } from "./forms.ts"
import { envelope } from "./icons.ts"
import { lead } from "./lead.ts"
import { type Answer, type Visit, Visits } from "./Visits.ts"
import { links, toSignIn, type Way, wayTo } from "./ways.ts"

const decodeEmail = Schema.decodeUnknownOption(Email)
const bodyOf = errorBody(documentedUnavailable)

/** The field for an address. */
export const emailField = (
  { say }: Visit,
  label: "page.field.email" | "page.field.newEmail",
  value: string,
  error: ErrorBody | undefined
) =>
  field({
    name: "email",
    label: say(label),
    attributes: { type: "email", autocomplete: "email", inputmode: "email", spellcheck: "false", dir: "ltr", value },
    error
  })

/** Where the code of a mail is typed in. */
export const toCode = (path: Path): Way => wayTo(path, "page.sent.code")

/** "Check your mail", and what to do where there is none. */
export const checkMail = (
  visit: Visit,
  options: {
    readonly title?: PlainKey
    readonly words: PlainKey
    readonly nothing?: PlainKey
    readonly ways: ReadonlyArray<Way>
  }
) =>
  visit.page({
    icon: envelope,
    title: visit.say(options.title ?? "page.sent.title"),
    content: html`${lead(visit.say(options.words))}${lead(visit.say(options.nothing ?? "page.sent.nothing"))}${links(visit, options.ways)}`
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
      content: html`${lead(visit.say(options.lead))}<form method="post" action="${visit.to(options.path)}" novalidate>
${emailField(visit, "page.field.email", email, error)}\
<button>${visit.say("page.ask.button")}</button>
</form>
${links(visit, [toCode(options.codePath), toSignIn])}`
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
      checkMail(visit, {
        words: options.sent,
        ways: [toCode(options.codePath), wayTo(options.path, "page.sent.again"), toSignIn]
      })
    )
  )
})
