import { createCipheriv, randomBytes, type ScryptOptions, scrypt } from "node:crypto"
import { Effect, Option, Redacted } from "effect"
import type { Password } from "../domain/Password.ts"
import { allowedKey, allowedSalt, fromBase64, sameKey, wholeNumber } from "./fields.ts"
import {
  asTyped,
  type FormatName,
  type HashFormat,
  type HashWriter,
  type Readings,
  type StoredHash,
  someReading
} from "./HashFormat.ts"

/** Cost of scrypt (RFC 7914): the number of blocks, a power of two, their size in units of 128 bytes, and how often that is done. */
interface ScryptCost {
  readonly n: number
  readonly r: number
  readonly p: number
}

/** 256 MiB, and of work some seconds, about as long as the dearest argon2 that is allowed (F4). */
const most = { bytes: 256 * 1024 * 1024, blocks: 2 ** 23 }

/** What RFC 7914 allows and we do. The logarithm of N has to be below 16 r. */
const isAllowed = ({ n, p, r }: ScryptCost): boolean =>
  n >= 2 &&
  r >= 1 &&
  p >= 1 &&
  Number.isInteger(Math.log2(n)) &&
  Math.log2(n) < 16 * r &&
  128 * r * (n + p) <= most.bytes &&
  n * r * p <= most.blocks

const derive = (reading: string, salt: Uint8Array, length: number, { n, p, r }: ScryptCost): Promise<Buffer> => {
  const options: ScryptOptions = { N: n, r, p, maxmem: 256 * r * (n + p + 2) }
  // Not promisified: that hides the options from the compiler. Where there is no error, Bun says undefined for null.
  return new Promise((resolve, reject) =>
    scrypt(reading, salt, length, options, (error, key) => (error ? reject(error) : resolve(key)))
  )
}

interface ScryptHash {
  readonly cost: ScryptCost
  readonly salt: Option.Option<Buffer>
  readonly key: Option.Option<Buffer>
  readonly readings?: (password: Password) => Readings
  /** How many bytes are derived, and what is stored of them: all of them as they are, where nothing else is said. */
  readonly sealed?: { readonly length: number; readonly by: (derived: Buffer) => Uint8Array }
}

const scryptHash = (
  format: FormatName,
  { cost, key, readings = asTyped, salt, sealed }: ScryptHash
): Option.Option<StoredHash> =>
  Option.gen(function* () {
    const allowed = { salt: yield* allowedSalt(salt), key: yield* allowedKey(key) }
    if (!isAllowed(cost)) return yield* Option.none()
    const { by, length } = sealed ?? { length: allowed.key.length, by: (derived) => derived }
    return {
      format,
      variant: "scrypt",
      cost: { ...cost },
      verify: (password: Password) =>
        Effect.promise(() =>
          someReading(readings(password), async (reading) =>
            sameKey(by(await derive(reading, allowed.salt, length, cost)), allowed.key)
          )
        )
    }
  })

const phc = new RegExp(`^\\$scrypt\\$ln=${wholeNumber},r=${wholeNumber},p=${wholeNumber}\\$([^$]+)\\$([^$]+)$`)

/** `$scrypt$ln=16,r=8,p=1$<salt>$<key>`: the PHC string, which Passlib writes too; `ln` is the logarithm of N. */
export const phcScrypt: HashFormat = {
  parse: (text) =>
    Option.flatMap(Option.fromNullOr(phc.exec(text)), ([, ln, r, p, salt = "", key = ""]) =>
      scryptHash("phc-scrypt", {
        cost: { n: 2 ** Number(ln), r: Number(r), p: Number(p) },
        salt: fromBase64(salt, "unpadded"),
        key: fromBase64(key, "unpadded")
      })
    )
}

const django = new RegExp(`^scrypt\\$${wholeNumber}\\$([^$]+)\\$${wholeNumber}\\$${wholeNumber}\\$([^$]+)$`)

