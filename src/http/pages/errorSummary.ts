import type { ErrorBody } from "../../api/errors.ts"
import { type Html, html } from "../../markup/Html.ts"

/** All that is wrong with a form, with links to the fields. It gets the focus, so that a screen reader begins there. */
export const errorSummary = (heading: string, { details = [], message }: ErrorBody): Html =>
  html`<div class="summary" role="alert" tabindex="-1" autofocus>
<h2>${heading}</h2>
${
  details.length === 0
    ? html`<p>${message}</p>`
    : html`<ul>${details.map(({ message, path }) => html`<li><a href="#${path.join("-")}">${message}</a></li>`)}</ul>`
}
</div>
`
