import { Context, Deferred, Effect, Layer } from "effect"
import { asciiLowerCase } from "../domain/Email.ts"
import { codeLinkIn } from "../mail/Letter.ts"
import { type Mail, Mailer } from "../mail/Mailer.ts"

interface Waiting {
  readonly wants: (mail: Mail) => boolean
  readonly arrived: Deferred.Deferred<Mail>
}

/** A mailbox in memory for everybody, in place of a mail server. Nothing waits by the clock: who takes a mail waits until it is there. */
export class Mailbox extends Context.Service<
  Mailbox,
  {
    /** All mails so far, the oldest first, those that were taken too. */
    readonly mails: ReadonlyArray<Mail>
    /** The oldest mail to an address that wasn't taken yet, once there is one. */
    take(to: string): Effect.Effect<Mail>
    /** The code of the oldest such mail that brings one; those before it, which are notices, are taken along. */
    takeCode(to: string): Effect.Effect<string>
  }
>()("rekey/testing/Mailbox") {
  static readonly layer: Layer.Layer<Mailbox | Mailer> = Layer.effectContext(
    Effect.sync(() => {
      const mails: Array<Mail> = []
      let untaken: ReadonlyArray<Mail> = []
      const waiting: Array<Waiting> = []

      const send = (mail: Mail) =>
        Effect.suspend(() => {
          mails.push(mail)
          const first = waiting.findIndex(({ wants }) => wants(mail))
          const [somebody] = first === -1 ? [] : waiting.splice(first, 1)
          if (somebody !== undefined) return Effect.asVoid(Deferred.succeed(somebody.arrived, mail))
          untaken = [...untaken, mail]
          return Effect.void
        })

      const isTo = (to: string) => {
        const wanted = asciiLowerCase(to.trim())
        return (mail: Mail) => asciiLowerCase(mail.to) === wanted
      }

      const take = Effect.fnUntraced(function* (to: string) {
        const wants = isTo(to)
        const mail = untaken.find(wants)
        if (mail !== undefined) {
          untaken = untaken.filter((other) => other !== mail)
          return mail
        }
        const somebody = { wants, arrived: yield* Deferred.make<Mail>() }
        waiting.push(somebody)
        return yield* Effect.onInterrupt(Deferred.await(somebody.arrived), () =>
          Effect.sync(() => void waiting.splice(waiting.indexOf(somebody), 1))
        )
      })

      const takeCode = (to: string) =>
        Effect.map(
          Effect.repeat(
            Effect.map(take(to), ({ text }) => codeLinkIn(text)?.code),
            { until: (code) => code !== undefined }
          ),
          String
        )

      return Context.make(Mailer, Mailer.of({ send })).pipe(Context.add(Mailbox, Mailbox.of({ mails, take, takeCode })))
    })
  )
}
