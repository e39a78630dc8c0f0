import { Option } from "effect"

/** How much of a client's address may be written down: all of it, the network it is in, or nothing. */
export type AddressKept = "whole" | "truncated" | "none"

const ipv4 = /^(?:::ffff:)?((?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4})$/i

/** An IPv6 address as RFC 5952 writes it, by way of a URL's host. */
const canonicalIpv6 = (address: string): Option.Option<string> =>
  Option.map(Option.fromNullishOr(URL.parse(`http://[${address}]`)), ({ hostname }) => hostname.slice(1, -1))

/** The first three of the eight groups: 48 bits. */
const first48Bits = (canonical: string): string => {
  const [head = "", tail] = canonical.split("::")
  const groups = (part: string | undefined) => (part ? part.split(":") : [])
  const missing = 8 - groups(head).length - groups(tail).length
  return [...groups(head), ...Array.from({ length: tail === undefined ? 0 : missing }, () => "0"), ...groups(tail)]
    .slice(0, 3)
    .join(":")
}

/**
 * What may be written down of a client's address: as it is, or its network (`192.0.2.0/24`, `2001:db8:1::/48`). IPv4 inside IPv6
 * is IPv4. What is no IP address could be anybody's text, and is never kept (D7).
 */
export const addressToKeep = (kept: AddressKept, address: string): Option.Option<string> => {
  if (kept === "none") return Option.none()
  const v4 = ipv4.exec(address)?.[1]
  if (v4 !== undefined) return Option.some(kept === "whole" ? v4 : `${v4.slice(0, v4.lastIndexOf("."))}.0/24`)
  const [withoutZone = ""] = address.split("%")
  if (!/^[\da-f:.]+$/i.test(withoutZone)) return Option.none()
  return Option.flatMap(canonicalIpv6(withoutZone), (canonical) =>
    kept === "whole"
      ? Option.some(canonical)
      : Option.map(canonicalIpv6(`${first48Bits(canonical)}::`), (network) => `${network}/48`)
  )
}
