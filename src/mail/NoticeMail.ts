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

const happened = ({ event }: Notice, app: string, recipient: Email) => {
  switch (event) {
    case "password-reset":
      return {
        subject: `Your ${app} password was reset`,
        words: `The password of the ${app} account of ${recipient} was reset with a code from a mail to this address.`,
        reason: "its password was reset"
      }
    case "password-changed":
      return {
        subject: `Your ${app} password was changed`,
        words: `The password of the ${app} account of ${recipient} was changed by somebody who was signed in and knew the former one.`,
        reason: "its password was changed"
      }
  }
}

/**
 * The mail that tells the owner of an account that its password is another one now: when, from what kind of device, from where,
 * and what to do if it wasn't them (F5). It holds no secret and no link.
 */
export const noticeMail = (contents: {
  readonly id: string
  readonly appName: string
  readonly recipient: Email
  readonly notice: Notice
}): Mail => {
  const { id, notice, recipient } = contents
  const app = oneLine(contents.appName)
  const { reason, subject, words: what } = happened(notice, app, recipient)
  const parts = letter(subject, [
    words(what),
    words(`When: ${inUtc(notice.at)}`),
    words(`From: ${oneLine(notice.device)} ${oneLine(place(notice.clientAddress))}`),
    words("If it was you, there is nothing to do. All other sessions have ended: sign in again with the new password."),
    words(
      `If it wasn't you, somebody else may be in your account. Go to ${app} the way you always do, say that you forgot your \
password, and choose a new one: that ends every session. Then change the password of your mailbox, and tell those who run ${app}.`
    ),
    words(`You get this mail because an account at ${app} has your address, and ${reason}.`)
  ])
  return { id, to: recipient, ...parts }
}
