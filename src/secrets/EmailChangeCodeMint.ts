import { Context, Effect, Layer } from "effect"
import { EmailChangeCodeHash } from "../domain/EmailChange.ts"
import { AppSecret } from "./AppSecret.ts"
import { type CodeMint, type FreshCode, makeCodeMint } from "./CodeMint.ts"

/** What is stored of a code that changes an address, or changes it back. */
export type FreshEmailChangeCode = FreshCode<EmailChangeCodeHash>

/** Makes codes that change an address, and those that change it back, under a key of their own. */
export class EmailChangeCodeMint extends Context.Service<EmailChangeCodeMint, CodeMint<EmailChangeCodeHash>>()(
  "rekey/secrets/EmailChangeCodeMint"
) {
  static readonly layer = Layer.effect(
    EmailChangeCodeMint,
    Effect.flatMap(AppSecret, ({ emailChangeCodeKeys: keys }) =>
      makeCodeMint({ purpose: "email change code", keys, brand: EmailChangeCodeHash.make })
    )
  )
}
