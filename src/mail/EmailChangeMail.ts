import { Redacted } from "effect"
import type { Email } from "../domain/Email.ts"
import type { EmailChangeCode } from "../domain/EmailChange.ts"
import type { Language } from "../language/Language.ts"
import { say } from "../language/Messages.ts"
import { durationIn } from "../language/Time.ts"
import { codeBlocks, letter, oneLine, words } from "./Letter.ts"
import type { Mail } from "./Mailer.ts"
import { factsOf } from "./NoticeMail.ts"
import type { Occasion } from "./Outbox.ts"

interface Contents {
  readonly id: string
  readonly language: Language
  readonly appName: string
  readonly recipient: Email
  readonly code: EmailChangeCode
  readonly livesForMillis: number
  /** That takes the code; it comes from configuration alone (D1). */
  readonly page: URL
}

/** The mail to the address that somebody wants for their account, with the code that gives it to them. It names nobody. */
export const emailChangeMail = ({
  appName,
  id,
  language,
  livesForMillis,
  page,
  recipient,
  ...contents
}: Contents): Mail => {
  const app = oneLine(appName)
  const code = Redacted.value(contents.code)
  const parts = letter({
    language,
    app,
    subject: say(language, "mail.emailChange.subject", { app }),
    blocks: [
      words(say(language, "mail.emailChange.asked", { app, address: recipient })),
      ...codeBlocks(language, { label: say(language, "mail.emailChange.button"), page, code }),
      words(say(language, "mail.confirm.end", { end: durationIn(language, livesForMillis) })),
      words(say(language, "mail.emailChange.notYou"))
    ],
    why: say(language, "mail.confirm.why", { app })
  })
  return { id, to: recipient, ...parts }
}

/** The mail to the address that an account had: that it has another one now, when and from where, and the way back (F24). */
export const wayBackMail = ({
  appName,
  happened,
  id,
  language,
  livesForMillis,
  page,
  recipient,
  ...contents
}: Contents & { readonly happened: Occasion }): Mail => {
  const app = oneLine(appName)
  const account = { app, address: recipient }
  const code = Redacted.value(contents.code)
  const parts = letter({
    language,
    app,
    subject: say(language, "mail.emailChanged.subject", { app }),
    blocks: [
      words(say(language, "mail.emailChanged.what", account)),
      factsOf(language, happened),
      words(say(language, "mail.emailChanged.you")),
      words(say(language, "mail.emailChanged.notYou")),
      ...codeBlocks(language, { label: say(language, "mail.emailChanged.button"), page, code }),
      words(say(language, "mail.emailChanged.end", { end: durationIn(language, livesForMillis) }))
    ],
    why: say(language, "mail.emailChanged.why", { app })
  })
  return { id, to: recipient, ...parts }
}
