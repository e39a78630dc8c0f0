import { Effect, Layer, Option, type Redacted } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Administration, CurrentAdministrator } from "../api/Administration.ts"
import { Api } from "../api/Api.ts"
import { done } from "../api/Done.ts"
import type { AdministratorName } from "../domain/Administrator.ts"
import { Unauthenticated } from "../domain/Session.ts"
import { PasswordRecovery } from "../recovery/PasswordRecovery.ts"
import { makeHolderOf } from "./tokens.ts"

/** Who may start a reset for somebody, and by which tokens: one name may have several, so that they can be exchanged. */
export type Administrators = ReadonlyArray<{ readonly name: AdministratorName; readonly token: Redacted.Redacted }>

export const AdministrationLayer = (administrators: Administrators) =>
  Layer.effect(
    Administration,
    Effect.gen(function* () {
      const holderOf = yield* makeHolderOf(administrators)
      return Administration.of({
        administrator: Effect.fnUntraced(function* (httpEffect, { credential }) {
          const holder = yield* holderOf(credential)
          if (Option.isNone(holder)) return yield* new Unauthenticated()
          return yield* Effect.provideService(httpEffect, CurrentAdministrator, holder.value.name)
        })
      })
    })
  )

export const AdministrationHandlers = HttpApiBuilder.group(
  Api,
  "administration",
  Effect.fn(function* (handlers) {
    const recovery = yield* PasswordRecovery
    return handlers.handleAll({
      sendResetCode: ({ payload }) =>
        Effect.as(
          Effect.flatMap(CurrentAdministrator, (name) =>
            recovery.requestFor(payload.identifier, { _tag: "Administrator", name })
          ),
          done
        )
    })
  })
)
