import { Context, Effect, Layer } from "effect"
import { ConfirmationCodeMint } from "../secrets/ConfirmationCodeMint.ts"
import { Confirmations } from "./Confirmations.ts"
import { makeMailWorker } from "./mailWorker.ts"

/** Decides who gets which mail, behind the door, where nobody can time it (C6). */
export class ConfirmationWorker extends Context.Service<
  ConfirmationWorker,
  {
    /** A request was written down in this process: look now. */
    readonly wake: Effect.Effect<void>
  }
>()("rekey/accounts/ConfirmationWorker") {
  static readonly layer = (limits: {
    readonly ttlMillis: number
    readonly cooldownMillis: number
    readonly hourlyCap: number
  }) =>
    Layer.effect(
      ConfirmationWorker,
      Effect.gen(function* () {
        const confirmations = yield* Confirmations
        const mint = yield* ConfirmationCodeMint
        const wake = yield* makeMailWorker({
          name: "ConfirmationWorker",
          broken: "Taking a confirmation request broke.",
          takeNext: Effect.flatMap(mint.fresh, (code) => confirmations.takeNext(code, limits))
        })
        return ConfirmationWorker.of({ wake })
      })
    )
}
