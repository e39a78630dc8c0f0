import { pbkdf2, randomBytes } from "node:crypto"
import { promisify } from "node:util"
import { Effect, Option } from "effect"
import type { Password } from "../domain/Password.ts"
import { allowedKey, allowedSalt, fromBase64, sameKey, wholeNumber } from "./fields.ts"
import {
  asTyped,
  type FormatName,
  type HashFormat,
  type HashWriter,
  type StoredHash,
  someReading
} from "./HashFormat.ts"

const derive = promisify(pbkdf2)

/** Rounds of HMAC for a key: some seconds, about as long as the dearest argon2 that is allowed (F4). */
const mostRounds = 10_000_000

const bytesOf = { sha1: 20, sha256: 32, sha512: 64 } as const
type Digest = keyof typeof bytesOf

/** PBKDF2 with HMAC (RFC 8018, 5.2), as far as it is allowed: of a key that is longer than the digest, each part takes all rounds. */
export const pbkdf2Hash = (
  format: FormatName,
  digest: Digest,
  {
    iterations,
    key,
    salt
  }: { readonly iterations: number; readonly salt: Option.Option<Buffer>; readonly key: Option.Option<Buffer> }
): Option.Option<StoredHash> =>
  Option.gen(function* () {
    const allowed = { salt: yield* allowedSalt(salt), key: yield* allowedKey(key) }
    const parts = Math.ceil(allowed.key.length / bytesOf[digest])
    if (iterations < 1 || iterations * parts > mostRounds) return yield* Option.none()
    return {
      format,
      variant: digest,
      cost: { iterations },
      verify: (password: Password) =>
        Effect.promise(() =>
          someReading(asTyped(password), async (reading) =>
            sameKey(await derive(reading, allowed.salt, iterations, allowed.key.length, digest), allowed.key)
          )
        )
    }
  })

const django = new RegExp(`^pbkdf2_(sha1|sha256)\\$${wholeNumber}\\$([^$]+)\\$([^$]+)$`)

/** `pbkdf2_sha256$600000$<salt>$<key>`, and `pbkdf2_sha1`: Django's own, whose salt is the text as it stands there. */
export const djangoPbkdf2Format: HashFormat = {
  parse: (text) =>
    Option.flatMap(Option.fromNullOr(django.exec(text)), ([, digest, iterations, salt = "", key = ""]) =>
      pbkdf2Hash("django-pbkdf2", digest as Digest, {
        iterations: Number(iterations),
        salt: Option.some(Buffer.from(salt)),
        key: Option.filter(fromBase64(key, "padded"), (bytes) => bytes.length === bytesOf[digest as Digest])
      })
    )
}

const phc = new RegExp(
  `^\\$pbkdf2(?:-(sha1|sha256|sha512))?\\$(?:${wholeNumber}|i=${wholeNumber}(?:,l=${wholeNumber})?)\\$([^$]+)\\$([^$]+)$`
)

/**
 * `$pbkdf2-sha256$i=600000,l=32$<salt>$<key>` as a PHC string, or `$pbkdf2-sha256$29000$<salt>$<key>` as Passlib writes it, in whose
 * Base64 a `.` stands for `+`, and where `$pbkdf2$` is SHA-1.
 */
export const phcPbkdf2: HashFormat = {
  parse: (text) =>
    Option.gen(function* () {
      const [, digest = "sha1", rounds, i, l, salt = "", key = ""] = yield* Option.fromNullOr(phc.exec(text))
      const bytes = (base64: string) =>
        rounds === undefined
          ? fromBase64(base64, "unpadded")
          : Option.flatMap(
              Option.liftPredicate(base64, (base64) => !base64.includes("+")),
              (base64) => fromBase64(base64.replaceAll(".", "+"), "unpadded")
            )
      return yield* pbkdf2Hash("phc-pbkdf2", digest as Digest, {
        iterations: Number(rounds ?? i),
        salt: bytes(salt),
        key: Option.filter(bytes(key), ({ length }) => l === undefined || length === Number(l))
      })
    })
}

/** As Django writes it by default, with a salt of 128 bits in 22 characters. A dearer hash that is stored is current: the host chose that. */
export const djangoPbkdf2 = ({ iterations }: { readonly iterations: number }): HashWriter => ({
  format: "django-pbkdf2",
  cost: { iterations },
  maxBytes: Option.none(),
  hash: (password) =>
    Effect.promise(async () => {
      const [reading] = asTyped(password)
      const salt = randomBytes(16).toString("base64url")
      const key = await derive(reading, salt, iterations, bytesOf.sha256, "sha256")
      return `pbkdf2_sha256$${iterations}$${salt}$${key.toString("base64")}`
    }),
  isCurrent: (stored) =>
    stored.format === "django-pbkdf2" && stored.variant === "sha256" && (stored.cost.iterations ?? 0) >= iterations
})
