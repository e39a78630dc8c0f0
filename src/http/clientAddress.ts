import { Option, Result } from "effect"
import { IpNetwork, NetAddress } from "effect/net"

/** Those whose word is taken on where a request came from. */
export type TrustedProxies = ReadonlyArray<IpNetwork.IpNetwork>

/** An IPv4 address written as an IPv6 one (RFC 4291, 2.5.5.2) is the IPv4 address. */
const addressIn = (text: string): Option.Option<NetAddress.IpAddress> =>
  Option.map(Result.getSuccess(NetAddress.ipFromString(text)), (ip) => NetAddress.toCanonical(ip))

/** An address, or a network in CIDR notation whose host bits are zero. */
export const trustedProxy = (text: string): Option.Option<IpNetwork.IpNetwork> => {
  const network = text.includes("/")
    ? Result.getSuccess(IpNetwork.fromString(text))
    : Option.map(addressIn(text), (ip) => IpNetwork.makeUnsafe(ip, NetAddress.width(ip)))
  return Option.map(network, (network) => {
    const address = NetAddress.toCanonical(network.address)
    return NetAddress.isIpv4Address(address) && NetAddress.isIpv6Address(network.address) && network.prefixLength >= 96
      ? IpNetwork.makeUnsafe(address, network.prefixLength - 96)
      : network
  })
}

/** A hop as proxies write it: with or without a port, IPv6 in brackets or bare. `unknown` and `_hidden` are no address. */
const hopIn = (text: string): Option.Option<NetAddress.IpAddress> =>
  addressIn((/^\[([^\]]*)\](?::[\w.-]+)?$/.exec(text) ?? /^([\d.]+)(?::[\w.-]+)?$/.exec(text))?.[1] ?? text)

/** One `name=value` of `Forwarded`, up to the `;`, the `,` or the end that follows it (RFC 7239, 4). */
const parameter = /[ \t]*([\w!#$%&'*+.^`|~-]+)=(?:([^\s",;]+)|"((?:[^"\\]|\\.)*)")[ \t]*([;,]|$)/y

/**
 * The hops of `Forwarded`, the client's own first. A header that isn't well-formed from end to end is one unreadable hop: else a
 * client could open a quotation in its part and have the proxy's part taken for quoted.
 */
const hopsOfForwarded = (header: string): ReadonlyArray<string> => {
  const hops = [""]
  parameter.lastIndex = 0
  for (;;) {
    const match = parameter.exec(header)
    if (match === null) return [""]
    const [, name = "", token, quoted = "", end] = match
    if (name.toLowerCase() === "for") hops[hops.length - 1] = token ?? quoted.replace(/\\(.)/g, "$1")
    if (end === "") return hops
    if (end === ",") hops.push("")
  }
}

const hopsOfXForwardedFor = (header: string): ReadonlyArray<string> => header.split(",").map((hop) => hop.trim())

/**
 * Where a request came from: the peer, or what the trusted proxies say, read from the right, since whatever stands on the left
 * of a proxy's own word came from outside (E1). A hop that can't be read ends the reading at the last one that could.
 */
export const clientAddress = (
  peer: Option.Option<string>,
  headers: { readonly [name: string]: string | undefined },
  trusted: TrustedProxies
): Option.Option<string> =>
  Option.map(
    // A link-local peer has a zone: fe80::1%eth0.
    Option.flatMap(peer, (text) => addressIn(text.replace(/%.*$/, ""))),
    (peer) => {
      const isTrusted = (address: NetAddress.IpAddress) =>
        trusted.some((network) => IpNetwork.contains(network, address))

      const read = (hops: ReadonlyArray<string>): string => {
        let last = peer
        for (const text of hops.toReversed()) {
          if (!isTrusted(last)) break
          const hop = hopIn(text)
          if (Option.isNone(hop)) break
          last = hop.value
        }
        return NetAddress.formatIp(last)
      }

      const { forwarded, "x-forwarded-for": xForwardedFor } = headers
      const said = [
        ...(forwarded === undefined ? [] : [read(hopsOfForwarded(forwarded))]),
        ...(xForwardedFor === undefined ? [] : [read(hopsOfXForwardedFor(xForwardedFor))])
      ]
      // A proxy writes one of the two headers and may let the client's other one through: where they differ, neither is believed.
      return new Set(said).size === 1 ? (said[0] ?? "") : NetAddress.formatIp(peer)
    }
  )
