import type { PlainKey } from "../../language/Messages.ts"
import { type Html, html } from "../../markup/Html.ts"
import { type Path, paths } from "../paths.ts"
import type { Visit } from "./Visits.ts"

/** Where a page leads on, and what the link there says. */
export type Way = (visit: Visit) => { readonly url: string; readonly words: string }

export const wayTo =
  (path: Path, words: PlainKey): Way =>
  (visit) => ({ url: visit.to(path), words: visit.say(words) })

export const toSignIn: Way = (visit) => ({ url: visit.signInUrl, words: visit.say("page.signIn.title") })

/** To the account, of whoever may be signed in; where the team's own page signs in, it knows more of that. */
export const toAccount: Way = (visit) =>
  visit.signInUrl === visit.to(paths.signInPage)
    ? { url: visit.to(paths.accountPage), words: visit.say("page.account.title") }
    : toSignIn(visit)

export const backToAccount: Way = wayTo(paths.accountPage, "page.account.back")

/** The one way that is meant. */
export const button = (visit: Visit, way: Way): Html => {
  const { url, words } = way(visit)
  return html`<p><a class="button" href="${url}">${words}</a></p>\n`
}

/** Other ways, one below the other. */
export const links = (visit: Visit, ways: ReadonlyArray<Way>): Html =>
  ways.length === 0
    ? html``
    : html`<ul class="links">
${ways.map((way) => {
  const { url, words } = way(visit)
  return html`<li><a href="${url}">${words}</a></li>\n`
})}</ul>`
