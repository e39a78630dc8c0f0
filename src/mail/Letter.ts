import { directionOf, type Language } from "../language/Language.ts"
import { say } from "../language/Messages.ts"
import { type Html, html } from "../markup/Html.ts"

/** One line without control characters, so that no header, page or terminal is led astray (D7). */
export const oneLine = (text: string): string =>
  text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")
    .trim()

/** `page`, which comes from configuration alone (D1), with the code as its query parameter `code`. */
export const codeLink = (page: URL, code: string): string => {
  const link = new URL(page)
  link.searchParams.set("code", code)
  return link.href
}

/** The page itself, where the code is typed in. */
const pageWithoutCode = (page: URL): string => {
  const link = new URL(page)
  link.searchParams.delete("code")
  return link.href
}

/** Such a link in the text of a mail, and its code; none in a notice. */
export const codeLinkIn = (text: string): { readonly link: string; readonly code: string } | undefined => {
  const [link, code] = /https?:\/\/\S+[?&]code=([\w-]{43})(?![\w-])/.exec(text) ?? []
  return link === undefined || code === undefined ? undefined : { link, code }
}

/** A mail's words, from which both the text and the HTML are made. */
export type Block =
  | { readonly _tag: "Words"; readonly words: string }
  | { readonly _tag: "Facts"; readonly facts: ReadonlyArray<string> }
  | { readonly _tag: "Link"; readonly label: string; readonly url: string }
  | { readonly _tag: "Code"; readonly page: string; readonly code: string }

export const words = (words: string): Block => ({ _tag: "Words", words })

/** The way in with a code: a link, and for where it doesn't work, as some gateways break links, its page and the bare code. */
export const codeBlocks = (
  language: Language,
  options: { readonly label: string; readonly page: URL; readonly code: string }
): ReadonlyArray<Block> => [
  { _tag: "Link", label: options.label, url: codeLink(options.page, options.code) },
  words(say(language, "mail.code")),
  { _tag: "Code", page: pageWithoutCode(options.page), code: options.code }
]

const textOf = (block: Block): string => {
  switch (block._tag) {
    case "Words":
      return block.words
    case "Facts":
      return block.facts.join("\n")
    case "Link":
      return `${block.label}:\n${block.url}`
    case "Code":
      return `${block.page}\n\n${block.code}`
  }
}

/**
 * What a client shows that strips `<style>`, as most do somewhere, is all there is: every style stands in its element, and nothing is
 * loaded. A client that knows `light-dark()` follows its reader into the dark, another one takes the light colour, which stands
 * before it, or turns the colours itself.
 */
const coloured = (property: "color" | "background-color" | "border-color", light: string, dark: string): string =>
  `${property}:${light};${property}:light-dark(${light},${dark})`

const ink = coloured("color", "#1f2328", "#e6e8ec")
const paleInk = coloured("color", "#57606a", "#a3abb8")
const linkInk = coloured("color", "#1d4ed8", "#8fb4ff")
const desk = coloured("background-color", "#f3f4f6", "#111318")
const paper = coloured("background-color", "#ffffff", "#1c1f26")
const tint = coloured("background-color", "#f6f7f9", "#252932")
const edge = coloured("border-color", "#d8dde3", "#3a404c")

/** One colour by day and by night: white on it has a contrast of 6.7. */
const accent = "#1d4ed8"

const monospace = "ui-monospace,SFMono-Regular,Menlo,Consolas,'Courier New',monospace"

/** What the systems that mails are read on have for a script, the best first. */
const fontsFor = (language: Language): string => {
  switch (language) {
    case "ar":
      return "'Segoe UI','Geeza Pro','Noto Sans Arabic',Tahoma,Arial,sans-serif"
    case "ja":
      return "'Hiragino Sans','Yu Gothic UI',Meiryo,'Noto Sans JP','Noto Sans CJK JP',sans-serif"
    default:
      return "-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
  }
}

/** An address to be seen: from left to right, at the side where the words begin. */
const shownLink = (url: string, start: "left" | "right", style: string): Html =>
  html`<p dir="ltr" style="${style};line-height:1.5;text-align:${start}"><a href="${url}" style="${linkInk}">${url}</a></p>\n`

