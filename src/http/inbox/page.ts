import type { ReceivedMail } from "../../mail/DevelopmentInbox.ts"
import { codeLinkIn } from "../../mail/Letter.ts"
import { type Html, html } from "../../markup/Html.ts"
import { paths } from "../paths.ts"

/** The ways to look at a mail. */
export const views = ["html", "text", "headers", "source"] as const
export type View = (typeof views)[number]

const labels: Record<View, string> = { html: "HTML", text: "Text", headers: "Headers", source: "Source" }

/** Formats of `Intl` are made where a mail is looked at: the first takes a start 30 ms, and 2 MiB. */
const timeOf = (at: Date): string => at.toLocaleTimeString("en-GB")
const dateAndTimeOf = (at: Date): string => at.toLocaleString("en-GB", { dateStyle: "long", timeStyle: "medium" })

const pathOf = (mail: ReceivedMail): string => `${paths.inbox}/${mail.id}`

const linked = (text: string): ReadonlyArray<Html> =>
  text
    .split(/(https?:\/\/\S+)/)
    .map((part, index) =>
      index % 2 === 0 ? html`${part}` : html`<a href="${part}" target="_blank" rel="noopener">${part}</a>`
    )

const list = (mails: ReadonlyArray<ReceivedMail>, chosen: ReceivedMail | undefined): Html =>
  html`<nav class="mails" aria-label="Mails">
<ol>
${mails.map(
  (mail) => html`<li><a href="${pathOf(mail)}"${mail === chosen ? html` aria-current="page"` : ""}>\
<span class="to">${mail.to}</span>\
<time datetime="${mail.receivedAt.toISOString()}">${timeOf(mail.receivedAt)}</time>\
<span class="subject">${mail.subject}</span></a></li>
`
)}</ol>
</nav>`

/** The code to copy, of the mail that is shown or of the one that is named with it. */
const codeOf = (mail: ReceivedMail, shown: ReceivedMail): Html | string => {
  const found = codeLinkIn(mail.text)
  return found === undefined
    ? ""
    : html`<div class="code"><span>${mail === shown ? "Code" : html`Code for <a href="${pathOf(mail)}">${mail.to}</a>`}</span>\
<output><code>${found.code}</code></output>\
<button type="button" data-copy hidden>Copy</button><a href="${found.link}" target="_blank" rel="noopener">Open the link</a></div>
`
}

/** Header fields of a message, unfolded (RFC 5322, 2.2.3). */
const headersIn = (source: string): ReadonlyArray<readonly [name: string, value: string]> =>
  source
    .slice(0, source.indexOf("\r\n\r\n"))
    .replace(/\r\n[ \t]+/g, " ")
    .split("\r\n")
    .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()])

const viewOf = (mail: ReceivedMail, view: View, source: string): Html => {
  switch (view) {
    case "html":
      // Its own document, without scripts and without our origin; what it links to opens beside it.
      return html`<iframe title="The mail" src="${pathOf(mail)}/html" sandbox="allow-popups allow-popups-to-escape-sandbox"></iframe>`
    case "text":
      return html`<pre class="view" tabindex="0">${linked(mail.text)}</pre>`
    case "headers":
      return html`<dl class="view">
${headersIn(source).map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>\n`)}</dl>`
    case "source":
      return html`<pre class="view" tabindex="0">${source}</pre>`
  }
}

const reader = (mail: ReceivedMail, withCode: ReceivedMail, view: View, source: string): Html =>
  html`<main>
<div class="about">
<h2>${mail.subject}</h2>
<p>To <strong>${mail.to}</strong>, <time datetime="${mail.receivedAt.toISOString()}">${dateAndTimeOf(mail.receivedAt)}</time></p>
${codeOf(withCode, mail)}</div>
<nav class="tabs" aria-label="Ways to look at this mail">
${views.map(
  (one) =>
    html`<a href="${pathOf(mail)}?view=${one}"${one === view ? html` aria-current="page"` : ""}>${labels[one]}</a>\n`
)}</nav>
${viewOf(mail, view, source)}
</main>`

const nothing = html`<main class="nothing"><p>No mail yet. Whatever Rekey sends while no mail server is set is shown here, and sent to nobody.</p></main>`

/** The whole page: the list, and one mail as it is looked at. `whole` says that the list was asked for, not that mail. */
export const page = (options: {
  readonly mails: ReadonlyArray<ReceivedMail>
  readonly chosen: ReceivedMail | undefined
  readonly whole: boolean
  readonly view: View
  /** The chosen mail as it would travel. */
  readonly source: string
}): string => {
  const { chosen, mails, source, view, whole } = options
  // Who looks at the list looks for the latest code, which a notice may have come after.
  const latest = whole ? mails.find(({ text }) => codeLinkIn(text) !== undefined) : undefined
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${whole || chosen === undefined ? "Development inbox" : `${chosen.subject} - Development inbox`}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${paths.inbox}/inbox.css">
<script src="${paths.inbox}/inbox.js" defer></script>
</head>
<body class="${whole ? "list" : "mail"}" data-arrivals="${paths.inbox}/arrivals">
<header>
<h1>Development inbox</h1>
<p>${mails.length === 1 ? "1 mail" : `${mails.length} mails`} in memory, the last 100. None was sent.</p>
<a class="back" href="${paths.inbox}">All mails</a>
<p role="status"></p>
</header>
${list(mails, chosen)}
${chosen === undefined ? nothing : reader(chosen, latest ?? chosen, view, source)}
</body>
</html>
`.markup
}

/** A mail's HTML as a document of its own, whose links open in a window of their own. */
export const mailDocument = ({ html }: ReceivedMail): string =>
  html.replace(/<head>/i, '<head>\n<base target="_blank">')
