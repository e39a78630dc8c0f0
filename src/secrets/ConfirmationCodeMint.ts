import { Context, Effect, Layer } from "effect"
import { ConfirmationCodeHash } from "../domain/ConfirmationCode.ts"
import { AppSecret } from "./AppSecret.ts"
import { type CodeMint, type FreshCode, makeCodeMint } from "./CodeMint.ts"

/** What is stored of a confirmation code. */
export type FreshConfirmationCode = FreshCode<ConfirmationCodeHash>

/** Makes confirmation codes, under a key of their own: no reset code can be one, and none of them a reset code. */
export class ConfirmationCodeMint extends Context.Service<ConfirmationCodeMint, CodeMint<ConfirmationCodeHash>>()(
  "rekey/secrets/ConfirmationCodeMint"
) {
  static readonly layer = Layer.effect(
    ConfirmationCodeMint,
    Effect.flatMap(AppSecret, ({ confirmationCodeKeys: keys }) =>
      makeCodeMint({ purpose: "confirmation code", keys, brand: ConfirmationCodeHash.make })
    )
  )
}
