import { Effect } from "effect"
import type { SendMailOptions } from "nodemailer"
import type { Mail } from "./Mailer.ts"

/** Who sends, as a parser read it, and under which domain messages are named. */
export interface Sender {
  readonly from: { readonly name: string; readonly address: string }
  readonly domain: string
}

/**
 * No out-of-office replies: by RFC 3834, and as Exchange wants to be told. No `List-Unsubscribe` (RFC 2369, RFC 8058): each mail is
 * one that somebody asked for or that guards an account, there is no list, and nobody should lose such mails by a button.
 */
const headersOf = ({ language }: Mail) => ({
  "Auto-Submitted": "auto-generated",
  "X-Auto-Response-Suppress": "All",
  "Content-Language": language
})

/** A mail as Nodemailer takes it. */
export const messageOf = (mail: Mail, { domain, from }: Sender): SendMailOptions => {
  // An object isn't parsed, so whatever the address holds, it is one recipient (A3, CVE-2025-13033).
  const recipient = { name: "", address: mail.to }
  return {
    envelope: { from, to: recipient },
    from,
    to: recipient,
    messageId: `<${mail.id}@${domain}>`,
    headers: headersOf(mail),
    subject: mail.subject,
    text: mail.text,
    html: mail.html
  }
}

const nobody: Sender = { from: { name: "Rekey", address: "rekey@localhost" }, domain: "localhost" }

/** A mail as it would have travelled at `date` (RFC 5322), for the development inbox, which sends none. */
export const sourceOf = (mail: Mail, date: Date): Effect.Effect<string> =>
  Effect.promise(async () => {
    const { createTransport } = await import("nodemailer")
    const transport = createTransport({ streamTransport: true, buffer: true, newline: "windows" })
    const { message } = await transport.sendMail({ ...messageOf(mail, nobody), date })
    return message.toString()
  })
