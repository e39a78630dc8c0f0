import { type Html, html } from "../../markup/Html.ts"

const icon = (paths: Html): Html =>
  html`<svg class="icon" aria-hidden="true" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">${paths}</svg>
`

export const envelope = icon(html`<rect x="2.5" y="5" width="19" height="14" rx="2.5"/><path d="m3 7.5 9 6 9-6"/>`)
export const tick = icon(html`<path d="m4.5 12.5 5 5 10-11"/>`)
export const exclamation = icon(html`<circle cx="12" cy="12" r="9"/><path d="M12 7.5v5.5M12 16.5v.01"/>`)
export const clock = icon(html`<circle cx="12" cy="12" r="9"/><path d="M12 7v5.5l3.5 2"/>`)
