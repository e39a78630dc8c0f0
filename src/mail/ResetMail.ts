import { Redacted } from "effect"
import type { Email } from "../domain/Email.ts"
import type { ResetCode } from "../domain/ResetCode.ts"
import type { Language } from "../language/Language.ts"
import { say } from "../language/Messages.ts"
import { durationIn } from "../language/Time.ts"
import { codeBlocks, letter, oneLine, words } from "./Letter.ts"
import type { Mail } from "./Mailer.ts"

/**
 * The mail that brings a reset code to its owner, as text and as HTML. The link is `resetUrl`, which comes from configuration
 * alone (D1), with the code as its query parameter `code`; the bare code stands beside it.
 */
export const resetMail = (contents: {
  readonly id: string
  readonly language: Language
  readonly appName: string
  readonly recipient: Email
  readonly resetUrl: URL
  /** Whether an administrator asked for it: who they are stands in the audit trail alone. */
  readonly byAdministrator: boolean
  readonly code: ResetCode
  readonly livesForMillis: number
}): Mail => {
  const { byAdministrator, language, recipient } = contents
  const app = oneLine(contents.appName)
  const account = { app, address: recipient }
  const code = Redacted.value(contents.code)
  const end = durationIn(language, contents.livesForMillis)

  const parts = letter({
    language,
    app,
    subject: say(language, "mail.reset.subject", { app }),
    blocks: [
      words(say(language, byAdministrator ? "mail.reset.askedByAdministrator" : "mail.reset.asked", account)),
      ...codeBlocks(language, { label: say(language, "mail.reset.button"), page: contents.resetUrl, code }),
      words(say(language, "mail.reset.end", { end })),
      words(say(language, byAdministrator ? "mail.reset.notWanted" : "mail.reset.notYou"))
    ],
    why: say(language, byAdministrator ? "mail.reset.whyAdministrator" : "mail.reset.why", { app })
  })
  return { id: contents.id, to: recipient, ...parts }
}
