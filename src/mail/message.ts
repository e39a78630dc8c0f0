import { Effect } from "effect"
import { createTransport, type SendMailOptions } from "nodemailer"
import type { Mail } from "./Mailer.ts"

/** Who sends, as a parser read it, and under which domain messages are named. */
export interface Sender {
  readonly from: { readonly name: string; readonly address: string }
  readonly domain: string
}

/** A mail as Nodemailer takes it. */
export const messageOf = (mail: Mail, { domain, from }: Sender): SendMailOptions => {
  // An object isn't parsed, so whatever the address holds, it is one recipient (A3, CVE-2025-13033).
  const recipient = { name: "", address: mail.to }
  return {
    envelope: { from, to: recipient },
    from,
    to: recipient,
    messageId: `<${mail.id}@${domain}>`,
    headers: { "Auto-Submitted": "auto-generated" }, // no out-of-office replies (RFC 3834)
    subject: mail.subject,
    text: mail.text,
    html: mail.html
  }
}

const nobody: Sender = { from: { name: "Rekey", address: "rekey@localhost" }, domain: "localhost" }

/** A mail as it would have travelled at `date` (RFC 5322), for the development inbox, which sends none. */
export const sourceOf = (mail: Mail, date: Date): Effect.Effect<string> =>
  Effect.promise(async () => {
    const transport = createTransport({ streamTransport: true, buffer: true, newline: "windows" })
    const { message } = await transport.sendMail({ ...messageOf(mail, nobody), date })
    return message.toString()
  })
