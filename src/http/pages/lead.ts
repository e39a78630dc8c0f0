import { type Html, html } from "../../markup/Html.ts"

/**
 * Words that flow, in which "e-mail" isn't broken at its hyphen: behind it stands a word joiner (U+2060), which has no width and is
 * neither spoken nor searched for. Not in the names of fields, buttons and links, which people say and programs compare.
 */
export const unbroken = (words: string): string => words.replace(/(?<!\p{L})e-(?=mail)/giu, "$&\u2060")

/** What a page says below its title. */
export const lead = (words: string): Html => html`<p class="lead">${unbroken(words)}</p>\n`
