import { Duration } from "effect"
import { type Html, html } from "../markup/Html.ts"

/** One line without control characters, so that no header, page or terminal is led astray (D7). */
export const oneLine = (text: string): string =>
  text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")
    .trim()

/** What a second of queueing takes off a code's life isn't told: a fresh code ends "in 30 minutes", not in 29. */
const slackMillis = 10_000

const count = (number: number, noun: string): ReadonlyArray<string> =>
  number === 0 ? [] : [`${number} ${noun}${number === 1 ? "" : "s"}`]

/** How long something lasts, as one says it: `1 hour and 30 minutes`. */
export const inWords = (millis: number): string => {
  const { days, hours, minutes } = Duration.parts(Duration.millis(Math.max(0, millis) + slackMillis))
  return [...count(days * 24 + hours, "hour"), ...count(minutes, "minute")].join(" and ") || "less than a minute"
}

/** `page`, which comes from configuration alone (D1), with the code as its query parameter `code`. */
export const codeLink = (page: URL, code: string): string => {
  const link = new URL(page)
  link.searchParams.set("code", code)
  return link.href
}

/** A mail's words, from which both the text and the HTML are made. */
export type Block =
  | { readonly _tag: "Words"; readonly words: string }
  | { readonly _tag: "Link"; readonly label: string; readonly url: string }
  | { readonly _tag: "Code"; readonly code: string }

export const words = (words: string): Block => ({ _tag: "Words", words })

const textOf = (block: Block): string => {
  switch (block._tag) {
    case "Words":
      return block.words
    case "Link":
      return `${block.label}:\n${block.url}`
    case "Code":
      return block.code
  }
}

const htmlOf = (block: Block): Html => {
  switch (block._tag) {
    case "Words":
      return html`<p style="margin:0 0 20px">${block.words}</p>\n`
    case "Link":
      return html`<p style="margin:0 0 12px"><a href="${block.url}" style="display:inline-block;padding:12px 20px;\
border-radius:6px;background:#1d4ed8;color:#ffffff;font-weight:600;text-decoration:none">${block.label}</a></p>
<p style="margin:0 0 20px;font-size:13px;word-break:break-all"><a href="${block.url}">${block.url}</a></p>\n`
    case "Code":
      return html`<p style="margin:0 0 20px;padding:12px;border:1px solid #94a3b8;border-radius:6px;\
font-family:ui-monospace,Consolas,monospace;word-break:break-all">${block.code}</p>\n`
  }
}

const pageOf = (title: string, blocks: ReadonlyArray<Block>): Html =>
  html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
</head>
<body style="margin:0;padding:24px;font-family:system-ui,sans-serif;font-size:16px;line-height:1.5">
<div style="max-width:560px;margin:0 auto">
<h1 style="margin:0 0 20px;font-size:20px">${title}</h1>
${blocks.map(htmlOf)}</div>
</body>
</html>
`

/** The subject, and the same words as text and as HTML. */
export const letter = (subject: string, blocks: ReadonlyArray<Block>) => ({
  subject,
  text: `${blocks.map(textOf).join("\n\n")}\n`,
  html: pageOf(subject, blocks).markup
})
