import { assert, describe, it } from "@effect/vitest"
import { Option } from "effect"
import fc from "fast-check"
import { clientNetwork } from "../../src/domain/ClientNetwork.ts"
import { clientAddress, type TrustedProxies, trustedProxy } from "../../src/http/clientAddress.ts"

const trusting = (...proxies: ReadonlyArray<string>): TrustedProxies =>
  proxies.map((proxy) => Option.getOrThrow(trustedProxy(proxy)))

const none: TrustedProxies = []
const ours = trusting("10.0.0.0/8", "192.0.2.7", "2001:db8:ffff::/48")

const seen = (peer: string, headers: Record<string, string>, trusted: TrustedProxies = ours) =>
  Option.getOrUndefined(clientAddress(Option.some(peer), headers, trusted))

const xff = (value: string) => ({ "x-forwarded-for": value })

/** Addresses in public, and those of the trusted proxies. */
const outside = fc.oneof(
  fc.ipV4().filter((ip) => !ip.startsWith("10.") && ip !== "192.0.2.7"),
  fc.nat({ max: 0xffff }).map((n) => `2001:db8:1::${n.toString(16)}`)
)
const inside = fc.oneof(
  fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255)).map((rest) => `10.${rest.join(".")}`),
  fc.constant("192.0.2.7"),
  fc.nat({ max: 0xffff }).map((n) => `2001:db8:ffff::${n.toString(16)}`)
)
const canonical = (ip: string) => seen(ip, {}, none)
/** What a client may write on its own, the marks of both headers among it. */
const noise = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'for=;,"\\ []:_.0123456789abcunknown') }))

const node = (ip: string) => (ip.includes(":") ? `"[${ip}]"` : ip)

