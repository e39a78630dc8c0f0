import { Console, Context, DateTime, Effect, Layer, PubSub, Ref, Stream } from "effect"
import { type Mail, Mailer } from "./Mailer.ts"

/** A mail that nobody but the developer gets. */
export interface ReceivedMail extends Mail {
  readonly receivedAt: Date
}

const capacity = 100

/**
 * A mailbox in memory for the time before there is a mail server. Each mail is also printed to standard output, where its
 * link can be clicked; it holds a live code, so this is for development alone.
 */
export class DevelopmentInbox extends Context.Service<
  DevelopmentInbox,
  {
    /** The last 100 mails, the newest first. */
    readonly mails: Effect.Effect<ReadonlyArray<ReceivedMail>>
    /** Each mail from now on, as it comes. */
    readonly arrivals: Stream.Stream<ReceivedMail>
  }
>()("rekey/mail/DevelopmentInbox") {
  static readonly layer: Layer.Layer<DevelopmentInbox | Mailer> = Layer.effectContext(
    Effect.gen(function* () {
      const mails = yield* Ref.make<ReadonlyArray<ReceivedMail>>([])
      const arrivals = yield* PubSub.sliding<ReceivedMail>(capacity)

      const send = Effect.fn("DevelopmentInbox.send")(function* (mail: Mail) {
        const receivedAt = yield* DateTime.nowAsDate
        const received = { ...mail, receivedAt }
        yield* Ref.update(mails, (former) => [received, ...former].slice(0, capacity))
        yield* PubSub.publish(arrivals, received)
        yield* Console.log(`\nMail to ${mail.to}: ${mail.subject}\n\n${mail.text}`)
      })

      return Context.make(Mailer, Mailer.of({ send })).pipe(
        Context.add(
          DevelopmentInbox,
          DevelopmentInbox.of({ mails: Ref.get(mails), arrivals: Stream.fromPubSub(arrivals) })
        )
      )
    })
  )
}
