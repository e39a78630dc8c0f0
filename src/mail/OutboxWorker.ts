import { Context, Data, Effect, FiberSet, Layer, Option, Random, Schedule } from "effect"
import { makeWorker } from "../background/Worker.ts"
import { Email } from "../domain/Email.ts"
import type { Unavailable } from "../domain/Failure.ts"
import type { Language } from "../language/Language.ts"
import { ConfirmationCodeMint } from "../secrets/ConfirmationCodeMint.ts"
import { EmailChangeCodeMint } from "../secrets/EmailChangeCodeMint.ts"
import { ResetCodeMint } from "../secrets/ResetCodeMint.ts"
import { confirmationMail } from "./ConfirmationMail.ts"
import { emailChangeMail, wayBackMail } from "./EmailChangeMail.ts"
import { Mailer, MailNotSent } from "./Mailer.ts"
import { noticeMail } from "./NoticeMail.ts"
import {
  type ClaimedConfirmation,
  type ClaimedEmailChange,
  type ClaimedMail,
  type ClaimedResetCode,
  type ClaimedWayBack,
  Outbox
} from "./Outbox.ts"
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

/** Whether it tells what happened: a code in it then lives for days. */
const tells = ({ kind }: ClaimedMail): boolean => kind === "notice" || kind === "email-changed"

/** A code is worth a try each minute, since it soon ends; a notice has time. */
const longestPauseMillis = (mail: ClaimedMail): number => (tells(mail) ? 15 * 60_000 : 60_000)

/** Doubles from a second, and up to half of it is taken off by chance: what failed together doesn't come back together. */
const pauseMillisFor = (mail: ClaimedMail): Effect.Effect<number> =>
  Effect.map(Random.next, (chance) =>
    Math.round(Math.min(1_000 * 2 ** (mail.attempts - 1), longestPauseMillis(mail)) * (1 - chance / 2))
  )

/** Nobody needs to be told of a change that long ago. */
const noticeLivesForMillis = 24 * 3_600_000

/** A mail that breaks what renders or sends it breaks it each time. */
const mostDefects = 5

/** The mail itself is at fault. What went wrong could hold a part of it, so nothing of that is kept (D4). */
class MailBroken extends Data.TaggedError("MailBroken") {}

/** The mail of an address without an account: nobody gets it. */
const nobodysMail = {
  messageId: "0",
  recipient: Email.make("nobody@example.invalid"),
  byAdministrator: false,
  codeLivesForMillis: 1_800_000
}

/** Sends what waits in the outbox, in the background for as long as its layer lives. */
export class OutboxWorker extends Context.Service<
  OutboxWorker,
  {
    /** Says that there is a mail to send; returns at once. */
    readonly wake: Effect.Effect<void>
    /** Has the work of one mail in this language done for nobody, all but its conversation (C2); returns at once. */
    rehearse(language: Language): Effect.Effect<void>
  }
