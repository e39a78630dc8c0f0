import { Effect, Option, Redacted } from "effect"
import { Digest, Mac, SecureRandom } from "effect/crypto"
import { Base64Url } from "effect/encoding"
import type { MailedCode } from "../domain/MailedCode.ts"
import type { Keys } from "./AppSecret.ts"

/** What is stored of a code: its hash for ever, the nonce until its mail is sent. Neither gives the code without the key (D5). */
export interface FreshCode<Hash> {
  readonly codeHash: Hash
  readonly nonce: Uint8Array
}

/** Makes codes of one purpose. */
export interface CodeMint<Hash> {
  readonly fresh: Effect.Effect<FreshCode<Hash>>
  /** The code of a stored nonce, tried with each secret; `None` where none of them made it. */
  derive(stored: FreshCode<Hash>): Effect.Effect<Option.Option<MailedCode>>
  hash(code: MailedCode): Effect.Effect<Hash>
}

/**
 * Codes are `base64url(HMAC-SHA-256(key, purpose || nonce))` with a fresh nonce of 256 bits. So a mail can be made again with the
 * same code after a failure, while nothing usable lies in the database.
 */
export const makeCodeMint = Effect.fnUntraced(function* <Hash extends Uint8Array>(options: {
  readonly purpose: string
  readonly keys: Keys
  readonly brand: (bytes: Uint8Array) => Hash
}) {
  const digest = yield* Digest.Digest
  const mac = yield* Mac.Mac
  const random = yield* SecureRandom.SecureRandom
  const utf8 = new TextEncoder()
  const purpose = utf8.encode(options.purpose)

  const hash = Effect.fnUntraced(function* (code: MailedCode) {
    return options.brand(yield* digest.digest(Digest.sha256, utf8.encode(Redacted.value(code))))
  }, Effect.orDie)

  const sign = Effect.fnUntraced(function* (key: Mac.Key, nonce: Uint8Array) {
    const message = new Uint8Array([...purpose, ...nonce])
    return Redacted.make(Base64Url.encode(yield* mac.sign(key, message)), { label: "code" })
  }, Effect.orDie)

  const fresh = Effect.gen(function* () {
    const nonce = yield* random.randomBytes(32)
    return { nonce, codeHash: yield* hash(yield* sign(options.keys[0], nonce)) }
  })

  const derive = Effect.fnUntraced(function* ({ codeHash, nonce }: FreshCode<Hash>) {
    for (const key of options.keys) {
      const code = yield* sign(key, nonce)
      if (Mac.timingSafeEqual(yield* hash(code), codeHash)) return Option.some(code)
    }
    return Option.none()
  })

  return { fresh, derive, hash } satisfies CodeMint<Hash>
})
