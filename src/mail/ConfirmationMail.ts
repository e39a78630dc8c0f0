import { Redacted } from "effect"
import type { ConfirmationCode } from "../domain/ConfirmationCode.ts"
import type { Email } from "../domain/Email.ts"
import { codeLink, inWords, letter, oneLine, words } from "./Letter.ts"
import type { Mail } from "./Mailer.ts"

/**
 * User names that may stand in a mail: anybody can have one sent to anybody, so none that could be read as a message, or that a mail
 * program would make a link of.
 */
const tellable = /^[\p{L}\p{N}_-]{3,32}$/u

/**
 * The mail that brings a confirmation code, as text and as HTML. The link is `confirmationUrl`, which comes from configuration alone
 * (D1), with the code as its query parameter `code`; the bare code stands beside it, since some gateways break links.
 */
export const confirmationMail = (contents: {
  readonly id: string
  readonly appName: string
  readonly recipient: Email
  readonly confirmationUrl: URL
  readonly code: ConfirmationCode
  readonly livesForMillis: number
  readonly username: string
  readonly isAccount: boolean
}): Mail => {
  const app = oneLine(contents.appName)
  const { isAccount, recipient, username } = contents
  const code = Redacted.value(contents.code)
  const end = inWords(contents.livesForMillis)
  const named = tellable.test(username) ? `, with the user name ${username}` : ""

  const parts = letter(`Confirm your address for ${app}`, [
    words(
      isAccount
        ? `Somebody, hopefully you, asked to confirm ${recipient} as the address of an account at ${app}.`
        : `Somebody, hopefully you, asked for an account at ${app} with the address ${recipient}${named}. Confirm it to open the account.`
    ),
    { _tag: "Link", label: "Confirm the address", url: codeLink(contents.confirmationUrl, code) },
    words("If the link doesn't work, use this code instead:"),
    { _tag: "Code", code },
    words(`Link and code can be used once, and end in ${end}.`),
    words(
      isAccount
        ? "If it wasn't you, there is nothing to do."
        : "If it wasn't you, don't confirm it, since whoever asked knows the password: without you there will be no account."
    ),
    words(`You get this mail because somebody gave your address at ${app}.`)
  ])
  return { id: contents.id, to: recipient, ...parts }
}