const htmlOf =
  (start: "left" | "right") =>
  (block: Block): Html => {
    switch (block._tag) {
      case "Words":
        return html`<p style="margin:0 0 20px">${block.words}</p>\n`
      case "Facts":
        return html`<div style="margin:0 0 20px;padding:12px 16px;border-radius:8px;${tint}">
${block.facts.map((fact) => html`<p style="margin:2px 0">${fact}</p>\n`)}</div>\n`
      // Outlook gives a link no padding, but a cell of a table. The address is shown: whoever wants to can see where it leads.
      case "Link":
        return html`<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:0 0 16px"><tr>
<td bgcolor="${accent}" style="border-radius:8px;background-color:${accent}"><a href="${block.url}" \
style="display:inline-block;padding:13px 24px;border-radius:8px;color:#ffffff;font-weight:600;text-decoration:none">${block.label}</a></td>
</tr></table>
${shownLink(block.url, start, "margin:0 0 24px;font-size:13px;word-break:break-all")}`
      case "Code":
        return html`${shownLink(block.page, start, "margin:0 0 12px;font-size:15px")}<p dir="ltr" style="margin:0 0 24px;padding:14px 16px;border:1px solid;border-radius:8px;${edge};${tint};\
font-family:${monospace};font-size:15px;line-height:1.5;text-align:left;word-break:break-all;-webkit-user-select:all;user-select:all">${block.code}</p>\n`
    }
  }

/**
 * The frame is a table, and for Outlook, which knows no `max-width`, one of a fixed width around it. What a client that takes the
 * body alone would lose stands on the table too: language, direction, colours.
 */
const pageOf = (language: Language, app: string, title: string, blocks: ReadonlyArray<Block>, why: string): Html => {
  const direction = directionOf(language)
  const start = direction === "rtl" ? "right" : "left"
  const wraps = `text-wrap:pretty;${language === "ja" ? "word-break:auto-phrase;line-break:strict;" : ""}`
  return html`<!doctype html>
<html lang="${language}" dir="${direction}" style="color-scheme:light dark">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<meta name="format-detection" content="telephone=no,date=no,address=no,email=no,url=no">
<title>${title}</title>
</head>
<body style="margin:0;padding:0;${desk}">
<table role="presentation" lang="${language}" dir="${direction}" width="100%" cellpadding="0" cellspacing="0" border="0" \
style="table-layout:fixed;word-wrap:break-word;${wraps}color-scheme:light dark;${desk};${ink};font-family:${fontsFor(language)};font-size:16px;line-height:1.6;text-align:${start}"><tr>
<td align="center" style="padding:32px 12px">
<!--[if mso]><table role="presentation" width="560" cellpadding="0" cellspacing="0" border="0"><tr><td><![endif]-->
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="table-layout:fixed;max-width:560px">
<tr><td style="padding:0 29px 14px;${ink};font-size:15px;font-weight:600;text-align:${start}">${app}</td></tr>
<tr><td bgcolor="#ffffff" style="padding:32px 28px 12px;border:1px solid;border-radius:12px;${edge};${paper};${ink};\
text-align:${start}">
<h1 style="margin:0 0 20px;font-size:22px;line-height:1.35;font-weight:700;text-wrap:balance">${title}</h1>
${blocks.map(htmlOf(start))}</td></tr>
<tr><td style="padding:16px 29px 0;${paleInk};font-size:13px;line-height:1.6;text-align:${start}">${why}</td></tr>
</table>
<!--[if mso]></td></tr></table><![endif]-->
</td>
</tr></table>
</body>
</html>
`
}

/** A subject is one direction in any case: where it is shown, what keeps a name's direction could be shown as boxes. */
const withoutIsolates = (text: string): string => text.replace(/[\u2066-\u2069]/g, "")

/** The subject, and the same words as text and as HTML; `why` the reader gets it comes last. */
export const letter = (contents: {
  readonly language: Language
  readonly app: string
  readonly subject: string
  readonly blocks: ReadonlyArray<Block>
  readonly why: string
}) => {
  const { app, blocks, language, subject, why } = contents
  return {
    language,
    subject: withoutIsolates(subject),
    text: `${[...blocks.map(textOf), why].join("\n\n")}\n`,
    html: pageOf(language, app, subject, blocks, why).markup
  }
}
