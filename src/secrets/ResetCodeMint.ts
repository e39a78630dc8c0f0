import { Context, Effect, Layer, Option, Redacted } from "effect"
import { Digest, Mac, SecureRandom } from "effect/crypto"
import { Base64Url } from "effect/encoding"
import { type ResetCode, ResetCodeHash } from "../domain/ResetCode.ts"
import { AppSecret } from "./AppSecret.ts"

/** What is stored of a code: its hash for ever, the nonce until its mail is sent. Neither gives the code without the key (D5). */
export interface FreshResetCode {
  readonly codeHash: ResetCodeHash
  readonly nonce: Uint8Array
}

/**
 * Makes reset codes: `base64url(HMAC-SHA-256(key, "reset code" || nonce))` with a fresh nonce of 256 bits. So a mail can be
 * made again with the same code after a failure, while nothing usable lies in the database.
 */
export class ResetCodeMint extends Context.Service<
  ResetCodeMint,
  {
    readonly fresh: Effect.Effect<FreshResetCode>
    /** The code of a stored nonce, tried with each secret; `None` where none of them made it. */
    derive(stored: FreshResetCode): Effect.Effect<Option.Option<ResetCode>>
    hash(code: ResetCode): Effect.Effect<ResetCodeHash>
  }
>()("rekey/secrets/ResetCodeMint") {
  static readonly layer = Layer.effect(
    ResetCodeMint,
    Effect.gen(function* () {
      const { resetCodeKeys } = yield* AppSecret
      const digest = yield* Digest.Digest
      const mac = yield* Mac.Mac
      const random = yield* SecureRandom.SecureRandom
      const utf8 = new TextEncoder()
      const purpose = utf8.encode("reset code")

      const hash = Effect.fnUntraced(function* (code: ResetCode) {
        return ResetCodeHash.make(yield* digest.digest(Digest.sha256, utf8.encode(Redacted.value(code))))
      }, Effect.orDie)

      const sign = Effect.fnUntraced(function* (key: Mac.Key, nonce: Uint8Array) {
        const message = new Uint8Array([...purpose, ...nonce])
        return Redacted.make(Base64Url.encode(yield* mac.sign(key, message)), { label: "code" })
      }, Effect.orDie)

      const fresh = Effect.gen(function* () {
        const nonce = yield* random.randomBytes(32)
        return { nonce, codeHash: yield* hash(yield* sign(resetCodeKeys[0], nonce)) }
      })

      const derive = Effect.fnUntraced(function* ({ codeHash, nonce }: FreshResetCode) {
        for (const key of resetCodeKeys) {
          const code = yield* sign(key, nonce)
          if (Mac.timingSafeEqual(yield* hash(code), codeHash)) return Option.some(code)
        }
        return Option.none()
      })

      return ResetCodeMint.of({ fresh, derive, hash })
    })
  )
}
