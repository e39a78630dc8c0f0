import { Effect } from "effect"
import { Digest } from "effect/crypto"
import { Base64 } from "effect/encoding"
import { HttpServerResponse } from "effect/http"
import { type Html, html } from "../../markup/Html.ts"

const style = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { max-width: 26rem; margin: 3rem auto; padding: 0 1rem }
label { display: block; margin-top: 1rem; font-weight: 600 }
input { box-sizing: border-box; width: 100%; padding: .5rem; font: inherit }
button { margin-top: 1.5rem; padding: .5rem 1rem; font: inherit }
.error { margin: .25rem 0; color: #b91c1c; font-weight: 600 }
@media (prefers-color-scheme: dark) { .error { color: #fca5a5 } }
`

/** Headers of every page: nothing runs, nothing is loaded, nobody frames it, nothing is told to the next site (D6). */
const makeHeaders = Effect.gen(function* () {
  const digest = yield* Digest.Digest
  const hash = Base64.encode(yield* digest.digest(Digest.sha256, new TextEncoder().encode(style)))
  return {
    "content-security-policy": `default-src 'none'; style-src 'sha256-${hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY"
  }
}).pipe(Effect.orDie)

/** Makes the answers of pages. */
export const makeLayout = Effect.gen(function* () {
  const headers = yield* makeHeaders
  return {
    page: (title: string, content: Html, status = 200): HttpServerResponse.HttpServerResponse =>
      HttpServerResponse.html(
        html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${{ _tag: "Html", markup: style }}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${content}
</main>
</body>
</html>
`.markup
      ).pipe(HttpServerResponse.setStatus(status), HttpServerResponse.setHeaders(headers)),

    /** To another page after a form was taken, or a secret has to leave the address bar. `to` is relative, so that a prefix stays. */
    seeOther: (to: string): HttpServerResponse.HttpServerResponse =>
      HttpServerResponse.empty({ status: 303, headers: { ...headers, location: to } })
  }
})
