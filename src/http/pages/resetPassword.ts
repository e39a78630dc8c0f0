import { Effect, Option, Redacted, Schema } from "effect"
import { type Cookies, HttpRouter, HttpServerRequest, HttpServerResponse, UrlParams } from "effect/http"
import { documentedUnavailable, type ErrorBody, httpErrors } from "../../api/errors.ts"
import { resetPasswordErrors } from "../../api/Recovery.ts"
import { Password } from "../../domain/Password.ts"
import { ResetCode } from "../../domain/ResetCode.ts"
import { html } from "../../markup/Html.ts"
import { PasswordPolicy } from "../../passwords/PasswordPolicy.ts"
import { PasswordReset } from "../../recovery/PasswordReset.ts"
import { errorResponse } from "../errors.ts"
import { paths } from "../paths.ts"
import { makeLayout } from "./layout.ts"

const cookieName = "rekey_reset_code"

/** The words and the status of an error are the API's. */
const encodeError = Schema.encodeSync(Schema.Union([...resetPasswordErrors, documentedUnavailable]))

const decodeCode = Schema.decodeUnknownOption(ResetCode)
const decodePasswords = Schema.decodeUnknownOption(
  Schema.Struct({ password: Password, passwordConfirmation: Password })
)

const unusable: ErrorBody = {
  code: 400,
  message: "The password holds a character that can't be used.",
  reason: "InvalidRequest",
  details: [{ path: ["password"], message: "The password holds a character that can't be used." }]
}

const codeMissing: ErrorBody = {
  code: 400,
  message: "Enter the code from the mail.",
  reason: "InvalidRequest",
  details: [{ path: ["code"], message: "Enter the code from the mail." }]
}

/** One field with what is wrong with it beside it. */
const field = (name: string, label: string, attributes: Record<string, string>, error: ErrorBody | undefined) => {
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

/**
 * The page behind the link of the mail. GET changes nothing, however often a scanner asks (D3). The code goes from the query
 * into a cookie that only this page gets, and so out of the address bar, the history and `Referer`.
 */
export const ResetPasswordPage = (options: { readonly publicUrl: URL }) =>
  HttpRouter.use(
    Effect.fnUntraced(function* (router) {
      const { check, reset } = yield* PasswordReset
      const { minLength } = yield* PasswordPolicy
      const { page, seeOther } = yield* makeLayout

      const cookie: Cookies.Cookie["options"] = {
        httpOnly: true,
        path: `${options.publicUrl.pathname.replace(/\/$/, "")}${paths.resetPage}`,
        // Strict would keep it from the request that follows a click in a mail program.
        sameSite: "lax",
        secure: options.publicUrl.protocol === "https:"
      }
      const forgetCode = HttpServerResponse.expireCookieUnsafe(cookieName, cookie)

      const form = (asksForCode: boolean, error?: ErrorBody) =>
        page(
          "Choose a new password",
          html`${error !== undefined && error.details === undefined ? html`<p class="error" role="alert">${error.message}</p>\n` : ""}\
<form method="post">
${asksForCode ? field("code", "Code from the mail", { autocomplete: "off" }, error) : ""}\
${field("password", "New password", { type: "password", autocomplete: "new-password" }, error)}\
<p>At least ${String(minLength)} characters.</p>
${field("passwordConfirmation", "New password again", { type: "password", autocomplete: "new-password" }, error)}\
<button>Set the new password</button>
</form>`,
          error?.code
        )

      // A code that can't be used any more makes room for a newer one; a password that was refused doesn't lose the code (B7).
      const refused = (error: Parameters<typeof encodeError>[0], asksForCode: boolean) =>
        error._tag.startsWith("ResetCode") || error._tag === "AccountBlocked"
          ? forgetCode(form(true, encodeError(error)))
          : form(asksForCode, encodeError(error))

      yield* router.add(
        "GET",
        paths.resetPage,
        Effect.fnUntraced(function* (request) {
          const { code: typed } = yield* HttpServerRequest.ParsedSearchParams
          const fromLink = decodeCode(typed)
          if (Option.isSome(fromLink)) {
            return yield* Effect.orDie(
              HttpServerResponse.setCookie(
                seeOther(`.${paths.resetPage}`),
                cookieName,
                Redacted.value(fromLink.value),
                cookie
              )
            )
          }
          const code = decodeCode(request.cookies[cookieName])
          if (Option.isNone(code)) return form(true)
          return yield* Effect.match(check(code.value), {
            onFailure: (error) => refused(error, false),
            onSuccess: () => form(false)
          })
        })
      )

      yield* router.add(
        "POST",
        paths.resetPage,
        Effect.fnUntraced(function* (request) {
          if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(request.headers["content-type"] ?? "")) {
            return errorResponse(httpErrors.notAForm)
          }
          const fields = UrlParams.toRecord(yield* request.urlParamsBody)
          const kept = decodeCode(request.cookies[cookieName])
          const asksForCode = Option.isNone(kept)
          if (fromElsewhere(request)) return form(asksForCode, httpErrors.fromElsewhere)
          // Copied from a mail it may have a space or a line end around it.
          const typed = typeof fields.code === "string" ? fields.code.trim() : undefined
          const code = asksForCode ? decodeCode(typed) : kept
          if (Option.isNone(code)) return form(true, codeMissing)
          const passwords = decodePasswords(fields)
          if (Option.isNone(passwords)) return form(asksForCode, unusable)
          return yield* Effect.match(reset({ code: code.value, ...passwords.value }), {
            onFailure: (error) => refused(error, asksForCode),
            onSuccess: () => forgetCode(seeOther(`.${paths.resetDonePage}`))
          })
        })
      )

      yield* router.add(
        "GET",
        paths.resetDonePage,
        page(
          "Your password is changed",
          html`<p>Sign in with the new password. You are signed out everywhere else.</p>`
        )
      )
    })
  )
