import { Effect, Option, Redacted, Schema } from "effect"
import { type HttpRouter, type HttpServerRequest, HttpServerResponse } from "effect/http"
import type { ErrorBody, ErrorName } from "../../api/errors.ts"
import { MailedCode } from "../../domain/MailedCode.ts"
import type { MessageKey, PlainKey } from "../../language/Messages.ts"
import { type Html, html } from "../../markup/Html.ts"
import type { Door } from "../limits.ts"
import type { Path } from "../paths.ts"
import { field } from "./field.ts"
import { faulty, makeTakeForm, type Typed } from "./forms.ts"
import { clock, exclamation, tick } from "./icons.ts"
import { lead, unbroken } from "./lead.ts"
import { type Answer, type Visit, Visits } from "./Visits.ts"
import { button, links, type Way, wayTo } from "./ways.ts"

const decodeCode = Schema.decodeUnknownOption(MailedCode)

/** Copied from a mail a code may have a space or a line end around it, or be the whole link. */
const codeIn = (typed: string): Option.Option<MailedCode> =>
  decodeCode(/[?&]code=([\w-]+)/.exec(typed)?.[1] ?? typed.trim())

/** How a code came here: by a link, and so by the cookie, or typed into the form. */
export interface ShownCode {
  readonly code: MailedCode
  readonly typed: boolean
}

type Title = Extract<
  MessageKey,
  "page.reset.title" | "page.confirm.title" | "page.confirmChange.title" | "page.undoChange.title"
>

/** Reasons why no other code would do either. */
const settled: ReadonlySet<string> = new Set(["ConfirmationCodeUsed", "AccountBlocked"])

/** What is said of a link that can't be used. */
const saidOf = ({ say }: Visit, { message, reason }: ErrorBody) => {
  // Whoever presses twice has what they wanted.
  if (reason === "ConfirmationCodeUsed")
    return { icon: tick, title: say("page.confirmDone.title"), words: say("page.confirmDone.lead") }
  const title = say("page.unusable.title")
  // Of a code that somebody typed "there is no such code" would be clear, of a link it isn't.
  if (reason.endsWith("CodeNotFound")) return { icon: exclamation, title, words: say("page.unusable.unknown") }
  return { icon: reason.includes("Code") ? clock : exclamation, title, words: message }
}

/** Says that it is done, and where to go on. */
export const done = (
  visit: Visit,
  title: PlainKey,
  words: PlainKey,
  next: Way
): HttpServerResponse.HttpServerResponse =>
  visit.page({
    icon: tick,
    title: visit.say(title),
    content: html`${lead(visit.say(words))}${button(visit, next)}`
  })

/**
 * A page behind the link of a mail. GET changes nothing, however often a scanner asks (D3). The code goes from the query into a
 * cookie that only this page gets, and so out of the address bar, the history and `Referer`; who comes without one may type it.
 */
