import { type Effect, type Option, Redacted } from "effect"
import { normalized, type Password } from "../domain/Password.ts"

/** The formats that docs/password-formats.md describes, each with an example and its bounds. */
export type FormatName =
  | "argon2"
  | "django-argon2"
  | "keycloak-argon2"
  | "bcrypt"
  | "django-pbkdf2"
  | "keycloak-pbkdf2"
  | "phc-pbkdf2"
  | "better-auth-scrypt"
  | "django-scrypt"
  | "firebase-scrypt"
  | "phc-scrypt"

/** What the operator appends to passwords before bcrypt, as Devise does: kept in the settings, not beside the hashes. */
export type Pepper = Option.Option<Redacted.Redacted>

/** A stored hash that was read: of a known format, and no dearer to verify than is allowed (F4). */
export interface StoredHash {
  readonly format: FormatName
  /** What of the format it is: `argon2id`, `2b`, `sha256`. */
  readonly variant: string
  /** By the names that the algorithm gives them: `{ memoryKib, iterations, parallelism }`, `{ cost }`, `{ iterations }`, `{ n, r, p }`. */
  readonly cost: Readonly<Record<string, number>>
  /** Native work in a thread of the pool, for which there should be room (`Bulkhead`). */
  readonly verify: (password: Password, pepper: Pepper) => Effect.Effect<boolean>
}

/** One way in which hashes are written down. */
export interface HashFormat {
  /** `None` where the text isn't of this format to its last character, or asks for more work or memory than is allowed. */
  readonly parse: (text: string) => Option.Option<StoredHash>
}

/** The format and cost in which a table's hashes are made. */
export interface HashWriter {
  readonly format: FormatName
  /** Of the hashes that are made now: another object once it is another cost. */
  readonly cost: StoredHash["cost"]
  /** The most bytes of UTF-8 that a password may have: what is past them the format would ignore, so more is refused, never cut. */
  readonly maxBytes: Option.Option<number>
  /** With a fresh salt. Native work in a thread of the pool, as with {@link StoredHash}. */
  readonly hash: (password: Password, pepper: Pepper) => Effect.Effect<string>
  /** Whether a stored hash may stay: else it is worth making again while the password is at hand. */
  readonly isCurrent: (stored: StoredHash) => boolean
}

/** How a password may have been spelled when it was hashed, the likeliest first. */
export type Readings = readonly [string, ...ReadonlyArray<string>]

/**
 * What a host hashes that normalises nothing: what was typed. Where that isn't it, another keyboard may have composed the same
 * password otherwise (F3), most likely to NFC.
 */
export const asTyped = (password: Password): Readings => distinct(Redacted.value(password), normalized(password))

/** What we hash: NFC. Where that isn't it, the hash may come from a host that took what was typed. */
export const inNfc = (password: Password): Readings => distinct(normalized(password), Redacted.value(password))

const distinct = (one: string, other: string): Readings => (one === other ? [one] : [one, other])

/** Whether any reading of a password is the one, tried in order. */
export const someReading = async (
  readings: Readings,
  matches: (reading: string) => Promise<boolean>
): Promise<boolean> => {
  for (const reading of readings) if (await matches(reading)) return true
  return false
}
