import { Effect } from "effect"
import { HttpRouter, HttpServerError, type HttpServerRequest, HttpServerResponse } from "effect/http"
import { DevelopmentInbox, type ReceivedMail } from "../mail/DevelopmentInbox.ts"
import { type Html, html } from "../markup/Html.ts"
import { paths } from "./paths.ts"

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i
const forwarding = /^(forwarded|via|x-forwarded(-.*)?|x-real-ip)$/i

/** Asked from this machine itself: by its name, so that no other site's page can (DNS rebinding), and not through a proxy. */
const fromHere = ({ headers }: HttpServerRequest.HttpServerRequest): boolean =>
  loopback.test(headers.host ?? "") && !Object.keys(headers).some((name) => forwarding.test(name))

const linked = (text: string): ReadonlyArray<Html> =>
  text
    .split(/(https?:\/\/\S+)/)
    .map((part, index) => (index % 2 === 0 ? html`${part}` : html`<a href="${part}">${part}</a>`))

const page = (mails: ReadonlyArray<ReceivedMail>): string =>
  html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Development inbox</title>
</head>
<body>
<h1>Development inbox</h1>
<p>${mails.length === 0 ? "No mail yet." : "The newest first. Nothing here was sent to anybody."}</p>
${mails.map(
  (mail) =>
    html`<article>
<h2>${mail.subject}</h2>
<p>To ${mail.to}, <time>${mail.receivedAt.toISOString()}</time></p>
<pre>${linked(mail.text)}</pre>
</article>
`
)}</body>
</html>
`.markup

/** The mails that were not sent, for a person or for a program. There only where the development inbox is. */
export const InboxRoute = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const inbox = yield* DevelopmentInbox
    yield* router.add(
      "GET",
      paths.inbox,
      Effect.fnUntraced(function* (request) {
        if (!fromHere(request)) {
          return yield* new HttpServerError.HttpServerError({ reason: new HttpServerError.RouteNotFound({ request }) })
        }
        const mails = yield* inbox.mails
        return /\btext\/html\b/.test(request.headers.accept ?? "")
          ? HttpServerResponse.html(page(mails))
          : HttpServerResponse.jsonUnsafe({ mails })
      })
    )
  })
)
