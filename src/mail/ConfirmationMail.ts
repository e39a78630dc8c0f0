import { Redacted } from "effect"
import type { ConfirmationCode } from "../domain/ConfirmationCode.ts"
import type { Email } from "../domain/Email.ts"
import type { Language } from "../language/Language.ts"
import { say } from "../language/Messages.ts"
import { durationIn } from "../language/Time.ts"
import { codeBlocks, letter, oneLine, words } from "./Letter.ts"
import type { Mail } from "./Mailer.ts"

/**
 * User names that may stand in a mail: anybody can have one sent to anybody, so none that could be read as a message, or that a mail
 * program would make a link of.
 */
const tellable = /^[\p{L}\p{N}_-]{3,32}$/u

/**
 * The mail that brings a confirmation code, as text and as HTML. The link is `confirmationUrl`, which comes from configuration alone
 * (D1), with the code as its query parameter `code`; the bare code stands beside it.
 */
export const confirmationMail = (contents: {
  readonly id: string
  readonly language: Language
  readonly appName: string
  readonly recipient: Email
  readonly confirmationUrl: URL
  readonly code: ConfirmationCode
  readonly livesForMillis: number
  readonly username: string
  readonly isAccount: boolean
}): Mail => {
  const { isAccount, language, recipient, username } = contents
  const app = oneLine(contents.appName)
  const account = { app, address: recipient }
  const code = Redacted.value(contents.code)
  const end = durationIn(language, contents.livesForMillis)

  const asked = () => {
    if (isAccount) return say(language, "mail.confirm.askedAgain", account)
    return tellable.test(username)
      ? say(language, "mail.confirm.askedNamed", { ...account, name: username })
      : say(language, "mail.confirm.asked", account)
  }
  const parts = letter({
    language,
    app,
    subject: say(language, "mail.confirm.subject", { app }),
    blocks: [
      words(asked()),
      ...codeBlocks(language, { label: say(language, "mail.confirm.button"), page: contents.confirmationUrl, code }),
      words(say(language, "mail.confirm.end", { end })),
      words(say(language, isAccount ? "mail.confirm.notYouAgain" : "mail.confirm.notYou"))
    ],
    why: say(language, "mail.confirm.why", { app })
  })
  return { id: contents.id, to: recipient, ...parts }
}
