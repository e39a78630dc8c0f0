import type { Email } from "../domain/Email.ts"
import { deviceIn } from "../language/Device.ts"
import type { Language } from "../language/Language.ts"
import { say } from "../language/Messages.ts"
import { timeIn } from "../language/Time.ts"
import { type Block, letter, oneLine, words } from "./Letter.ts"
import type { Mail } from "./Mailer.ts"
import type { Notice, Occasion } from "./Outbox.ts"

const from = (language: Language, { clientAddress }: Occasion): string => {
  if (clientAddress === null) return say(language, "mail.notice.notRecorded")
  const address = oneLine(clientAddress)
  return address.includes("/")
    ? say(language, "mail.notice.network", { network: address })
    : say(language, "mail.notice.address", { address })
}

const when = (language: Language, { at }: Occasion): string =>
  say(language, "mail.notice.when", { time: timeIn(language, at) })

/** When it was, with what, and from where. */
export const factsOf = (language: Language, occasion: Occasion): Block => ({
  _tag: "Facts",
  facts: [
    when(language, occasion),
    say(language, "mail.notice.device", { device: deviceIn(language, oneLine(occasion.device)) }),
    from(language, occasion)
  ]
})

/** Whoever has the address that was withdrawn may be whom the account was taken back from, and needn't know where its owner is. */
const factsFor = (language: Language, notice: Notice): Block =>
  notice.event === "email-withdrawn" ? { _tag: "Facts", facts: [when(language, notice)] } : factsOf(language, notice)

/** What happened, what to do about it, and why the owner gets the mail. */
const told = ({ event }: Notice, language: Language, account: { readonly app: string; readonly address: string }) => {
  switch (event) {
    case "password-reset":
    case "password-changed": {
      const happened = event === "password-reset" ? "mail.passwordReset" : "mail.passwordChanged"
      return {
        subject: say(language, `${happened}.subject`, account),
        what: say(language, `${happened}.what`, account),
        yours: say(language, `${happened}.you`),
        notYours: say(language, "mail.notice.notYou", account),
        why: say(language, `${happened}.why`, account)
      }
    }
    case "registration-attempted":
      return {
        subject: say(language, "mail.registration.subject", account),
        what: say(language, "mail.registration.what", account),
        yours: say(language, "mail.registration.you", account),
        notYours: say(language, "mail.registration.notYou"),
        why: say(language, "mail.registration.why", account)
      }
    case "email-change-attempted":
      return {
        subject: say(language, "mail.emailTaken.subject", account),
        what: say(language, "mail.emailTaken.what", account),
        yours: say(language, "mail.emailTaken.you"),
        notYours: say(language, "mail.registration.notYou"),
        why: say(language, "mail.emailTaken.why", account)
      }
    case "email-restored":
      return {
        subject: say(language, "mail.emailRestored.subject", account),
        what: say(language, "mail.emailRestored.what", account),
        yours: say(language, "mail.emailRestored.next"),
        notYours: say(language, "mail.emailRestored.then", account),
        why: say(language, "mail.emailRestored.why", account)
      }
    case "email-withdrawn":
      return {
        subject: say(language, "mail.emailWithdrawn.subject", account),
        what: say(language, "mail.emailWithdrawn.what", account),
        yours: say(language, "mail.emailWithdrawn.you"),
        notYours: say(language, "mail.emailWithdrawn.notYou"),
        why: say(language, "mail.emailWithdrawn.why", account)
      }
    case "account-deleted":
      return {
        subject: say(language, "mail.deleted.subject", account),
        what: say(language, "mail.deleted.what", account),
        yours: say(language, "mail.deleted.you"),
        notYours: say(language, "mail.deleted.notYou", account),
        why: say(language, "mail.deleted.why", account)
      }
  }
}

/**
 * The mail that tells the owner of an account what happened to it or was tried: when, from what kind of device, from where, and what
 * to do if it wasn't them (F5, C6). It holds no secret, no link, and nothing that somebody else typed.
 */
export const noticeMail = (contents: {
  readonly id: string
  readonly language: Language
  readonly appName: string
  readonly recipient: Email
  readonly notice: Notice
}): Mail => {
  const { id, language, notice, recipient } = contents
  const app = oneLine(contents.appName)
  const { notYours, subject, what, why, yours } = told(notice, language, { app, address: recipient })
  const blocks = [words(what), factsFor(language, notice), words(yours), words(notYours)]
  return { id, to: recipient, ...letter({ language, app, subject, blocks, why }) }
}
