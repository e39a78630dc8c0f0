import { hash as argon2Hash, verify as argon2Verify, parseOptions } from "@node-rs/argon2"
import { Effect, Option } from "effect"
import type { Password } from "../domain/Password.ts"
import { allowedKey, allowedSalt, fromBase64, wholeNumber } from "./fields.ts"
import {
  asTyped,
  type FormatName,
  type HashFormat,
  type HashWriter,
  inNfc,
  type StoredHash,
  someReading
} from "./HashFormat.ts"

/** Cost of argon2 (RFC 9106): memory in KiB, passes over it, lanes. */
export interface Argon2Cost {
  readonly memoryKib: number
  readonly iterations: number
  readonly parallelism: number
}

/** OWASP's first choice for argon2id (Password Storage Cheat Sheet). */
export const owaspCost: Argon2Cost = { memoryKib: 19_456, iterations: 2, parallelism: 1 }

/** The most that a hash may cost to make or to verify: 256 MiB, 16 passes, 16 lanes. A stored one that asks for more is refused (F4). */
export const highestCost: Argon2Cost = { memoryKib: 262_144, iterations: 16, parallelism: 16 }

const phc = new RegExp(
  `^\\$argon2(id|i|d)(?:\\$v=(16|19))?\\$m=${wholeNumber},t=${wholeNumber},p=${wholeNumber}\\$([^$]+)\\$([^$]+)$`
)

/** The first of the two versions is RFC 9106's, the other the draft's before it, whose hashes name it or none. */
const variantOf = (type: string, version: string | undefined) =>
  version === "19" ? `argon2${type}` : `argon2${type}, version 16`

/** Whether the library can compute it: it knows what else RFC 9106 asks for, such as 8 KiB for each lane. */
const isComputable = Option.liftThrowable(parseOptions)

/** Reads a PHC string that stands in a format of its own or of a host's, whose readings of a password are tried. */
export const readPhc = (text: string, format: FormatName, readings: typeof inNfc): Option.Option<StoredHash> =>
  Option.gen(function* () {
    const [, type = "", version, m, t, p, salt = "", key = ""] = yield* Option.fromNullOr(phc.exec(text))
    const cost = { memoryKib: Number(m), iterations: Number(t), parallelism: Number(p) }
    if (
      cost.memoryKib > highestCost.memoryKib ||
      cost.iterations > highestCost.iterations ||
      cost.parallelism > highestCost.parallelism
    )
      return yield* Option.none()
    yield* allowedSalt(fromBase64(salt, "unpadded"))
    yield* allowedKey(fromBase64(key, "unpadded"))
    yield* isComputable(text)
    return {
      format,
      variant: variantOf(type, version),
      cost,
      verify: (password: Password) =>
        Effect.promise(() => someReading(readings(password), (reading) => argon2Verify(text, reading)))
    }
  })

/** `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<key>`: the PHC string (RFC 9106, and the string format of the Password Hashing Competition). */
export const argon2: HashFormat = { parse: (text) => readPhc(text, "argon2", inNfc) }

const djangoPrefix = "argon2"

/** `argon2$argon2id$v=19$m=102400,t=2,p=8$<salt>$<key>`: the same behind Django's name for the algorithm. */
export const djangoArgon2: HashFormat = {
  parse: (text) =>
    text.startsWith(`${djangoPrefix}$`)
      ? readPhc(text.slice(djangoPrefix.length), "django-argon2", asTyped)
      : Option.none()
}

const writer = (cost: Argon2Cost, format: FormatName, prefix: string, readings: typeof inNfc): HashWriter => ({
  format,
  cost: { ...cost },
  maxBytes: Option.none(),
  hash: (password) =>
    Effect.promise(async () => {
      const [reading] = readings(password)
      const options = { memoryCost: cost.memoryKib, timeCost: cost.iterations, parallelism: cost.parallelism }
      return prefix + (await argon2Hash(reading, options))
    }),
  isCurrent: (stored) =>
    stored.format === format &&
    stored.variant === "argon2id" &&
    stored.cost.memoryKib === cost.memoryKib &&
    stored.cost.iterations === cost.iterations &&
    stored.cost.parallelism === cost.parallelism
})

/** Rekey's own. A stored one of another cost isn't current, a dearer one included: the operator may have chosen to spend less. */
export const argon2id = (cost: Argon2Cost): HashWriter => writer(cost, "argon2", "", inNfc)

/** As Django writes it with `Argon2PasswordHasher` first among its hashers. */
export const djangoArgon2id = (cost: Argon2Cost): HashWriter => writer(cost, "django-argon2", djangoPrefix, asTyped)
