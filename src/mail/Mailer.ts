import { Context, Data, type Effect } from "effect"
import type { Email } from "../domain/Email.ts"
import type { Language } from "../language/Language.ts"

/** A mail, rendered. It holds a code: never log one. */
export interface Mail {
  /** The same at every try, so that a receiver can tell a repeat. Letters and digits; nothing can be learnt from it. */
  readonly id: string
  readonly to: Email
  /** In which it is written. */
  readonly language: Language
  readonly subject: string
  readonly text: string
  readonly html: string
}

/** The mail was not taken; it can be tried again. */
export class MailNotSent extends Data.TaggedError("MailNotSent")<{
  /** What the mail server or the network said, without any part of the mail. */
  readonly reason: string
}> {}

/** Hands a mail to whatever delivers it. */
export class Mailer extends Context.Service<
  Mailer,
  {
    send(mail: Mail): Effect.Effect<void, MailNotSent>
  }
>()("rekey/mail/Mailer") {}
