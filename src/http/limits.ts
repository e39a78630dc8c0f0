import { Context, Duration, Effect, Layer, Metric } from "effect"
import { HttpEffect, type HttpServerRequest, HttpServerResponse } from "effect/http"
import { RateLimiter } from "effect/persistence"
import { RateLimits } from "../api/RateLimits.ts"
import { clientNetwork } from "../domain/ClientNetwork.ts"
import { RateLimited, Unavailable } from "../domain/Failure.ts"
import { CurrentOrigin } from "../domain/Origin.ts"

/**
 * How often one client may go through a door in a minute. The doors are the endpoints of these names; the pages go
 * through those of the API that do the same.
 */
export const limits = {
  forgotPassword: 10,
  resetPassword: 20,
  checkResetCode: 30,
  signIn: 30,
  register: 10,
  sendEmailConfirmation: 10,
  confirmEmail: 20,
  sendResetCode: 30,
  export: 10,
  changeEmail: 10,
  confirmEmailChange: 20,
  undoEmailChange: 20
} as const

export type Door = keyof typeof limits

const isDoor = (name: string): name is Door => Object.hasOwn(limits, name)

const refusals = Metric.counter("rekey_limiter_refusals_total", {
  description: "Requests that were refused with 429, since their client made too many in a minute.",
  incremental: true
})

/**
 * The fields of draft-ietf-httpapi-ratelimit-headers up to its version 06, in seconds and requests: later versions put the same
 * into structured fields whose names still change, and these three are what clients read.
 */
const fields = (limit: number, remaining: number, resetAfter: Duration.Duration) => ({
  "ratelimit-limit": String(limit),
  "ratelimit-remaining": String(remaining),
  "ratelimit-reset": String(wholeSeconds(resetAfter))
})

const wholeSeconds = (duration: Duration.Duration): number => Math.ceil(Duration.toSeconds(duration))

/** How often a client may do what anybody may do. */
export class Limits extends Context.Service<
  Limits,
  {
    /**
     * Counts the client of the request at a door, and puts the state of its window on the answer. Looks at the client's address
     * and at nothing that the request says, so that it tells nothing of an account (C3) and nobody can choose a bucket (E2).
     */
    enter(door: Door): Effect.Effect<void, RateLimited | Unavailable, HttpServerRequest.HttpServerRequest>
  }
>()("rekey/http/Limits") {
  static readonly layer = Layer.effect(
    Limits,
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.RateLimiter

      const enter = Effect.fn("Limits.enter")(function* (door: Door) {
        const { clientAddress } = yield* CurrentOrigin
        const limit = limits[door]
        const { refused, remaining, resetAfter } = yield* limiter
          .consume({ key: `${door} ${clientNetwork(clientAddress)}`, limit, window: "1 minute" })
          .pipe(
            Effect.map(({ remaining, resetAfter }) => ({ refused: false, remaining, resetAfter })),
            Effect.catchReason(
              "RateLimiterError",
              "RateLimitExceeded",
              ({ retryAfter }) => Effect.succeed({ refused: true, remaining: 0, resetAfter: retryAfter }),
              () => Effect.fail(new Unavailable())
            )
          )
        yield* HttpEffect.appendPreResponseHandler((_, response) =>
          Effect.succeed(HttpServerResponse.setHeaders(response, fields(limit, remaining, resetAfter)))
        )
        if (!refused) return
        yield* Metric.update(Metric.withAttributes(refusals, { door }), 1)
        return yield* new RateLimited({ retryAfterSeconds: wholeSeconds(resetAfter) })
      })

      return Limits.of({ enter })
    })
  )

  /** For measuring, or behind a gateway that limits. */
  static readonly layerOff = Layer.succeed(Limits, Limits.of({ enter: () => Effect.void }))
}

/** In front of the endpoints, before their bodies are read. */
export const RateLimitsLayer = Layer.effect(
  RateLimits,
  Effect.gen(function* () {
    const { enter } = yield* Limits
    return RateLimits.of((httpEffect, { endpoint }) =>
      isDoor(endpoint.identifier)
        ? Effect.andThen(enter(endpoint.identifier), httpEffect)
        : Effect.die(new Error(`${endpoint.identifier} has no limit`))
    )
  })
)
