import { timingSafeEqual } from "node:crypto"
import { Option } from "effect"

/** The least and the most bytes of a salt: one that a host chose is taken as it is, up to what any of them has use for. */
const saltBytes = { least: 1, most: 256 }

/** The least and the most bytes of a derived key: below them it could be guessed, past them it is only dearer (F4). */
const keyBytes = { least: 16, most: 128 }

/** A whole number as a format writes it: decimal digits, no sign, no zero before them, at most nine. */
export const wholeNumber = "(0|[1-9]\\d{0,8})"

/**
 * Bytes from Base64 of the standard alphabet, with or without padding, as the format has it. Only their one spelling: where two texts
 * were the same hash, one of them would be a forgery that passes.
 */
export const fromBase64 = (text: string, padding: "padded" | "unpadded"): Option.Option<Buffer> => {
  const bytes = Buffer.from(text, "base64")
  const spelled = bytes.toString("base64")
  return (padding === "padded" ? spelled : withoutPadding(spelled)) === text ? Option.some(bytes) : Option.none()
}

export const withoutPadding = (base64: string): string => base64.replace(/=+$/, "")

const within = ({ least, most }: { readonly least: number; readonly most: number }) =>
  Option.filter((bytes: Uint8Array) => bytes.length >= least && bytes.length <= most)

/** A salt of a length that is allowed. */
export const allowedSalt = within(saltBytes)

/** A derived key of a length that is allowed. */
export const allowedKey = within(keyBytes)

/** Whether two derived keys are one, told in a time that depends on their length alone. */
export const sameKey = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && timingSafeEqual(one, other)
