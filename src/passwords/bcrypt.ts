import { Effect, Option, Redacted } from "effect"
import { asTyped, type HashFormat, type HashWriter, type Pepper, someReading } from "./HashFormat.ts"

/** Some seconds, about as long as the dearest argon2 that is allowed (F4). */
const highestCost = 15

/** Loaded with the first such hash: many have none. */
const native = () => import("@node-rs/bcrypt")

/** The algorithm takes in no more of a password than this, its pepper included. */
const bytesTaken = 72

/**
 * The cost, 22 characters of salt and 31 of key, in bcrypt's own Base64. The last character of each carries four and two bits that
 * mean nothing and are zero in all that is written today: where they aren't, another text would be the same hash.
 */
const text = /^\$(2[aby])\$(\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]$/

/** Devise's way: behind the password, so it is what is cut where both are longer than bcrypt takes in. */
const withPepper = (reading: string, pepper: Pepper): string =>
  reading + Option.match(pepper, { onNone: () => "", onSome: Redacted.value })

/**
 * `$2b$12$<salt><key>`, from OpenBSD. `$2a$` and `$2y$` are other names of the same since the faults of their time are mended; `$2x$`
 * was made with one of them and isn't read. Of a password over 72 bytes the rest is ignored, as it was where the hash was made.
 */
export const bcryptFormat: HashFormat = {
  parse: (hash) =>
    Option.gen(function* () {
      const [, variant = "", digits] = yield* Option.fromNullOr(text.exec(hash))
      const cost = Number(digits)
      if (cost < 4 || cost > highestCost) return yield* Option.none()
      return {
        format: "bcrypt" as const,
        variant,
        cost: { cost },
        verify: (password, pepper) =>
          Effect.promise(async () => {
            const { verify } = await native()
            return someReading(asTyped(password), (reading) => verify(withPepper(reading, pepper), hash))
          })
      }
    })
}

/**
 * bcrypt of a cost (the logarithm of its rounds, 4 to 15) under the name that a host looks for: PHP knows `2y` alone. A dearer hash
 * that is stored is current: its host chose that.
 */
export const bcrypt = ({
  cost,
  prefix
}: {
  readonly cost: number
  readonly prefix: "2a" | "2b" | "2y"
}): HashWriter => ({
  format: "bcrypt",
  cost: { cost },
  maxBytes: Option.some(bytesTaken),
  hash: (password, pepper) =>
    Effect.promise(async () => {
      const [reading] = asTyped(password)
      const { hash: hashWith } = await native()
      const hash = await hashWith(withPepper(reading, pepper), cost)
      return hash.replace(/^\$2.\$/, `$${prefix}$`)
    }),
  isCurrent: (stored) => stored.format === "bcrypt" && (stored.cost.cost ?? 0) >= cost
})
