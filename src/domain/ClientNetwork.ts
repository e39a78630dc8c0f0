import { Option, Result } from "effect"
import { IpNetwork, NetAddress } from "effect/net"

/**
 * What counts as one client: an IPv4 address, or the /64 of an IPv6 one, which is what a provider gives to each customer (E1).
 * Clients whose address isn't known count as one together.
 */
export const clientNetwork = (address: Option.Option<string>): string =>
  Option.flatMap(address, (text) => Result.getSuccess(NetAddress.ipFromString(text))).pipe(
    Option.map((ip) => NetAddress.toCanonical(ip)),
    Option.map((ip) =>
      NetAddress.isIpv4Address(ip) ? NetAddress.formatIp(ip) : IpNetwork.format(IpNetwork.fromAddressUnsafe(ip, 64))
    ),
    Option.getOrElse(() => "unknown")
  )
