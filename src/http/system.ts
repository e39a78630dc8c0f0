import { Context, Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { done } from "../api/Done.ts"
import type { Unavailable } from "../domain/Failure.ts"

/** Whether everything that requests need is there. */
export class Readiness extends Context.Service<
  Readiness,
  {
    readonly check: Effect.Effect<void, Unavailable>
  }
>()("rekey/http/Readiness") {}

export const SystemHandlers = HttpApiBuilder.group(
  Api,
  "system",
  Effect.fn(function* (handlers) {
    const readiness = yield* Readiness
    return handlers.handleAll({
      health: () => Effect.succeed(done),
      ready: () => Effect.as(readiness.check, done)
    })
  })
)
