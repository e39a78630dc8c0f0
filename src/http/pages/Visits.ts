import { Context, Effect, Layer, Option, Schema } from "effect"
import { Digest } from "effect/crypto"
import { Base64 } from "effect/encoding"
import {
  type Cookies,
  type HttpRouter,
  type HttpServerError,
  type HttpServerRequest,
  HttpServerResponse
} from "effect/http"
import type { ErrorBody } from "../../api/errors.ts"
import {
  CurrentLanguage,
  directionOf,
  fallback,
  Language,
  languages,
  UnderstoodLanguage,
  understood
} from "../../language/Language.ts"
import { type MessageKey, say, type ValuesOf } from "../../language/Messages.ts"
import { type Html, html } from "../../markup/Html.ts"
import { type Path, paths } from "../paths.ts"
import type { Branding } from "./Branding.ts"
import { errorSummary } from "./errorSummary.ts"
import { unbroken } from "./lead.ts"
import { script } from "./script.ts"
import { styleOf } from "./style.ts"
import type { Place } from "./Template.ts"

/** What a page says. */
export interface View {
  readonly title: string
  /** Above the title. */
  readonly icon?: Html
  readonly content: Html
  /** What was wrong with the form that was sent; its status is the page's. */
  readonly error?: ErrorBody | undefined
  /** What was done on the way here, where there is no error. */
  readonly notice?: string | undefined
  /** Where there is no error; 200 unless told otherwise. */
  readonly status?: number
}

/** Somebody at one of our pages, and how they are answered: in their language, with links that keep a proxy's prefix. */
export interface Visit {
  readonly request: HttpServerRequest.HttpServerRequest
  /** What they said they understand, here or by their browser. */
  readonly asked: Language | null
  readonly language: Language
  readonly query: URLSearchParams
  say<Key extends MessageKey>(key: Key, ...values: ValuesOf<Key>): string
  /** A relative link to another page of ours. */
  to(path: Path): string
  /** Where people sign in, be it ours or the team's. */
  readonly signInUrl: string
  page(view: View): HttpServerResponse.HttpServerResponse
  /** To another page, after a form was taken or a secret has to leave the address bar. Never where a request says. */
  seeOther(path: Path, query?: string): HttpServerResponse.HttpServerResponse
}

export type Answer<R> = Effect.Effect<HttpServerResponse.HttpServerResponse, HttpServerError.HttpServerError, R>

export interface VisitsOptions {
  readonly publicUrl: URL
  readonly appName: string
  readonly branding: Branding
}

const languageCookie = "rekey_language"
const decodeLanguage = Schema.decodeUnknownOption(Language)

const base64Sha256 = Effect.fnUntraced(function* (text: string) {
  const digest = yield* Digest.Digest
  return Base64.encode(yield* Effect.orDie(digest.digest(Digest.sha256, new TextEncoder().encode(text))))
})

/** A letter of the team's name in its colour, where there is no logo. */
const mark = (appName: string): string => [...appName.trim()][0]?.toLocaleUpperCase() ?? ""

/** Where a language can be chosen for what takes a form: at the page that the form is on. */
const pageOf = (path: Path): Path => (buttons.has(path) ? paths.accountPage : path)

/** What the buttons of the account's page ask for. */
const buttons: ReadonlySet<Path> = new Set([
  paths.signOut,
  paths.endSession,
  paths.endOtherSessions,
  paths.exportAccount
])

