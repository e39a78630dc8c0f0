import { Redacted } from "effect"
import type { Email } from "../domain/Email.ts"
import type { ResetCode } from "../domain/ResetCode.ts"
import { codeLink, inWords, letter, oneLine, words } from "./Letter.ts"
import type { Mail } from "./Mailer.ts"

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
  const end = inWords(contents.livesForMillis)

  const parts = letter(`Reset your ${app} password`, [
    words(`Somebody, hopefully you, asked to reset the password of the ${app} account of ${contents.recipient}.`),
    { _tag: "Link", label: "Choose a new password", url: codeLink(contents.resetUrl, code) },
    words("If the link doesn't work, use this code instead:"),
    { _tag: "Code", code },
    words(`Link and code can be used once, and end in ${end}. Keep them to yourself: they open the account.`),
    words("If it wasn't you, there is nothing to do: without this mail your password can't be changed this way."),
    words(`You get this mail because an account at ${app} has your address, and its password was said to be forgotten.`)
  ])
  return { id: contents.id, to: contents.recipient, ...parts }
}
