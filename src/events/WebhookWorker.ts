import { Clock, Context, Data, Effect, Layer, Metric, Redacted } from "effect"
import { Digest } from "effect/crypto"
import { concurrency, growingPause, makeDeliveries } from "../background/Deliveries.ts"
import { makeWorker } from "../background/Worker.ts"
import type { EventType } from "./RekeyEvent.ts"
import { type ClaimedWebhook, tellWithinMillis, WebhookOutbox } from "./WebhookOutbox.ts"
import { type WebhookReceiver, WebhookSender } from "./WebhookSender.ts"

const pauses = { firstMillis: 5000, longestMillis: 3_600_000 }

/** An event that breaks what sends it breaks it each time. */
const mostDefects = 5

/** After so many failures without a success between them the receiver is taken to be down. */
const mostFailures = 5

/** While it is down one event is tried at a time, to see whether it is back, with pauses up to this one. */
const longestQuietMillis = 60_000

/** What was to be sent is at fault. What went wrong could hold a secret, so nothing of that is kept. */
class WebhookBroken extends Data.TaggedError("WebhookBroken") {}

const deliveriesTotal = Metric.counter("rekey_webhook_deliveries_total", {
  description: "Tries to tell the receiver of webhooks an event",
  incremental: true
})
const count = (outcome: "delivered" | "failed" | "dead") =>
  Metric.update(Metric.withAttributes(deliveriesTotal, { outcome }), 1)

/** Tells the receiver of webhooks what happens to accounts, for as long as its layer lives. */
export class WebhookWorker extends Context.Service<
  WebhookWorker,
  {
    /** Says that there may be something to tell; returns at once. */
    readonly wake: Effect.Effect<void>
  }
>()("rekey/events/WebhookWorker") {
  static readonly layer = (options: {
    readonly url: WebhookReceiver["url"]
    /** What the receiver wants to be told. */
    readonly types: ReadonlyArray<EventType>
  }): Layer.Layer<WebhookWorker, never, WebhookOutbox | WebhookSender | Digest.Digest> =>
    Layer.effect(
      WebhookWorker,
      Effect.gen(function* () {
        const outbox = yield* WebhookOutbox
        const sender = yield* WebhookSender
        const digest = yield* Digest.Digest
        const receiver = yield* Effect.orDie(
          digest.digest(Digest.sha256, new TextEncoder().encode(Redacted.value(options.url).href))
        )
        const deliveries = yield* makeDeliveries<ClaimedWebhook>({
          queue: {
            claim: (limit, leaseMillis) => outbox.claim(receiver, limit, leaseMillis),
            handBack: (id) => outbox.retry(id, 0, null)
          },
          broken: "Looking for webhooks to deliver broke.",
          lost: (defect) =>
            Effect.logError("What became of a webhook couldn't be written down: it may be sent again.", defect)
        })

        // Without this a receiver that is down would be asked once for each event that waits, and those would then wait for their
        // own pauses when it is back.
        let failures = 0
        let quietUntil = 0
        const room = (inHand: number) =>
          Effect.map(Clock.currentTimeMillis, (now) =>
            failures < mostFailures ? concurrency - inHand : now < quietUntil ? 0 : 1 - inHand
          )
        const receiverFailed = Effect.gen(function* () {
          failures++
          if (failures < mostFailures) return
          const quietMillis = Math.min(1000 * 2 ** (failures - mostFailures), longestQuietMillis)
          quietUntil = (yield* Clock.currentTimeMillis) + quietMillis
          yield* deliveries.wakeAfter(quietMillis)
        })

        const tryAgain = Effect.fnUntraced(function* (webhook: ClaimedWebhook, reason: string) {
          const pauseMillis = yield* growingPause(webhook, pauses)
          yield* Effect.logWarning("A webhook was not delivered, and will be tried again.", { reason, pauseMillis })
          yield* count("failed")
          yield* deliveries.setBack(pauseMillis, outbox.retry(webhook.id, pauseMillis, reason))
        })

        const setAside = Effect.fnUntraced(function* (webhook: ClaimedWebhook, reason: string) {
          yield* Effect.logError("A webhook was set aside: it couldn't be delivered.", { reason })
          yield* count("dead")
          yield* deliveries.settle(outbox.setAside(webhook.id, reason))
        })

        const stop = Effect.fnUntraced(function* (webhook: ClaimedWebhook, reason: string) {
          yield* Effect.logError("The receiver of webhooks wants no more: none is sent there until you replay one.")
          yield* deliveries.settle(outbox.stop(receiver))
          yield* tryAgain(webhook, reason)
        })

        const deliver = Effect.fn("WebhookWorker.deliver", { root: true })(
          function* (webhook: ClaimedWebhook) {
            yield* Effect.annotateCurrentSpan({ eventId: webhook.event.id, attempts: webhook.attempts })
            yield* deliveries
              .attempt(
                webhook,
                Effect.catchDefect(sender.send(webhook), () => new WebhookBroken())
              )
              .pipe(
                Effect.matchEffect({
                  onSuccess: Effect.fnUntraced(function* () {
                    failures = 0
                    yield* count("delivered")
                    yield* deliveries.settle(outbox.delivered(webhook.id))
                  }),
                  onFailure: Effect.fnUntraced(function* (failure) {
                    if (failure._tag === "WebhookBroken") {
                      return yield* webhook.attempts >= mostDefects
                        ? setAside(webhook, "broken")
                        : tryAgain(webhook, "a defect")
                    }
                    yield* receiverFailed
                    if (failure.gone) return yield* stop(webhook, failure.reason)
                    yield* webhook.ageMillis >= tellWithinMillis
                      ? setAside(webhook, failure.reason)
                      : tryAgain(webhook, failure.reason)
                  })
                })
              )
          },
          (delivery, { attempts, event }) =>
            Effect.annotateLogs(delivery, { eventId: event.id, type: event.type, attempts })
        )
        yield* deliveries.start({ deliver, room })

        const reader = yield* makeWorker({ broken: "Queueing webhooks broke.", every: "500 millis" })
        yield* reader.start(
          outbox.takeIn(options.types).pipe(
            Effect.tap(({ queued }) => Effect.when(deliveries.wake, Effect.succeed(queued > 0))),
            Effect.map(({ more }) => more)
          )
        )

        return WebhookWorker.of({ wake: reader.wake })
      })
    )
}
