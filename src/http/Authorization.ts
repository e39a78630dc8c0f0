import { Effect, Layer } from "effect"
import { Sessions } from "../accounts/Sessions.ts"
import { Authorization, CurrentSession } from "../api/Authorization.ts"

/** A missing bearer arrives as an empty one, which no signature fits. */
export const AuthorizationLayer = Layer.effect(
  Authorization,
  Effect.gen(function* () {
    const sessions = yield* Sessions
    return Authorization.of({
      bearer: Effect.fnUntraced(function* (httpEffect, { credential }) {
        const authenticated = yield* sessions.authenticate(credential)
        return yield* Effect.provideService(httpEffect, CurrentSession, authenticated)
      })
    })
  })
)
