import { Effect, Option, Redacted, Schema } from "effect"
import {
  type Cookies,
  type HttpRouter,
  type HttpServerError,
  HttpServerRequest,
  HttpServerResponse,
  UrlParams
} from "effect/http"
import { documentedRateLimited, documentedUnavailable, type ErrorBody, httpError } from "../../api/errors.ts"
import type { RateLimited, Unavailable } from "../../domain/Failure.ts"
import { MailedCode } from "../../domain/MailedCode.ts"
import { CurrentLanguage } from "../../language/Language.ts"
import { type Html, html } from "../../markup/Html.ts"
import { httpErrorResponse } from "../errors.ts"
import { type Door, Limits } from "../limits.ts"
import { makeLayout } from "./layout.ts"

const encodeUnavailable = Schema.encodeSync(documentedUnavailable)
const encodeRateLimited = Schema.encodeSync(documentedRateLimited)
const decodeCode = Schema.decodeUnknownOption(MailedCode)

const codeMissing: ErrorBody = {
  code: 400,
  message: "Enter the code from the mail.",
  reason: "InvalidRequest",
  details: [{ path: ["code"], message: "Enter the code from the mail." }]
}

/** One field with what is wrong with it beside it. */
export const field = (
  name: string,
  label: string,
  attributes: Record<string, string>,
  error: ErrorBody | undefined
): Html => {
  const wrong = error?.details?.filter(({ path }) => path[0] === name) ?? []
  const all = {
    ...attributes,
    ...(wrong.length > 0 && { "aria-invalid": "true", "aria-describedby": `${name}-error` })
  }
  return html`<label for="${name}">${label}</label>
<input id="${name}" name="${name}" required${Object.entries(all).map(([key, value]) => html` ${key}="${value}"`)}>
${wrong.length > 0 ? html`<p class="error" id="${name}-error">${wrong.map(({ message }) => message).join(" ")}</p>\n` : ""}`
}

/** A form that another site sent: browsers say so, and the code's cookie stays away from it besides. */
const fromElsewhere = ({ headers }: HttpServerRequest.HttpServerRequest): boolean => {
  const site = headers["sec-fetch-site"]
  if (site !== undefined) return site !== "same-origin" && site !== "none"
  // `null` is what our own `no-referrer` makes of the origin.
  const { origin } = headers
  return origin !== undefined && origin !== "null" && URL.parse(origin)?.host !== headers.host
}

type Answer<R> = Effect.Effect<HttpServerResponse.HttpServerResponse, HttpServerError.HttpServerError, R>

/**
 * A page behind the link of a mail. GET changes nothing, however often a scanner asks (D3). The code goes from the query into a
 * cookie that only this page gets, and so out of the address bar, the history and `Referer`; who comes without one may type it.
 */
export const makeCodePage = Effect.fnUntraced(function* (options: {
  readonly publicUrl: URL
  readonly path: `/${string}`
  readonly cookieName: string
  readonly title: string
  /** What stands in the form, below the field for a code where there is one. */
  readonly fields: (error: ErrorBody | undefined) => Html
  readonly button: string
}) {
  const { cookieName, path } = options
  const { enter } = yield* Limits
  const { page, seeOther } = yield* makeLayout

  const cookie: Cookies.Cookie["options"] = {
    httpOnly: true,
    path: `${options.publicUrl.pathname.replace(/\/$/, "")}${path}`,
    // Strict would keep it from the request that follows a click in a mail program.
    sameSite: "lax",
    secure: options.publicUrl.protocol === "https:"
  }
  const keptCode = ({ cookies }: HttpServerRequest.HttpServerRequest) => decodeCode(cookies[cookieName])

  const form = (asksForCode: boolean, error?: ErrorBody): HttpServerResponse.HttpServerResponse =>
    page(
      options.title,
      html`${error !== undefined && error.details === undefined ? html`<p class="error" role="alert">${error.message}</p>\n` : ""}\
<form method="post">
${asksForCode ? field("code", "Code from the mail", { autocomplete: "off" }, error) : ""}\
${options.fields(error)}\
<button>${options.button}</button>
</form>`,
      error?.code
    )

  /** The same limits as at the API's doors, told on a page. */
  const limited = <R>(door: Door, asksForCode: boolean, answer: Answer<R>) =>
    Effect.matchEffect(enter(door), {
      onFailure: (error: RateLimited | Unavailable) => {
        if (error._tag === "Unavailable") return Effect.succeed(form(asksForCode, encodeUnavailable(error)))
        const { body, headers } = encodeRateLimited(error)
        return Effect.succeed(HttpServerResponse.setHeaders(form(asksForCode, body), headers))
      },
      onSuccess: () => answer
    })

  const posted = Effect.fnUntraced(function* <R>(
    request: HttpServerRequest.HttpServerRequest,
    kept: Option.Option<MailedCode>,
    submitted: Submitted<R>
  ) {
    const fields = UrlParams.toRecord(yield* request.urlParamsBody)
    const asksForCode = Option.isNone(kept)
    if (fromElsewhere(request)) return form(asksForCode, httpError("fromElsewhere", "en"))
    // Copied from a mail it may have a space or a line end around it.
    const typed = typeof fields.code === "string" ? fields.code.trim() : undefined
    const code = asksForCode ? decodeCode(typed) : kept
    return Option.isNone(code) ? form(true, codeMissing) : yield* submitted(code.value, fields, asksForCode)
  })

  const serve = Effect.fnUntraced(function* <R>(
    router: HttpRouter.HttpRouter,
    routes: {
      /** Somebody who has a code looks at the page. */
      readonly opened: (code: MailedCode) => Answer<R>
      /** Somebody sent the form. */
      readonly submitted: Submitted<R>
      readonly door: Door
    }
  ) {
    yield* router.add(
      "GET",
      path,
      Effect.fnUntraced(function* (request) {
        const { code: typed } = yield* HttpServerRequest.ParsedSearchParams
        const fromLink = decodeCode(typed)
        if (Option.isSome(fromLink)) {
          return yield* Effect.orDie(
            HttpServerResponse.setCookie(seeOther(`.${path}`), cookieName, Redacted.value(fromLink.value), cookie)
          )
        }
        const code = keptCode(request)
        return Option.isNone(code) ? form(true) : yield* routes.opened(code.value)
      })
    )
    yield* router.add(
      "POST",
      path,
      Effect.fnUntraced(function* (request) {
        if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(request.headers["content-type"] ?? "")) {
          return httpErrorResponse("notAForm", yield* CurrentLanguage)
        }
        const kept = keptCode(request)
        return yield* limited(routes.door, Option.isNone(kept), posted(request, kept, routes.submitted))
      })
    )
  })

  return {
    page,
    form,
    limited,
    serve,
    /** To the page that says that it is done; the code isn't needed any more. */
    done: (to: string) => forgetCode(seeOther(`.${to}`)),
    /** For a code that can't be used any more: makes room for a newer one. */
    forgetCode
  }

  function forgetCode(response: HttpServerResponse.HttpServerResponse) {
    return HttpServerResponse.expireCookieUnsafe(response, cookieName, cookie)
  }
})

type Submitted<R> = (code: MailedCode, fields: Readonly<Record<string, unknown>>, asksForCode: boolean) => Answer<R>