export const makeCodePage = Effect.fnUntraced(function* (options: {
  readonly path: Path
  readonly cookieName: string
  readonly title: Title
  /** What stands in the form, below the field for a code where there is one. */
  readonly fields: (visit: Visit, error: ErrorBody | undefined) => Html
  readonly button: Extract<
    MessageKey,
    "page.reset.button" | "page.confirm.button" | "page.confirmChange.button" | "page.undoChange.button"
  >
  /** Where a new code is asked for, if one can be. */
  readonly another?: Way
  /** What helps instead where a code can't be used, by the reason. */
  readonly instead?: { readonly [Reason in ErrorName]?: Way }
  /** What is said when it is done. */
  readonly done: { readonly path: Path; readonly page: (visit: Visit) => HttpServerResponse.HttpServerResponse }
}) {
  const { another, cookieName, instead, path } = options
  const { add, cookiePath, secure } = yield* Visits
  const takeForm = yield* makeTakeForm

  const cookie = {
    httpOnly: true,
    path: cookiePath(path),
    // Strict would keep it from the request that follows a click in a mail program.
    sameSite: "lax",
    secure
  } as const
  const keptCode = ({ request }: Visit) => decodeCode(request.cookies[cookieName])

  const keep = (response: HttpServerResponse.HttpServerResponse, code: MailedCode) =>
    HttpServerResponse.setCookieUnsafe(response, cookieName, Redacted.value(code), cookie)

  const forget = (response: HttpServerResponse.HttpServerResponse) =>
    HttpServerResponse.expireCookieUnsafe(response, cookieName, cookie)

  const waysOn = (error: ErrorBody | undefined): ReadonlyArray<Way> => {
    if (error?.reason === "AccountBlocked") return []
    const way = instead?.[error?.reason as ErrorName] ?? another
    return way === undefined ? [] : [way]
  }

  const form = (visit: Visit, asksForCode: boolean, error?: ErrorBody): HttpServerResponse.HttpServerResponse =>
    visit.page({
      title: visit.say(options.title),
      error,
      content: html`<form method="post" action="${visit.to(path)}" novalidate>
${
  asksForCode
    ? field({
        name: "code",
        label: visit.say("page.field.code"),
        hint: visit.say("page.field.codeHint"),
        attributes: { autocomplete: "one-time-code", autocapitalize: "none", spellcheck: "false" },
        error
      })
    : ""
}${options.fields(visit, error)}\
<button>${visit.say(options.button)}</button>
</form>
${links(visit, asksForCode ? waysOn(error) : [])}`
    })

  /** The code can't be used any more: makes room for a newer one and shows the way there. */
  const unusable = (visit: Visit, error: ErrorBody, { typed }: ShownCode): HttpServerResponse.HttpServerResponse => {
    if (typed) return forget(form(visit, true, { ...error, details: [{ path: ["code"], message: error.message }] }))
    const { icon, title, words } = saidOf(visit, error)
    const others = settled.has(error.reason) ? [] : [wayTo(path, "page.unusable.code")]
    const content = html`<p class="lead" role="alert">${unbroken(words)}</p>
${waysOn(error).map((way) => button(visit, way))}${links(visit, others)}`
    return forget(visit.page({ icon, title, content, status: error.code }))
  }

  /** The form once more. A code that was typed and may be good goes the way of one from a link, so that nobody types it twice. */
  const again = (visit: Visit, error: ErrorBody, { code, typed }: ShownCode): HttpServerResponse.HttpServerResponse =>
    typed ? keep(form(visit, false, error), code) : form(visit, false, error)

  const serve = Effect.fnUntraced(function* <R1, R2>(
    router: HttpRouter.HttpRouter,
    routes: {
      /** Somebody who has a code looks at the page. */
      readonly opened: (visit: Visit, shown: ShownCode) => Answer<R1>
      /** Somebody sent the form. */
      readonly submitted: (visit: Visit, shown: ShownCode, typed: Typed) => Answer<R2>
      readonly door: Door
    }
  ) {
    yield* add(router, "GET", path, (visit): Answer<R1> => {
      const fromLink = decodeCode(visit.query.get("code"))
      if (Option.isSome(fromLink)) return Effect.succeed(keep(visit.seeOther(path), fromLink.value))
      return Option.match(keptCode(visit), {
        onNone: () => Effect.succeed(form(visit, true)),
        onSome: (code) => routes.opened(visit, { code, typed: false })
      })
    })
    yield* add(router, "POST", path, (visit): Answer<R2 | HttpServerRequest.HttpServerRequest> => {
      const kept = keptCode(visit)
      const asksForCode = Option.isNone(kept)
      const refused = (error: ErrorBody) => form(visit, asksForCode, error)
      return takeForm(visit, { door: routes.door, refused }, (typed) =>
        Option.match(asksForCode ? codeIn(typed("code")) : kept, {
          onNone: () => Effect.succeed(form(visit, true, faulty({ code: visit.say("page.error.code") }))),
          onSome: (code) => routes.submitted(visit, { code, typed: asksForCode }, typed)
        })
      )
    })
    yield* add(router, "GET", options.done.path, (visit) => Effect.succeed(options.done.page(visit)))
  })

  return {
    form,
    again,
    unusable,
    serve,
    /** To the page that says that it is done; the code isn't needed any more. */
    end: (visit: Visit) => forget(visit.seeOther(options.done.path))
  }
})
