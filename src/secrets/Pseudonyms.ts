import { Context, Effect, Layer } from "effect"
import { Mac } from "effect/crypto"
import { AppSecret } from "./AppSecret.ts"

/**
 * Names for what has to be recognised and never read again: HMAC-SHA-256 under a key of APP_SECRET. A bare hash wouldn't do,
 * since all IPv4 addresses can be tried in seconds.
 */
export class Pseudonyms extends Context.Service<
  Pseudonyms,
  {
    /** 32 bytes, the same for the same text on every process with this APP_SECRET. */
    of(text: string): Effect.Effect<Uint8Array>
  }
>()("rekey/secrets/Pseudonyms") {
  static readonly layer = Layer.effect(
    Pseudonyms,
    Effect.gen(function* () {
      const { pseudonymKey } = yield* AppSecret
      const mac = yield* Mac.Mac
      const utf8 = new TextEncoder()
      return Pseudonyms.of({ of: (text) => Effect.orDie(mac.sign(pseudonymKey, utf8.encode(text))) })
    })
  )
}
