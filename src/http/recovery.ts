import { Effect, Option } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { done } from "../api/Done.ts"
import { PasswordRecovery } from "../recovery/PasswordRecovery.ts"
import { PasswordReset } from "../recovery/PasswordReset.ts"

export const RecoveryHandlers = HttpApiBuilder.group(
  Api,
  "recovery",
  Effect.fn(function* (handlers) {
    const recovery = yield* PasswordRecovery
    const { check, reset } = yield* PasswordReset
    return handlers.handleAll({
      forgotPassword: ({ payload }) => Effect.as(recovery.request(payload.email), done),
      resetPassword: ({ payload }) =>
        Effect.map(reset(payload), ({ jwt, user }) => (Option.isSome(jwt) ? { user, jwt: jwt.value } : { user })),
      checkResetCode: ({ payload }) => Effect.map(check(payload.code), (expiresAt) => ({ expiresAt }))
    })
  })
)
