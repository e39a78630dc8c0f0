import { Context, Effect, Layer } from "effect"
import { EmailChangeCodeMint } from "../secrets/EmailChangeCodeMint.ts"
import { EmailChanges } from "./EmailChanges.ts"
import { makeMailWorker } from "./mailWorker.ts"

/** Decides who gets which mail about a change of address, behind the door, where nobody can time it (C6). */
export class EmailChangeWorker extends Context.Service<
  EmailChangeWorker,
  {
    /** A request was written down in this process: look now. */
    readonly wake: Effect.Effect<void>
  }
>()("rekey/accounts/EmailChangeWorker") {
  static readonly layer = (limits: {
    readonly ttlMillis: number
    readonly cooldownMillis: number
    readonly hourlyCap: number
  }) =>
    Layer.effect(
      EmailChangeWorker,
      Effect.gen(function* () {
        const changes = yield* EmailChanges
        const mint = yield* EmailChangeCodeMint
        const wake = yield* makeMailWorker({
          name: "EmailChangeWorker",
          broken: "Taking a request to change an address broke.",
          takeNext: Effect.flatMap(mint.fresh, (code) => changes.takeNext(code, limits))
        })
        return EmailChangeWorker.of({ wake })
      })
    )
}
