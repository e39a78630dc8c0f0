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
  /** Whether an administrator asked for it: who they are stands in the audit trail alone. */
  readonly byAdministrator: boolean
  readonly code: ResetCode
  readonly livesForMillis: number
}): Mail => {
  const app = oneLine(contents.appName)
  const code = Redacted.value(contents.code)
  const end = inWords(contents.livesForMillis)
  const asked = contents.byAdministrator
    ? {
        by: `An administrator of ${app}`,
        otherwise: "If you don't want a new password",
        reason: "an administrator started a reset of its password"
      }
    : { by: "Somebody, hopefully you,", otherwise: "If it wasn't you", reason: "its password was said to be forgotten" }

  const parts = letter(`Reset your ${app} password`, [
    words(`${asked.by} asked to reset the password of the ${app} account of ${contents.recipient}.`),
    { _tag: "Link", label: "Choose a new password", url: codeLink(contents.resetUrl, code) },
    words("If the link doesn't work, use this code instead:"),
    { _tag: "Code", code },
    words(`Link and code can be used once, and end in ${end}. Keep them to yourself: they open the account.`),
    words(`${asked.otherwise}, there is nothing to do: without this mail your password can't be changed this way.`),
    words(`You get this mail because an account at ${app} has your address, and ${asked.reason}.`)
  ])
  return { id: contents.id, to: contents.recipient, ...parts }
}
