import { Context, Effect, Fiber, FiberSet, Latch, Layer, Option, Redacted, Schedule } from "effect"
import { Hex } from "effect/encoding"
import { Email } from "../domain/Email.ts"
import { Unavailable } from "../domain/Failure.ts"
import { ResetCodeMint } from "../secrets/ResetCodeMint.ts"
import { Mailer, MailNotSent } from "./Mailer.ts"
import { type ClaimedMail, Outbox } from "./Outbox.ts"
import { resetMail } from "./ResetMail.ts"

/** So many conversations at once, each with a fiber of its own: one that hangs holds nobody else up (G3). */
const concurrency = 10

/** Longer than a conversation (20 s) and the writing of its outcome together: nobody sends a mail that is being sent (G1). */
const leaseMillis = 60_000
const settleWithin = "30 seconds"

/** How soon the mail of a process that died is found. */
const lookEvery = "5 seconds"

/** How long stopping waits for what is in hand, and then for giving the rest back. */
const finishWithin = "3 seconds"
const releaseWithin = "1 second"

/** While the store doesn't answer. */
const whileUnavailable = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("5 seconds")])

const pauseMillisAfter = (attempts: number): number => Math.min(1_000 * 2 ** (attempts - 1), 60_000)

/** The mail of an address without an account: no row of the outbox has its id, and nobody gets it. */
const nobody = Email.make("nobody@example.invalid")
const nobodysMail = 0n

/** Sends what waits in the outbox, in the background for as long as its layer lives. */
export class OutboxWorker extends Context.Service<
  OutboxWorker,
  {
    /** Says that there is a mail to send; returns at once. */
    readonly wake: Effect.Effect<void>
    /** Has the work of one mail done for nobody, all but its conversation (C2); returns at once. */
    readonly rehearse: Effect.Effect<void>
  }
>()("rekey/mail/OutboxWorker") {
  /** `appName` and `resetUrl`, the page that takes the code, go into the mails; both come from configuration. */
  static readonly layer = (options: {
    readonly appName: string
    readonly resetUrl: URL
  }): Layer.Layer<OutboxWorker, never, Outbox | Mailer | ResetCodeMint> =>
    Layer.effect(
      OutboxWorker,
      Effect.gen(function* () {
        const outbox = yield* Outbox
        const mailer = yield* Mailer
        const mint = yield* ResetCodeMint
        const scope = yield* Effect.scope
        const nobodysCode = yield* mint.fresh
        const inHand = yield* FiberSet.make<void>()
        // Open from the start: there may be mails from before.
        const awake = yield* Latch.make(true)
        let rehearsals = 0

        const render = Effect.fnUntraced(function* (
          mail: Pick<ClaimedMail, "code" | "codeLivesForMillis" | "recipient">
        ) {
          const code = yield* mint.derive(mail.code)
          // Not the outbox's number: who gets two mails could count those sent to others in between (C1).
          const id = Hex.encode(yield* mint.hash(Redacted.make(Hex.encode(mail.code.codeHash))))
          return Option.map(code, (code) =>
            resetMail({ ...options, id, code, recipient: mail.recipient, livesForMillis: mail.codeLivesForMillis })
          )
        })

        const send = Effect.fnUntraced(
          function* (mail: ClaimedMail) {
            const rendered = yield* render(mail)
            if (Option.isNone(rendered)) return yield* new MailNotSent({ reason: "none of the secrets made its code" })
            yield* mailer.send(rendered.value)
          },
          // What went wrong could hold a part of the mail, so it isn't logged (D4).
          Effect.catchDefect(() => new MailNotSent({ reason: "a defect" })),
          (sending, mail) =>
            Effect.onInterrupt(sending, () =>
              outbox.retry(mail.id, 0).pipe(Effect.timeoutOption(releaseWithin), Effect.ignore)
            )
        )

        const settle = (outcome: Effect.Effect<void, Unavailable>) =>
          outcome.pipe(
            Effect.retry(whileUnavailable),
            Effect.timeoutOrElse({ duration: settleWithin, orElse: () => Effect.die(new Error("The store is away.")) }),
            Effect.catchDefect((defect) =>
              Effect.logError("What became of a mail couldn't be written down: it may be sent again.", defect)
            )
          )

        const tryAgain = Effect.fnUntraced(function* (mail: ClaimedMail, reason: string) {
          const pauseMillis = pauseMillisAfter(mail.attempts)
          yield* Effect.logWarning("A mail was not sent, and will be tried again.", { reason, pauseMillis })
          yield* settle(outbox.retry(mail.id, pauseMillis))
          yield* Effect.forkIn(Effect.delay(awake.open, pauseMillis), scope)
        })

        const deliver = Effect.fn("OutboxWorker.deliver", { root: true })(
          function* (mail: ClaimedMail) {
            yield* Effect.annotateCurrentSpan({ mailId: String(mail.id), attempts: mail.attempts })
            if (!mail.codeLives) {
              yield* Effect.logWarning("A mail was dropped, since its code can't be used any more.")
              return yield* settle(outbox.drop(mail.id))
            }
            yield* send(mail).pipe(
              Effect.matchEffect({
                onSuccess: () => settle(outbox.sent(mail.id)),
                onFailure: ({ reason }) => tryAgain(mail, reason)
              })
            )
          },
          // Whoever ends makes room for one that waits.
          Effect.ensuring(awake.open),
          (delivery, { attempts, id }) => Effect.annotateLogs(delivery, { mailId: String(id), attempts })
        )

        const rehearseOne = Effect.fn("OutboxWorker.deliver", { root: true })(function* () {
          yield* render({ recipient: nobody, code: nobodysCode, codeLivesForMillis: 1_800_000 })
          yield* Effect.ignore(outbox.sent(nobodysMail))
        }, Effect.ensuring(awake.open))

        const look = Effect.gen(function* () {
          // Closed before looking: who wakes from here on makes another look happen.
          yield* awake.close
          const room = concurrency - (yield* FiberSet.size(inHand))
          if (room <= 0) return
          const mails = yield* outbox.claim(room, leaseMillis)
          for (const mail of mails) yield* FiberSet.run(inHand, deliver(mail))
          for (; rehearsals > 0; rehearsals--) yield* FiberSet.run(inHand, rehearseOne())
        }).pipe(
          // Stopping can't come between claiming a mail and having it in hand.
          Effect.uninterruptible,
          Effect.catchDefect((defect) =>
            Effect.andThen(Effect.logError("Looking into the outbox broke.", defect), new Unavailable())
          ),
          // Not a warning: so it is at each start until the migrations are through, and readiness tells of an outage.
          Effect.tapError(() => Effect.logDebug("The outbox can't be read now, and will be tried again.")),
          Effect.retry(whileUnavailable)
        )

        const looking = yield* awake.await.pipe(
          Effect.timeoutOption(lookEvery),
          Effect.andThen(look),
          Effect.forever,
          Effect.forkScoped
        )
        // Runs before the set of those in hand is closed, which interrupts the rest of them.
        yield* Effect.addFinalizer(() =>
          Fiber.interrupt(looking).pipe(Effect.andThen(FiberSet.awaitEmpty(inHand)), Effect.timeoutOption(finishWithin))
        )

        return OutboxWorker.of({
          wake: Effect.asVoid(awake.open),
          rehearse: Effect.suspend(() => {
            rehearsals++
            return Effect.asVoid(awake.open)
          })
        })
      })
    )
}
