import { Duration, Redacted } from "effect"
import type { Email } from "../domain/Email.ts"
import type { ResetCode } from "../domain/ResetCode.ts"
import { type Html, html } from "../markup/Html.ts"
import type { Mail } from "./Mailer.ts"

/** One line without control characters, so that no header, page or terminal is led astray (D7). */
const oneLine = (text: string): string =>
  text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")
    .trim()

/** What a second of queueing takes off a code's life isn't told: a fresh code ends "in 30 minutes", not in 29. */
const slackMillis = 10_000

const count = (number: number, noun: string): ReadonlyArray<string> =>
  number === 0 ? [] : [`${number} ${noun}${number === 1 ? "" : "s"}`]

const inWords = (millis: number): string => {
  const { days, hours, minutes } = Duration.parts(Duration.millis(Math.max(0, millis) + slackMillis))
  return [...count(days * 24 + hours, "hour"), ...count(minutes, "minute")].join(" and ") || "less than a minute"
}

/** The mail's words, from which both the text and the HTML are made. */
type Block =
  | { readonly _tag: "Words"; readonly words: string }
  | { readonly _tag: "Link"; readonly label: string; readonly url: string }
  | { readonly _tag: "Code"; readonly code: string }

const words = (words: string): Block => ({ _tag: "Words", words })

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

/**
 * The mail that brings a reset code to its owner, as text and as HTML. The link is `resetUrl`, which comes from configuration
 * alone (D1), with the code as its query parameter `code`; the bare code stands beside it, since some gateways break links.
 */
export const resetMail = (contents: {
  readonly id: string
  readonly appName: string
  readonly recipient: Email
  readonly resetUrl: URL
  readonly code: ResetCode
  readonly livesForMillis: number
}): Mail => {
  const app = oneLine(contents.appName)
  const code = Redacted.value(contents.code)
  const link = new URL(contents.resetUrl)
  link.searchParams.set("code", code)
  const end = inWords(contents.livesForMillis)

  const subject = `Reset your ${app} password`
  const blocks: ReadonlyArray<Block> = [
    words(`Somebody, hopefully you, asked to reset the password of the ${app} account of ${contents.recipient}.`),
    { _tag: "Link", label: "Choose a new password", url: link.href },
    words("If the link doesn't work, use this code instead:"),
    { _tag: "Code", code },
    words(`Link and code can be used once, and end in ${end}. Keep them to yourself: they open the account.`),
    words("If it wasn't you, there is nothing to do: without this mail your password can't be changed this way."),
    words(`You get this mail because an account at ${app} has your address, and its password was said to be forgotten.`)
  ]
  const text = `${blocks.map(textOf).join("\n\n")}\n`
  return { id: contents.id, to: contents.recipient, subject, text, html: pageOf(subject, blocks).markup }
}
