import type { Email } from "../domain/Email.ts"
import { letter, oneLine, words } from "./Letter.ts"
import type { Mail } from "./Mailer.ts"
import type { Notice } from "./Outbox.ts"

const utc = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "short", timeZone: "UTC" })

/** In UTC, since nobody knows where the reader is: `24 November 2026 at 13:05 UTC`. */
const inUtc = (at: Date): string => `${utc.format(at)} UTC`

const place = (address: string | null): string => {
  if (address === null) return "at an address that isn't recorded"
  return address.includes("/") ? `in the network ${address}` : `at the address ${address}`
}

/** What happened, what to do about it, and why the owner gets the mail. */
const told = ({ event }: Notice, app: string, recipient: Email) => {
  const newPassword = {
    yours: "If it was you, there is nothing to do. All other sessions have ended: sign in again with the new password.",
    notYours: `If it wasn't you, somebody else may be in your account. Go to ${app} the way you always do, say that you forgot your \
password, and choose a new one: that ends every session. Then change the password of your mailbox, and tell those who run ${app}.`
  }
  switch (event) {
    case "password-reset":
      return {
        subject: `Your ${app} password was reset`,
        words: `The password of the ${app} account of ${recipient} was reset with a code from a mail to this address.`,
        ...newPassword,
        reason: "its password was reset"
      }
    case "password-changed":
      return {
        subject: `Your ${app} password was changed`,
        words: `The password of the ${app} account of ${recipient} was changed by somebody who was signed in and knew the former one.`,
        ...newPassword,
        reason: "its password was changed"
      }
    case "registration-attempted":
      return {
        subject: `You have an account at ${app} already`,
        words: `Somebody asked for a new account at ${app} with the address ${recipient}. There is one with it already, so no other was made.`,
        yours: `If it was you, sign in with the account that you have. If you forgot its password, go to ${app} the way you always do, say \
so, and choose a new one.`,
        notYours:
          "If it wasn't you, there is nothing to do: whoever it was has learnt nothing, and nothing has changed.",
        reason: "somebody tried to register with it"
      }
  }
}

/**
 * The mail that tells the owner of an account what happened to it or was tried: when, from what kind of device, from where, and what
 * to do if it wasn't them (F5, C6). It holds no secret, no link, and nothing that somebody else typed.
 */
export const noticeMail = (contents: {
  readonly id: string
  readonly appName: string
  readonly recipient: Email
  readonly notice: Notice
}): Mail => {
  const { id, notice, recipient } = contents
  const app = oneLine(contents.appName)
  const { notYours, reason, subject, words: what, yours } = told(notice, app, recipient)
  const parts = letter(subject, [
    words(what),
    words(`When: ${inUtc(notice.at)}`),
    words(`From: ${oneLine(notice.device)} ${oneLine(place(notice.clientAddress))}`),
    words(yours),
    words(notYours),
    words(`You get this mail because an account at ${app} has your address, and ${reason}.`)
  ])
  return { id, to: recipient, ...parts }
}
