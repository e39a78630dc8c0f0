import { Option, Schema, SchemaTransformation } from "effect"
import { Text } from "./Text.ts"

/** A dot-atom in ASCII (RFC 5321, 4.1.2): no header and no second recipient can ride on it (A3). */
const localPart = /^[a-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}$/i
/** Letters, marks and digits of any script, hyphens, dots: nothing that a URL parser gives another meaning. */
const domainName = /^[\p{L}\p{M}\p{N}.\-\u3002\uFF0E\uFF61]{1,253}$/u
const label = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/

/** The domain in its ASCII form (IDNA, UTS #46). */
const domainToAscii = (domain: string): Option.Option<string> => {
  const hostname = domainName.test(domain) ? URL.parse(`http://${domain}`)?.hostname : undefined
  const labels = hostname?.split(".") ?? []
  // A URL parser reads a last label of digits as an IPv4 address.
  return hostname !== undefined && labels.every((_) => label.test(_)) && !/^\d+$/.test(labels.at(-1) ?? "")
    ? Option.some(hostname)
    : Option.none()
}

/** ASCII alone: `toLowerCase`, PostgreSQL's `lower()` and its collations each fold the Kelvin sign in their own way (A4). */
export const asciiLowerCase = (value: string): string => value.replace(/[A-Z]/g, (letter) => letter.toLowerCase())

/** What all spellings of one mailbox have in common: trimmed, ASCII lower case, the domain as IDNA (E2). */
export const EmailKey = Schema.String.pipe(Schema.brand("EmailKey"))
export type EmailKey = typeof EmailKey.Type

const keyOf = (address: string): Option.Option<EmailKey> => {
  const at = address.lastIndexOf("@")
  const local = address.slice(0, Math.max(0, at))
  return address.length <= 254 && localPart.test(local)
    ? Option.map(domainToAscii(address.slice(at + 1)), (domain) => EmailKey.make(`${asciiLowerCase(local)}@${domain}`))
    : Option.none()
}

/** One e-mail address as its owner writes it, trimmed. Mails go to this spelling, comparisons use {@link emailKey}. */
export const Email = Text.pipe(
  Schema.decode(SchemaTransformation.trim()),
  Schema.check(
    Schema.makeFilter((address: string) => Option.isSome(keyOf(address)), {
      expected: "one e-mail address",
      fault: "email"
    })
  ),
  Schema.brand("Email")
)
export type Email = typeof Email.Type

/** The one place where the key of an address is made; it is stored beside the address and compared instead of it. */
export const emailKey = (email: Email): EmailKey => Option.getOrThrow(keyOf(email))
