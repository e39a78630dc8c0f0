import { Predicate } from "effect"

/** Markup that may stand in markup as it is. Only {@link html} makes it. */
export interface Html {
  readonly _tag: "Html"
  readonly markup: string
}

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" }

const escape = (text: string): string => text.replace(/[&<>"']/g, (character) => entities[character] ?? "")

const markupOf = (value: string | Html | ReadonlyArray<Html>): string =>
  Predicate.isString(value) ? escape(value) : "markup" in value ? value.markup : value.map(markupOf).join("")

/** HTML in which every value is text, or a quoted attribute's, unless it is {@link Html} itself: forgetting can't happen (D7). */
export const html = (
  strings: TemplateStringsArray,
  ...values: ReadonlyArray<string | Html | ReadonlyArray<Html>>
): Html => ({ _tag: "Html", markup: String.raw({ raw: strings }, ...values.map(markupOf)) })
