import { Context, Effect, Layer } from "effect"
import { ResetCodeHash } from "../domain/ResetCode.ts"
import { AppSecret } from "./AppSecret.ts"
import { type CodeMint, type FreshCode, makeCodeMint } from "./CodeMint.ts"

/** What is stored of a reset code. */
export type FreshResetCode = FreshCode<ResetCodeHash>

/** Makes reset codes. */
export class ResetCodeMint extends Context.Service<ResetCodeMint, CodeMint<ResetCodeHash>>()(
  "rekey/secrets/ResetCodeMint"
) {
  static readonly layer = Layer.effect(
    ResetCodeMint,
    Effect.flatMap(AppSecret, ({ resetCodeKeys: keys }) =>
      makeCodeMint({ purpose: "reset code", keys, brand: ResetCodeHash.make })
    )
  )
}
