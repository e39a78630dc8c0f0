import { assert, it } from "@effect/vitest"
import { Option, Schema } from "effect"
import fc from "fast-check"
import { Email } from "../../src/domain/Email.ts"
import { Username, usernameKey } from "../../src/domain/User.ts"

const decode = Schema.decodeUnknownOption(Username)
const isTaken = (name: string) => Option.isSome(decode(name))

const holds = <A>(arbitrary: fc.Arbitrary<A>, property: (value: A) => void) =>
  fc.assert(fc.property(arbitrary, property), { seed: 20_261_124, numRuns: 400 })

it("a user name has 3 to 64 characters, of any script, spaces around it aside", () => {
  for (const one of ["x", "é", "漢", "😀"]) {
    assert.isFalse(isTaken(one.repeat(2)))
    assert.isTrue(isTaken(one.repeat(3)))
    assert.isTrue(isTaken(one.repeat(64)))
    assert.isFalse(isTaken(one.repeat(65)))
  }
  assert.strictEqual(String(Option.getOrThrow(decode("  Ada Lovelace\n"))), "Ada Lovelace")
  for (const bad of ["  ab ", "a\0b", "ab\ud800", 5, null, undefined, ["ada"]])
    assert.isTrue(Option.isNone(decode(bad)))
})

it("no user name can be taken for an address, so each identifier names one account at most", () => {
  holds(fc.string({ unit: "grapheme", maxLength: 70 }), (name) => {
    if (isTaken(name)) assert.isTrue(Option.isNone(Schema.decodeUnknownOption(Email)(name)))
  })
  assert.isFalse(isTaken("ada@example.com"))
  assert.isFalse(isTaken("a@b"))
})

it("all spellings of one user name have one key, which is the key of itself", () => {
  holds(fc.string({ unit: "grapheme", minLength: 3, maxLength: 64 }), (name) => {
    const key = usernameKey(name)
    assert.strictEqual(usernameKey(key), key)
    assert.strictEqual(usernameKey(` ${name}\t`), key)
    assert.strictEqual(usernameKey(name.normalize("NFD")), key)
    const composed = name.normalize("NFC")
    assert.strictEqual(usernameKey(composed.replace(/[a-z]/g, (letter) => letter.toUpperCase())), key)
  })
})

it("letters that only look or fold alike are two keys (A4)", () => {
  for (const [one, other] of [
    ["mike", "m\u0131ke"],
    ["ada", "\u0430da"],
    ["strasse", "stra\u00dfe"]
  ] as const) {
    assert.notStrictEqual(usernameKey(one), usernameKey(other))
  }
  // To Unicode the Kelvin sign is a K, so nobody else can have a name that differs in it alone.
  assert.strictEqual(usernameKey("mi\u212ae"), usernameKey("mike"))
})
