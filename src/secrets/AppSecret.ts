import { type Array, Context, Effect, Layer, Redacted } from "effect"
import { Kdf, Mac } from "effect/crypto"

/** Keys of one purpose, the current one first. What was made with a former one stays good for its lifetime. */
export type Keys = Array.NonEmptyReadonlyArray<Mac.Key>

/**
 * The secrets of this installation (`APP_SECRET`), the current one first. HKDF (RFC 5869) makes an independent key for each
 * purpose, so that a code can never be taken for a token.
 */
export class AppSecret extends Context.Service<
  AppSecret,
  {
    readonly resetCodeKeys: Keys
    readonly confirmationCodeKeys: Keys
    readonly emailChangeCodeKeys: Keys
    readonly sessionTokenKeys: Keys
    /** The current one alone: what is kept under it lives for an hour at most. */
    readonly pseudonymKey: Mac.Key
  }
>()("rekey/secrets/AppSecret") {
  static readonly layer = (secrets: Array.NonEmptyReadonlyArray<Redacted.Redacted>) =>
    Layer.effect(
      AppSecret,
      Effect.gen(function* () {
        const kdf = yield* Kdf.Kdf
        const utf8 = new TextEncoder()
        const keysFor = (purpose: string) =>
          Effect.forEach(secrets, (secret) =>
            kdf
              .derive(Kdf.hkdfSha256, utf8.encode(Redacted.value(secret)), {
                salt: new Uint8Array(),
                info: utf8.encode(`rekey ${purpose} v1`),
                length: 32
              })
              .pipe(Effect.flatMap((bytes) => Mac.key(Mac.hmacSha256, bytes)))
          )
        const [pseudonymKey] = yield* keysFor("pseudonym")
        return AppSecret.of({
          resetCodeKeys: yield* keysFor("reset code"),
          confirmationCodeKeys: yield* keysFor("confirmation code"),
          emailChangeCodeKeys: yield* keysFor("email change code"),
          sessionTokenKeys: yield* keysFor("session token"),
          pseudonymKey
        })
      })
    ).pipe(Layer.orDie)
}