/** `scrypt$16384$<salt>$8$5$<key>`: Django's, with N, r and p around the salt, which is the text as it stands there. */
export const djangoScrypt: HashFormat = {
  parse: (text) =>
    Option.flatMap(Option.fromNullOr(django.exec(text)), ([, n, salt = "", r, p, key = ""]) =>
      scryptHash("django-scrypt", {
        cost: { n: Number(n), r: Number(r), p: Number(p) },
        salt: Option.some(Buffer.from(salt)),
        key: Option.filter(fromBase64(key, "padded"), ({ length }) => length === 64)
      })
    )
}

/** What better-auth has built in; its hashes don't name it. */
const betterAuthCost: ScryptCost = { n: 16_384, r: 16, p: 1 }

/** better-auth normalises to NFKC before it hashes. */
const inNfkc = (password: Password): Readings => [Redacted.value(password).normalize("NFKC")]

const betterAuthText = /^([0-9a-f]{32}):([0-9a-f]{128})$/

/** `<salt>:<key>`, 16 and 64 bytes in hexadecimal digits: better-auth's, whose salt is those digits and not the bytes that they stand for. */
export const betterAuthFormat: HashFormat = {
  parse: (text) =>
    Option.flatMap(Option.fromNullOr(betterAuthText.exec(text)), ([, salt = "", key = ""]) =>
      scryptHash("better-auth-scrypt", {
        cost: betterAuthCost,
        salt: Option.some(Buffer.from(salt)),
        key: Option.some(Buffer.from(key, "hex")),
        readings: inNfkc
      })
    )
}

const firebase = new RegExp(
  `^\\$fbscrypt\\$v=1,n=${wholeNumber},r=${wholeNumber},p=${wholeNumber},ss=([^,$]*),sk=([^,$]+)\\$([^$]+)\\$([^$]+)$`
)

/** Firebase encrypts the project's key with what it derives, and stores that. The counter starts at zero: no key is used twice. */
const encrypted = (signerKey: Buffer) => (derived: Buffer) =>
  createCipheriv("aes-256-ctr", derived, Buffer.alloc(16)).update(signerKey)

/**
 * `$fbscrypt$v=1,n=14,r=8,p=1,ss=<salt separator>,sk=<signer key>$<salt>$<key>`: Firebase's variant of scrypt with the parameters of
 * the project, as Supabase's Auth writes it down; `n` is the logarithm of N, which Firebase calls `mem_cost`, as it calls r `rounds`.
 */
export const firebaseScrypt: HashFormat = {
  parse: (text) =>
    Option.gen(function* () {
      const [, n, r, p, separator = "", signer = "", salt = "", key = ""] = yield* Option.fromNullOr(
        firebase.exec(text)
      )
      const signerKey = yield* allowedKey(fromBase64(signer, "padded"))
      const salts = [yield* fromBase64(salt, "padded"), yield* fromBase64(separator, "padded")]
      return yield* scryptHash("firebase-scrypt", {
        cost: { n: 2 ** Number(n), r: Number(r), p: Number(p) },
        salt: Option.some(Buffer.concat(salts)),
        key: Option.filter(fromBase64(key, "padded"), ({ length }) => length === signerKey.length),
        sealed: { length: 32, by: encrypted(signerKey) }
      })
    })
}

/** As better-auth writes it: it knows no other cost. */
export const betterAuthScrypt: HashWriter = {
  format: "better-auth-scrypt",
  cost: { ...betterAuthCost },
  maxBytes: Option.none(),
  hash: (password) =>
    Effect.promise(async () => {
      const [reading] = inNfkc(password)
      const salt = randomBytes(16).toString("hex")
      const key = await derive(reading, Buffer.from(salt), 64, betterAuthCost)
      return `${salt}:${key.toString("hex")}`
    }),
  isCurrent: (stored) => stored.format === "better-auth-scrypt"
}
