import { type Array, Context, Data, Effect, Layer, Redacted } from "effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import { Webhook } from "standardwebhooks"
import type { RekeyEvent } from "./RekeyEvent.ts"
import type { ClaimedWebhook } from "./WebhookOutbox.ts"

/** Where webhooks go, and with what they are signed. */
export interface WebhookReceiver {
  /** May hold a secret of the receiver's, in its query. */
  readonly url: Redacted.Redacted<URL>
  /** As Standard Webhooks has them, `whsec_` and base64. Each signs, so that a receiver may know any of them: the new or the former. */
  readonly secrets: Array.NonEmptyReadonlyArray<Redacted.Redacted>
}

/** Why an event wasn't taken. No word of it is the receiver's own, or shows where that is. */
export class WebhookNotTaken extends Data.TaggedError("WebhookNotTaken")<{
  readonly reason: string
  /** Whether the receiver said 410: it wants no more. */
  readonly gone: boolean
}> {}

/** Tells the receiver of webhooks what happened. */
export class WebhookSender extends Context.Service<
  WebhookSender,
  {
    /** Succeeds once the receiver has answered with 2xx. The same event has the same `webhook-id` and body, however often it is sent. */
    send(webhook: Pick<ClaimedWebhook, "event" | "claimedAt">): Effect.Effect<void, WebhookNotTaken>
  }
>()("rekey/events/WebhookSender") {
  /**
   * As Standard Webhooks 1.0.0 says. The client must not follow redirects: whoever controls the receiver could send signed requests to
   * wherever this process reaches. Of an answer nothing is read but its status.
   */
  static readonly layerHttp = ({
    secrets,
    url
  }: WebhookReceiver): Layer.Layer<WebhookSender, never, HttpClient.HttpClient> =>
    Layer.effect(
      WebhookSender,
      Effect.gen(function* () {
        const client = HttpClient.withScope(yield* HttpClient.HttpClient)
        const signers = secrets.map((secret) => new Webhook(Redacted.value(secret)))

        const send = Effect.fnUntraced(
          function* ({ claimedAt, event }: Pick<ClaimedWebhook, "event" | "claimedAt">) {
            const body = bodyOf(event)
            const request = HttpClientRequest.post(Redacted.value(url), {
              headers: {
                "user-agent": "Rekey",
                "webhook-id": event.id,
                "webhook-timestamp": `${Math.floor(claimedAt.getTime() / 1000)}`,
                "webhook-signature": signers.map((signer) => signer.sign(event.id, claimedAt, body)).join(" ")
              }
            }).pipe(HttpClientRequest.bodyText(body, "application/json"))
            const { status } = yield* client.execute(request)
            if (status >= 200 && status < 300) return
            return yield* new WebhookNotTaken({ reason: `status ${status}`, gone: status === 410 })
          },
          // Its own words would show where it leads.
          Effect.catchTag(
            "HttpClientError",
            () => new WebhookNotTaken({ reason: "no connection, or a broken one", gone: false })
          ),
          Effect.timeoutOrElse({
            duration: patience,
            orElse: () => new WebhookNotTaken({ reason: `no answer within ${patience}`, gone: false })
          }),
          // Ends what is left of the answer.
          Effect.scoped,
          // A span would have the URL.
          Effect.provideService(HttpClient.TracerDisabledWhen, () => true)
        )

        return WebhookSender.of({ send })
      })
    )
}

/** For the whole conversation, up to the status of the answer. */
const patience = "15 seconds"

/** What is signed and sent. Neither addresses nor anything that opens a door: bodies end up in logs and queues of others. */
const bodyOf = ({ actor, at, requestId, type, userId }: RekeyEvent): string =>
  JSON.stringify({ type, timestamp: at.toISOString(), data: { user: { id: userId }, actor, requestId } })
