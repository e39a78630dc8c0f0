import { Redacted } from "effect"
import { Email } from "../../src/domain/Email.ts"
import type { Language } from "../../src/language/Language.ts"
import { confirmationMail } from "../../src/mail/ConfirmationMail.ts"
import { emailChangeMail, wayBackMail } from "../../src/mail/EmailChangeMail.ts"
import type { Mail } from "../../src/mail/Mailer.ts"
import { noticeMail } from "../../src/mail/NoticeMail.ts"
import { resetMail } from "../../src/mail/ResetMail.ts"

const code = Redacted.make("sZ2xN0m1-8vQhK_4tR7yB6cWfLd3gJpUeAoIiXw5uVk")
const page = (path: string) => new URL(path, "https://accounts.example.com")
const hours = 3_600_000

/** One mail of each form. */
export const everyMail = (
  appName: string
): ReadonlyArray<{ readonly name: string; readonly mailIn: (language: Language) => Mail }> => {
  const common = { id: "2f0c", appName, recipient: Email.make("ada@example.com") }
  const happened = { at: new Date("2026-11-24T13:05:00Z"), device: "Firefox on Windows", clientAddress: "192.0.2.0/24" }
  return [
    {
      name: "reset",
      mailIn: (language) =>
        resetMail({
          ...common,
          language,
          resetUrl: page("/reset-password"),
          byAdministrator: false,
          code,
          livesForMillis: hours / 2
        })
    },
    {
      name: "confirmation",
      mailIn: (language) =>
        confirmationMail({
          ...common,
          language,
          confirmationUrl: page("/confirm-email"),
          code,
          livesForMillis: 24 * hours,
          username: "ada",
          isAccount: false
        })
    },
    {
      name: "notice",
      mailIn: (language) => noticeMail({ ...common, language, notice: { event: "password-reset", ...happened } })
    },
    {
      name: "change-email",
      mailIn: (language) =>
        emailChangeMail({
          ...common,
          language,
          page: page("/change-email/confirm"),
          code,
          livesForMillis: hours
        })
    },
    {
      name: "way-back",
      mailIn: (language) =>
        wayBackMail({
          ...common,
          language,
          page: page("/change-email/undo"),
          code,
          livesForMillis: 7 * 24 * hours,
          happened
        })
    }
  ]
}
