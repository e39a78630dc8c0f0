import { Redacted, Schema } from "effect"
import { Text } from "./Text.ts"

/** A password as typed, never trimmed nor cut (NIST SP 800-63B-4, 3.1.1.2). `Redacted`: no log, span or error shows it. */
export const Password = Schema.RedactedFromValue(Text, { label: "password" })
export type Password = typeof Password.Type

/**
 * A password hash as it is stored: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>`, or in the format of another application; empty where
 * an account has none. `Redacted`, since it can be guessed at.
 */
const HashText = Schema.String.pipe(Schema.brand("PasswordHash"))
export const PasswordHash = Schema.RedactedFromValue(HashText, { label: "passwordHash" })
export type PasswordHash = typeof PasswordHash.Type

/** A hash as the hasher made it. */
export const passwordHash = (text: string): PasswordHash =>
  Redacted.make(HashText.make(text), { label: "passwordHash" })

/** The password and its confirmation differ. */
export class PasswordMismatch extends Schema.TaggedError<PasswordMismatch>()("PasswordMismatch", {}) {}

/** What the policy has against a password. Lengths are in code points of the NFC form. */
export const PasswordFault = Schema.Union([
  Schema.TaggedStruct("TooShort", { least: Schema.Int }),
  Schema.TaggedStruct("TooLong", { most: Schema.Int }),
  /** In UTF-8: the format in which it would be hashed takes in no more. */
  Schema.TaggedStruct("TooManyBytes", { most: Schema.Int }),
  /** Among the commonest, which are guessed first. */
  Schema.TaggedStruct("TooCommon", {}),
  /** Little more than the address, the user name or the name of the service. */
  Schema.TaggedStruct("TooClose", {}),
  /** Known from a breach elsewhere. */
  Schema.TaggedStruct("Breached", {}),
  /** As a client of the API gets it: in words. */
  Schema.TaggedStruct("Told", { words: Schema.String })
])
export type PasswordFault = typeof PasswordFault.Type

/** The policy refused the password. */
export class PasswordRejected extends Schema.TaggedError<PasswordRejected>()("PasswordRejected", {
  faults: Schema.NonEmptyArray(PasswordFault)
}) {}

/** The form in which passwords are compared, counted and hashed: NFC, whatever the keyboard sent (F3, RFC 8265). */
export const normalized = (password: Password): string => Redacted.value(password).normalize("NFC")

/** Whether a person typed the same twice. */
export const samePassword = (one: Password, other: Password): boolean => normalized(one) === normalized(other)