const icon = ({ accent, logo }: Branding): string =>
  Option.getOrElse(logo, () => {
    const picture = html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="9" fill="${accent.light}"/></svg>`
    return `data:image/svg+xml,${encodeURIComponent(picture.markup)}`
  })

/** Answers those who come to our pages. */
export class Visits extends Context.Service<
  Visits,
  {
    /** Adds a page, or what takes the form of one. */
    readonly add: <R>(
      router: HttpRouter.HttpRouter,
      method: "GET" | "POST",
      path: Path,
      answer: (visit: Visit) => Answer<R>
    ) => Effect.Effect<
      void,
      never,
      | HttpRouter.Request<"Error", HttpServerError.HttpServerError>
      | HttpRouter.Request.From<"Requires", Exclude<R, HttpRouter.Provided>>
    >
    /** The path that cookies of a page are bound to. */
    readonly cookiePath: (path: Path | "/") => string
    readonly secure: boolean
  }
>()("rekey/http/pages/Visits") {
  static readonly layer = (options: VisitsOptions) => Layer.effect(Visits, makeVisits(options))
}

const makeVisits = Effect.fnUntraced(function* (options: VisitsOptions) {
  const { appName, branding, publicUrl } = options
  const style = styleOf(branding.accent)
  const hashes = yield* Effect.forEach([style, ...branding.template.styles], base64Sha256)
  const scriptVersion = (yield* base64Sha256(script)).slice(0, 8)
  /** Nothing runs and nothing is loaded but what we serve ourselves, nobody frames it, nothing is told to the next site (D6). */
  const headers = {
    "content-security-policy": [
      "default-src 'none'",
      `style-src ${hashes.map((hash) => `'sha256-${hash}'`).join(" ")}`,
      "script-src 'self'",
      "img-src data:",
      "form-action 'self'",
      "base-uri 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'"
    ].join("; "),
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    // Nobody searches for these, and a link of a mail that was posted somewhere shouldn't be found.
    "x-robots-tag": "noindex",
    "x-frame-options": "DENY"
  }
  const secure = publicUrl.protocol === "https:"
  const prefix = publicUrl.pathname.replace(/\/$/, "")
  const cookiePath = (path: Path | "/") => `${prefix}${path}`
  const keepsLanguage: Cookies.Cookie["options"] = {
    httpOnly: true,
    maxAge: "365 days",
    path: cookiePath("/"),
    sameSite: "lax",
    secure
  }

  const brand = html`${Option.match(branding.logo, {
    onNone: () => html`<span class="mark" aria-hidden="true">${mark(appName)}</span> ${appName}`,
    onSome: (logo) => html`<img src="${logo}" alt="${appName}">`
  })}`
  const iconLink = html`<link rel="icon" href="${icon(branding)}">`

  const render = (
    visit: Omit<Visit, "page" | "seeOther">,
    path: Path,
    { content, error, icon, notice, title }: View
  ): string => {
    // A screen reader begins with the title, and says nothing by itself of a status that was there from the start.
    const whole =
      error !== undefined ? visit.say("page.error.titled", { title }) : [notice, title].filter(Boolean).join(" ")
    const news =
      error !== undefined
        ? errorSummary(visit.say("page.error.heading"), error)
        : notice !== undefined
          ? html`<div class="note" role="status"><p>${notice}</p></div>\n`
          : ""
    const links = [
      ...Option.toArray(branding.supportUrl).map((url) => [url, visit.say("page.link.support")] as const),
      ...Option.toArray(branding.termsUrl).map((url) => [url, visit.say("page.link.terms")] as const)
    ]
    const filling: Record<Place, Html> = {
      lang: html`${visit.language}`,
      dir: html`${directionOf(visit.language)}`,
      name: html`${appName}`,
      brand,
      head: html`<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${whole} - ${appName}</title>
${iconLink}
<style>${{ _tag: "Html", markup: style }}</style>
<script src="${visit.to(paths.pageScript)}?v=${scriptVersion}" defer></script>`,
      content: html`${icon ?? ""}<h1>${unbroken(title)}</h1>
${news}${content}`,
      footer: html`${
        links.length === 0
          ? ""
          : html`<ul>${links.map(([url, words]) => html`<li><a href="${url}">${words}</a></li>`)}</ul>
`
      }<nav aria-label="${visit.say("page.languages")}"><ul>${languages.map((language) => {
        const name = say(language, "page.language")
        const current = language === visit.language
        return html`<li><a href="${visit.to(pageOf(path))}?lang=${language}" lang="${language}" hreflang="${language}"${current ? html` aria-current="true"` : ""}>${name}</a></li>`
      })}</ul></nav>`
    }
    return branding.template.parts.map((part) => ("markup" in part ? part.markup : filling[part.place].markup)).join("")
  }

  const visitOf = (request: HttpServerRequest.HttpServerRequest, path: Path): Visit => {
    const url = URL.parse(request.url, "http://localhost")
    const query = url?.searchParams ?? new URLSearchParams()
    const asked = Option.getOrElse(
      Option.orElse(decodeLanguage(query.get("lang")), () => decodeLanguage(request.cookies[languageCookie])),
      () => understood(request.headers["accept-language"])
    )
    const language = asked ?? fallback
    // By the route and not by the address, before which a proxy may have a prefix; the router takes a slash at the end too.
    const depth = path.split("/").length - 2 + (url?.pathname.endsWith("/") ? 1 : 0)
    const to = (other: Path) => `${depth === 0 ? "." : Array(depth).fill("..").join("/")}${other}`
    const signInUrl = Option.getOrElse(branding.signInUrl, () => to(paths.signInPage))
    const bare = {
      request,
      asked,
      language,
      query,
      to,
      signInUrl,
      say: <Key extends MessageKey>(key: Key, ...values: ValuesOf<Key>) => say(language, key, ...values)
    }
    return {
      ...bare,
      page: (view) =>
        HttpServerResponse.html(render(bare, path, view)).pipe(
          HttpServerResponse.setStatus(view.error?.code ?? view.status ?? 200),
          HttpServerResponse.setHeaders({
            ...headers,
            "content-language": language,
            vary: "Origin, Accept-Language, Cookie"
          })
        ),
      seeOther: (other, more = "") =>
        HttpServerResponse.empty({ status: 303, headers: { ...headers, location: `${to(other)}${more}` } })
    }
  }

  return Visits.of({
    cookiePath,
    secure,
    add: (router, method, path, answer) =>
      router.add(method, path, (request) => {
        const visit = visitOf(request, path)
        const spoken = answer(visit).pipe(
          Effect.provideService(CurrentLanguage, visit.language),
          Effect.provideService(UnderstoodLanguage, visit.asked)
        )
        if (method !== "GET" || Option.isNone(decodeLanguage(visit.query.get("lang")))) return spoken
        // The choice is kept, and leaves the address bar: a link to share should speak the language of who follows it.
        const kept = visit.query.has("code") ? spoken : Effect.succeed(visit.seeOther(path))
        return Effect.map(kept, (response) =>
          HttpServerResponse.setCookieUnsafe(response, languageCookie, visit.language, keepsLanguage)
        )
      })
  })
})