>()("rekey/mail/OutboxWorker") {
  /** `appName` and the pages that take the codes go into the mails; all come from configuration. */
  static readonly layer = (options: {
    readonly appName: string
    readonly resetUrl: URL
    readonly emailConfirmation: { readonly url: URL }
    readonly emailChange: { readonly url: URL; readonly undoUrl: URL }
    /**
     * How long after one look at the outbox the next is taken, in milliseconds: under load a look takes several mails along. A mail
     * should be on its way within 100.
     */
    readonly gatherMillis?: number
  }): Layer.Layer<OutboxWorker, never, Outbox | Mailer | ResetCodeMint | ConfirmationCodeMint | EmailChangeCodeMint> =>
    Layer.effect(
      OutboxWorker,
      Effect.gen(function* () {
        const outbox = yield* Outbox
        const mailer = yield* Mailer
        const mint = yield* ResetCodeMint
        const confirmationMint = yield* ConfirmationCodeMint
        const changeMint = yield* EmailChangeCodeMint
        const scope = yield* Effect.scope
        const nobodysCode = yield* mint.fresh
        const inHand = yield* FiberSet.make<void>()
        const worker = yield* makeWorker({
          broken: "Looking into the outbox broke.",
          every: lookEvery,
          gatherMillis: options.gatherMillis ?? 25
        })
        const rehearsals: Array<Language> = []

        const renderCode = Effect.fnUntraced(function* (
          mail: Pick<
            ClaimedResetCode,
            "byAdministrator" | "code" | "codeLivesForMillis" | "language" | "messageId" | "recipient"
          >
        ) {
          const code = yield* mint.derive(mail.code)
          const { byAdministrator, codeLivesForMillis: livesForMillis, language, messageId: id, recipient } = mail
          return Option.map(code, (code) =>
            resetMail({ ...options, id, language, byAdministrator, code, recipient, livesForMillis })
          )
        })

        const renderConfirmation = Effect.fnUntraced(function* (mail: ClaimedConfirmation) {
          const code = yield* confirmationMint.derive(mail.code)
          const confirmationUrl = options.emailConfirmation.url
          const { codeLivesForMillis: livesForMillis, messageId: id } = mail
          return Option.map(code, (code) =>
            mail.kind === "registration-reset"
              ? resetMail({ ...options, ...mail, id, byAdministrator: false, code, livesForMillis })
              : confirmationMail({ ...options, ...mail, id, code, livesForMillis, confirmationUrl })
          )
        })

        const renderChange = Effect.fnUntraced(function* (mail: ClaimedEmailChange | ClaimedWayBack) {
          const code = yield* changeMint.derive(mail.code)
          const { url, undoUrl } = options.emailChange
          const { appName } = options
          const { codeLivesForMillis: livesForMillis, language, messageId: id, recipient } = mail
          return Option.map(code, (code) =>
            mail.kind === "email-change"
              ? emailChangeMail({ id, language, appName, recipient, code, livesForMillis, page: url })
              : wayBackMail({
                  id,
                  language,
                  appName,
                  recipient,
                  code,
                  livesForMillis,
                  page: undoUrl,
                  happened: mail.happened
                })
          )
        })

        const render = (mail: ClaimedMail) => {
          switch (mail.kind) {
            case "reset-code":
              return renderCode(mail)
            case "email-confirmation":
            case "registration-reset":
              return renderConfirmation(mail)
            case "email-change":
            case "email-changed":
              return renderChange(mail)
            case "notice":
              return Effect.sync(() => Option.some(noticeMail({ ...options, ...mail, id: mail.messageId })))
          }
        }

        const send = Effect.fnUntraced(
          function* (mail: ClaimedMail) {
            const rendered = yield* render(mail)
            if (Option.isNone(rendered)) return yield* new MailNotSent({ reason: "none of the secrets made its code" })
            yield* mailer.send(rendered.value)
          },
          Effect.catchDefect(() => new MailBroken()),
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

        const setAside = Effect.fnUntraced(function* (mail: ClaimedMail, reason: string) {
          yield* Effect.logError("A mail was set aside: it couldn't be sent.", { reason })
          yield* settle(outbox.setAside(mail.id, reason))
        })

        const tryAgain = Effect.fnUntraced(function* (mail: ClaimedMail, reason: string) {
          const pauseMillis = yield* pauseMillisFor(mail)
          yield* Effect.logWarning("A mail was not sent, and will be tried again.", { reason, pauseMillis })
          yield* settle(outbox.retry(mail.id, pauseMillis))
          yield* Effect.forkIn(Effect.delay(worker.wake, pauseMillis), scope)
        })

        const deliver = Effect.fn("OutboxWorker.deliver", { root: true })(
          function* (mail: ClaimedMail) {
            yield* Effect.annotateCurrentSpan({ mailId: String(mail.id), attempts: mail.attempts })
            if (mail.kind !== "notice" && !mail.codeLives) {
              // Tried until its code ended: the operator should know (G3).
              if (mail.attempts > 1 && mail.codeLivesForMillis <= 0) return yield* setAside(mail, "code-ended")
              yield* Effect.logWarning("A mail was dropped, since its code can't be used any more.")
              return yield* settle(outbox.drop(mail.id, "code-ended"))
            }
            yield* send(mail).pipe(
              Effect.matchEffect({
                onSuccess: () => settle(outbox.sent(mail.id)),
                onFailure: (failure) => {
                  if (failure._tag === "MailBroken") {
                    return mail.attempts >= mostDefects ? setAside(mail, "broken") : tryAgain(mail, "a defect")
                  }
                  return mail.kind === "notice" && mail.ageMillis >= noticeLivesForMillis
                    ? setAside(mail, "too-old")
                    : tryAgain(mail, failure.reason)
                }
              })
            )
          },
          // Whoever ends makes room for one that waits, and for the next of its account.
          Effect.ensuring(worker.wake),
          (delivery, mail) =>
            Effect.annotateLogs(delivery, { mailId: String(mail.id), kind: mailKind(mail), attempts: mail.attempts })
        )

        const rehearseOne = Effect.fn("OutboxWorker.deliver", { root: true })(function* (language: Language) {
          yield* renderCode({ ...nobodysMail, language, code: nobodysCode })
          yield* Effect.ignore(outbox.rehearse)
        }, Effect.ensuring(worker.wake))

        // Runs when the worker has ended its last look, before the set of those in hand is closed, which interrupts them.
        yield* Effect.addFinalizer(() => FiberSet.awaitEmpty(inHand).pipe(Effect.timeoutOption(finishWithin)))

        yield* worker.start(
          Effect.gen(function* () {
            const room = concurrency - (yield* FiberSet.size(inHand))
            if (room <= 0) return false
            const mails = yield* outbox.claim(room, leaseMillis)
            for (const mail of mails) yield* FiberSet.run(inHand, deliver(mail))
            for (const language of rehearsals.splice(0)) yield* FiberSet.run(inHand, rehearseOne(language))
            return mails.length === room
          })
        )

        return OutboxWorker.of({
          wake: worker.wake,
          rehearse: (language) =>
            Effect.suspend(() => {
              rehearsals.push(language)
              return worker.wake
            })
        })
      })
    )
}

const mailKind = (mail: ClaimedMail): string => (mail.kind === "notice" ? mail.notice.event : mail.kind)