describe("the client's address", () => {
  it("is the peer's where the peer isn't trusted, whatever the headers say (E1)", () => {
    fc.assert(
      fc.property(outside, noise, outside, (peer, said, other) => {
        for (const trusted of [none, ours]) {
          assert.strictEqual(seen(peer, xff(said), trusted), canonical(peer))
          assert.strictEqual(seen(peer, { forwarded: said }, trusted), canonical(peer))
          assert.strictEqual(seen(peer, { ...xff(other), forwarded: `for=${node(other)}` }, trusted), canonical(peer))
        }
      })
    )
  })

  it("is what the outermost trusted proxy saw, whatever the client wrote before it (E1)", () => {
    fc.assert(
      fc.property(outside, fc.array(inside, { maxLength: 3 }), inside, noise, (client, chain, peer, forged) => {
        const hops = [client, ...chain]
        assert.strictEqual(seen(peer, xff(hops.join(", "))), canonical(client))
        assert.strictEqual(seen(peer, xff([forged, ...hops].join(","))), canonical(client))
        assert.strictEqual(
          seen(peer, { forwarded: hops.map((_) => `for=${node(_)};proto=https`).join(", ") }),
          canonical(client)
        )
      })
    )
  })

  it("can't be forged by a Forwarded that the proxy's own is appended to", () => {
    fc.assert(
      fc.property(outside, inside, noise, fc.boolean(), (client, peer, forged, quoted) => {
        const own = quoted ? `for="${client.includes(":") ? `[${client}]` : client}:4711"` : `for=${node(client)}`
        const address = seen(peer, { forwarded: `${forged}, ${own}` })
        // A header that is broken as a whole says nothing: the proxy itself then counts as the client.
        assert.include([canonical(client), canonical(peer)], address)
      }),
      { numRuns: 2000 }
    )
  })

  for (const [what, header, expected] of [
    ["a port", "203.0.113.9:4711", "203.0.113.9"],
    ["brackets", "[2001:db8:1::5]", "2001:db8:1::5"],
    ["brackets and a port", "[2001:db8:1::5]:4711", "2001:db8:1::5"],
    ["a bare IPv6 address", "2001:DB8:1:0:0::5", "2001:db8:1::5"],
    ["an IPv4 address in IPv6", "::ffff:203.0.113.9", "203.0.113.9"],
    ["a trusted one in IPv6 between", "203.0.113.9, ::ffff:10.1.2.3", "203.0.113.9"],
    ["nothing but trusted ones", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
    ["garbage", "garbage", "10.0.0.1"],
    ["garbage behind a trusted one", "203.0.113.9, garbage, 10.0.0.2", "10.0.0.2"],
    ["nothing", "", "10.0.0.1"],
    ["an empty hop", "203.0.113.9,,10.0.0.2", "10.0.0.2"],
    ["octal", "010.0.0.1", "10.0.0.1"],
    ["a zone", "fe80::1%eth0", "10.0.0.1"],
    ["unknown", "unknown", "10.0.0.1"]
  ] as const) {
    it(`X-Forwarded-For with ${what}`, () => assert.strictEqual(seen("10.0.0.1", xff(header)), expected))
  }

  for (const [what, header, expected] of [
    ["a token", "for=203.0.113.9", "203.0.113.9"],
    ["another case and more parameters", "By=10.0.0.1;FOR=203.0.113.9;host=evil.example;proto=http", "203.0.113.9"],
    ["quotes", 'for="203.0.113.9:80"', "203.0.113.9"],
    ["quoted pairs", 'for="203\\.0.113.9"', "203.0.113.9"],
    ["IPv6 and an obfuscated port", 'for="[2001:db8:1::5]:_http"', "2001:db8:1::5"],
    ["several hops", 'for=1.1.1.1, for=203.0.113.9, for="[2001:db8:ffff::1]"', "203.0.113.9"],
    ["a comma in quotes", 'for=1.1.1.1;x="a, for=2.2.2.2", for=203.0.113.9', "203.0.113.9"],
    ["unknown", "for=unknown", "10.0.0.1"],
    ["a name", "for=203.0.113.9, for=_hidden, for=10.0.0.9", "10.0.0.9"],
    ["no for", "proto=https", "10.0.0.1"],
    ["an open quote before the proxy's own", 'for="evil, for=203.0.113.9', "10.0.0.1"],
    ["an open quote before the proxy's own quotes", 'for=6.6.6.6;x=", for="203.0.113.9:80"', "10.0.0.1"]
  ] as const) {
    it(`Forwarded with ${what}`, () => assert.strictEqual(seen("10.0.0.1", { forwarded: header }), expected))
  }

  it("is the proxy's where the two headers differ, since one of them is the client's", () => {
    const headers = { forwarded: "for=6.6.6.6", ...xff("203.0.113.9") }
    assert.strictEqual(seen("10.0.0.1", headers), "10.0.0.1")
    assert.strictEqual(seen("10.0.0.1", { ...headers, forwarded: "for=203.0.113.9" }), "203.0.113.9")
  })

  it("is read from a peer in any form", () => {
    assert.strictEqual(seen("::ffff:10.0.0.1", xff("203.0.113.9")), "203.0.113.9")
    assert.strictEqual(seen("fe80::1%eth0", {}), "fe80::1")
    assert.strictEqual(seen("::ffff:10.0.0.1", xff("203.0.113.9"), trusting("::ffff:10.0.0.0/104")), "203.0.113.9")
    assert.isTrue(Option.isNone(clientAddress(Option.none(), xff("203.0.113.9"), ours)))
  })
})

describe("a client", () => {
  it("is an IPv4 address, or an IPv6 network of 64 bits (E1)", () => {
    const network = (address: string) => clientNetwork(Option.some(address))
    assert.strictEqual(network("203.0.113.9"), "203.0.113.9")
    assert.strictEqual(network("::ffff:203.0.113.9"), "203.0.113.9")
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (host) => {
        const groups = host.toString(16).padStart(16, "0").match(/.{4}/g)?.join(":")
        assert.strictEqual(network(`2001:db8:1:2:${groups}`), "2001:db8:1:2::/64")
      })
    )
    assert.notStrictEqual(network("2001:db8:1:3::1"), network("2001:db8:1:2::1"))
  })
})
