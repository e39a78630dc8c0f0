import { assert, describe, it } from "@effect/vitest"
import { Option } from "effect"
import fc from "fast-check"
import { addressToKeep } from "../../src/domain/ClientAddress.ts"

describe("what is kept of a client's address", () => {
  it.each([
    ["192.0.2.7", "192.0.2.7", "192.0.2.0/24"],
    ["10.0.0.255", "10.0.0.255", "10.0.0.0/24"],
    ["0.0.0.0", "0.0.0.0", "0.0.0.0/24"],
    ["::ffff:192.0.2.7", "192.0.2.7", "192.0.2.0/24"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"],
    ["2001:0DB8:0001::6", "2001:db8:1::6", "2001:db8:1::/48"],
    ["2001:db8::6", "2001:db8::6", "2001:db8::/48"],
    ["1::", "1::", "1::/48"],
    ["::1", "::1", "::/48"],
    ["fe80::1%eth0", "fe80::1", "fe80::/48"],
    ["64:ff9b::192.0.2.7", "64:ff9b::c000:207", "64:ff9b::/48"]
  ])("of %s is %s as a whole, %s truncated, and nothing where none is", (address, whole, truncated) => {
    assert.deepStrictEqual(addressToKeep("whole", address), Option.some(whole))
    assert.deepStrictEqual(addressToKeep("truncated", address), Option.some(truncated))
    assert.deepStrictEqual(addressToKeep("none", address), Option.none())
  })

  it.each([
    "",
    "unknown",
    "192.0.2",
    "192.0.2.7.",
    "192.0.2.256",
    "192.0.2.7:80",
    "[::1]",
    "::1::",
    "1:2:3",
    "evil.example",
    "<b>",
    "::1\r\nBcc: eve@example.com",
    "::1]/@evil.example"
  ])("is never what is no address (%j)", (text) => {
    for (const kept of ["whole", "truncated", "none"] as const) {
      assert.deepStrictEqual(addressToKeep(kept, text), Option.none())
    }
  })

  it("is the same for all of a network, and tells nothing else", () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.nat(255), (address, last) => {
        const neighbour = `${address.slice(0, address.lastIndexOf("."))}.${last}`
        assert.deepStrictEqual(addressToKeep("truncated", address), addressToKeep("truncated", neighbour))
      })
    )
    fc.assert(
      fc.property(fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 }), fc.nat(0xffff), (groups, last) => {
        const written = (parts: ReadonlyArray<number>) => parts.map((part) => part.toString(16)).join(":")
        const neighbour = [...groups.slice(0, 3), last, last, last, last, last]
        const kept = addressToKeep("truncated", written(groups))
        assert.isTrue(Option.isSome(kept))
        assert.deepStrictEqual(kept, addressToKeep("truncated", written(neighbour)))
      })
    )
  })
})
