import { Effect, Option, Stream } from "effect"
import { HttpRouter, HttpServerError, HttpServerRequest, HttpServerResponse } from "effect/http"
import { DevelopmentInbox, type ReceivedMail } from "../../mail/DevelopmentInbox.ts"
import { sourceOf } from "../../mail/message.ts"
import { Shutdown } from "../edge.ts"
import { paths } from "../paths.ts"
import { mailDocument, page, type View, views } from "./page.ts"
import { script } from "./script.ts"
import { style } from "./style.ts"

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i
const loopbackPeer = /^(127(\.\d{1,3}){3}|::1|::ffff:127(\.\d{1,3}){3})$/i
const forwarding = /^(forwarded|via|x-forwarded(-.*)?|x-real-ip)$/i

/**
 * Asked from this machine itself: over a connection of its own, by its name, so that no other site's page can (DNS rebinding), and
 * not through a proxy.
 */
const fromHere = ({ headers, peerAddress }: HttpServerRequest.HttpServerRequest): boolean =>
  Option.exists(peerAddress, (address) => loopbackPeer.test(address)) &&
  loopback.test(headers.host ?? "") &&
  !Object.keys(headers).some((name) => forwarding.test(name))

/** Nothing runs but our script, nothing comes from elsewhere, and the mail is framed by us alone. */
const pageHeaders = {
  "content-security-policy":
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-src 'self'; img-src data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-frame-options": "DENY"
}

/** As mail programs show mails: with their styles, without scripts, pictures from elsewhere, forms, or an origin. */
const mailHeaders = {
  "content-security-policy":
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
  "referrer-policy": "no-referrer"
}

const asksForPage = ({ headers }: HttpServerRequest.HttpServerRequest): boolean =>
  /\btext\/html\b/.test(headers.accept ?? "")

const isView = (value: unknown): value is View => views.some((view) => view === value)

/** The mails that were not sent, for a person or for a program. There only where the development inbox is. */
export const InboxRoute = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const inbox = yield* DevelopmentInbox
    const { whenBegun } = yield* Shutdown

    const notFound = (request: HttpServerRequest.HttpServerRequest) =>
      new HttpServerError.HttpServerError({ reason: new HttpServerError.RouteNotFound({ request }) })

    const add = <E, R>(
      path: `/${string}`,
      answer: (
        request: HttpServerRequest.HttpServerRequest
      ) => Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
    ) =>
      router.add(
        "GET",
        path,
        (request): Effect.Effect<HttpServerResponse.HttpServerResponse, E | HttpServerError.HttpServerError, R> =>
          fromHere(request) ? answer(request) : Effect.fail(notFound(request))
      )

    /** The mail that the path names. */
    const named = Effect.gen(function* () {
      const { id } = yield* HttpRouter.params
      const mail = (yield* inbox.mails).find((mail) => mail.id === id)
      return mail ?? (yield* notFound(yield* HttpServerRequest.HttpServerRequest))
    })

    const shown = Effect.fnUntraced(function* (chosen: ReceivedMail | undefined, whole: boolean) {
      const { view } = yield* HttpServerRequest.ParsedSearchParams
      const source = chosen === undefined ? "" : yield* sourceOf(chosen, chosen.receivedAt)
      const mails = yield* inbox.mails
      return HttpServerResponse.html(page({ mails, chosen, whole, view: isView(view) ? view : "html", source })).pipe(
        HttpServerResponse.setHeaders(pageHeaders)
      )
    })

    yield* add(
      paths.inbox,
      Effect.fnUntraced(function* (request) {
        const mails = yield* inbox.mails
        return asksForPage(request) ? yield* shown(mails[0], true) : HttpServerResponse.jsonUnsafe({ mails })
      })
    )
    yield* add(
      `${paths.inbox}/:id`,
      Effect.fnUntraced(function* (request) {
        const mail = yield* named
        return asksForPage(request) ? yield* shown(mail, false) : HttpServerResponse.jsonUnsafe(mail)
      })
    )
    yield* add(`${paths.inbox}/:id/html`, () =>
      Effect.map(named, (mail) =>
        HttpServerResponse.html(mailDocument(mail)).pipe(HttpServerResponse.setHeaders(mailHeaders))
      )
    )
    yield* add(`${paths.inbox}/inbox.css`, () =>
      Effect.succeed(HttpServerResponse.text(style, { contentType: "text/css; charset=utf-8" }))
    )
    yield* add(`${paths.inbox}/inbox.js`, () =>
      Effect.succeed(HttpServerResponse.text(script, { contentType: "text/javascript; charset=utf-8" }))
    )
    // Server-sent events (WHATWG HTML, 9.2): the id of each mail as it comes, and nothing else of it.
    yield* add(`${paths.inbox}/arrivals`, () =>
      Effect.succeed(
        HttpServerResponse.stream(
          Stream.succeed(": open\n\n").pipe(
            Stream.concat(Stream.map(inbox.arrivals, ({ id }) => `data: ${id}\n\n`)),
            Stream.interruptWhen(whenBegun),
            Stream.encodeText
          ),
          { contentType: "text/event-stream" }
        )
      )
    )
  })
)
