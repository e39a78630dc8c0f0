import { Context, Data, Effect, Layer, Option } from "effect"
import { growingPause, makeDeliveries } from "../background/Deliveries.ts"
import { Email } from "../domain/Email.ts"
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

/** Whether it tells what happened: a code in it then lives for days. */
const tells = ({ kind }: ClaimedMail): boolean => kind === "notice" || kind === "email-changed"

/** A code is worth a try each minute, since it soon ends; a notice has time. */
const longestPauseMillis = (mail: ClaimedMail): number => (tells(mail) ? 15 * 60_000 : 60_000)

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
        const nobodysCode = yield* mint.fresh
        const deliveries = yield* makeDeliveries<ClaimedMail>({
          queue: { claim: outbox.claim, handBack: (id) => outbox.retry(id, 0) },
          broken: "Looking into the outbox broke.",
          lost: (defect) =>
            Effect.logError("What became of a mail couldn't be written down: it may be sent again.", defect),
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
          (sending, mail) => deliveries.attempt(mail, sending)
        )

        const setAside = Effect.fnUntraced(function* (mail: ClaimedMail, reason: string) {
          yield* Effect.logError("A mail was set aside: it couldn't be sent.", { reason })
          yield* deliveries.settle(outbox.setAside(mail.id, reason))
        })

        const tryAgain = Effect.fnUntraced(function* (mail: ClaimedMail, reason: string) {
          const pauseMillis = yield* growingPause(mail, { firstMillis: 1000, longestMillis: longestPauseMillis(mail) })
          yield* Effect.logWarning("A mail was not sent, and will be tried again.", { reason, pauseMillis })
          yield* deliveries.setBack(pauseMillis, outbox.retry(mail.id, pauseMillis))
        })

        const deliver = Effect.fn("OutboxWorker.deliver", { root: true })(
          function* (mail: ClaimedMail) {
            yield* Effect.annotateCurrentSpan({ mailId: String(mail.id), attempts: mail.attempts })
            if (mail.kind !== "notice" && !mail.codeLives) {
              // Tried until its code ended: the operator should know (G3).
              if (mail.attempts > 1 && mail.codeLivesForMillis <= 0) return yield* setAside(mail, "code-ended")
              yield* Effect.logWarning("A mail was dropped, since its code can't be used any more.")
              return yield* deliveries.settle(outbox.drop(mail.id, "code-ended"))
            }
            yield* send(mail).pipe(
              Effect.matchEffect({
                onSuccess: () => deliveries.settle(outbox.sent(mail.id)),
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
          (delivery, mail) =>
            Effect.annotateLogs(delivery, { mailId: String(mail.id), kind: mailKind(mail), attempts: mail.attempts })
        )

        const rehearseOne = Effect.fn("OutboxWorker.deliver", { root: true })(function* (language: Language) {
          yield* renderCode({ ...nobodysMail, language, code: nobodysCode })
          yield* Effect.ignore(outbox.rehearse)
        })

        yield* deliveries.start({
          deliver,
          beside: Effect.suspend(() =>
            Effect.forEach(rehearsals.splice(0), (language) => deliveries.run(rehearseOne(language)), { discard: true })
          )
        })

        return OutboxWorker.of({
          wake: deliveries.wake,
          rehearse: (language) =>
            Effect.suspend(() => {
              rehearsals.push(language)
              return deliveries.wake
            })
        })
      })
    )
}

const mailKind = (mail: ClaimedMail): string => (mail.kind === "notice" ? mail.notice.event : mail.kind)
