import { assert, it } from "@effect/vitest"
import { Option, Schema } from "effect"
import fc from "fast-check"
import { Email, emailKey } from "../../src/domain/Email.ts"

const decode = Schema.decodeUnknownOption(Email)
const keyOf = (address: string): string | undefined =>
  Option.getOrUndefined(Option.map(decode(address), (email) => String(emailKey(email))))

/** The same run each time. */
const holds = <A>(arbitrary: fc.Arbitrary<A>, property: (value: A) => void) =>
  fc.assert(fc.property(arbitrary, property), { seed: 20_261_124, numRuns: 400 })

const letters = (of: string, lengths: fc.StringConstraints) => fc.string({ unit: fc.constantFrom(...of), ...lengths })

const alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
const local = letters(`${alphanumeric}!#$%&'*+/=?^_\`{|}~.-`, { minLength: 1, maxLength: 64 })
const label = letters(alphanumeric.slice(0, 52), { minLength: 1, maxLength: 20 })
const domain = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."))
const address = fc.tuple(local, domain).map(([local, domain]) => `${local}@${domain}`)
/** Any spelling of an address in capitals and small letters. */
const recased = (text: string) =>
  fc
    .array(fc.boolean(), { minLength: text.length, maxLength: text.length })
    .map((upper) =>
      [...text].map((letter, index) => (upper[index] ? letter.toUpperCase() : letter.toLowerCase())).join("")
    )

it("all spellings of one mailbox have one key (E2)", () => {
  holds(
    address.chain((one) => fc.tuple(fc.constant(one), recased(one), fc.constantFrom("", " ", "\t", "\r\n", "\u00a0"))),
    ([one, other, space]) => {
      assert.strictEqual(keyOf(`${space}${other}${space}`), keyOf(one))
      assert.isDefined(keyOf(one))
    }
  )
})

it("two mailboxes have two keys, which are addresses themselves", () => {
  holds(fc.tuple(address, address), ([one, other]) => {
    assert.strictEqual(keyOf(one) === keyOf(other), one.toLowerCase() === other.toLowerCase())
    assert.strictEqual(keyOf(keyOf(one) ?? ""), keyOf(one))
    assert.strictEqual(keyOf(one), one.toLowerCase())
  })
})

it("whatever is taken is one address of printable ASCII before its @, and one line (A3)", () => {
  const anything = fc.oneof(
    fc.string({ unit: "binary", maxLength: 60 }),
    fc.tuple(fc.string({ unit: "grapheme" }), domain).map(([local, domain]) => `${local}@${domain}`),
    fc.tuple(local, fc.string({ unit: "grapheme" })).map(([local, domain]) => `${local}@${domain}`),
    fc
      .tuple(address, fc.constantFrom("\r\n", "\n", ",", ";", " ", "<", ">", "\0", "\u2028", "(", '"', ":"), address)
      .map((parts) => parts.join(""))
  )
  let taken = 0
  holds(anything, (text) => {
    const email = Option.getOrUndefined(decode(text))
    if (email === undefined) return
    taken++
    assert.match(email, /^[!-?A-~]+@[^@\s,;<>()":[\]\\\p{Cc}]+$/u)
    assert.match(emailKey(email), /^[!-?^-~]+@[a-z0-9.-]+$/)
    assert.strictEqual(email, text.trim())
  })
  assert.isAbove(taken, 10)
})

it("an attacker's twin of an address has another key or none (A4, CVE-2019-19844)", () => {
  for (const [twin, expected] of [
    ["m\u0131ke@example.org", undefined], // dotless i
    ["mi\u212ae@example.org", undefined], // Kelvin sign
    ["\uff4dike@example.org", undefined], // full width m
    ["mike\u200b@example.org", undefined], // zero width space
    ["m\u0456ke@example.org", undefined], // Cyrillic i
    ["mike@ex\u0430mple.org", "mike@xn--exmple-4nf.org"], // Cyrillic a
    ["mike@\u0435xample.org", "mike@xn--xample-2of.org"] // Cyrillic e
  ] as const) {
    assert.strictEqual(keyOf(twin), expected)
    assert.notStrictEqual(keyOf(twin), keyOf("mike@example.org"))
  }
})

it("a domain is compared in its IDNA form, and mail goes to it as it was written", () => {
  const written = Schema.decodeUnknownSync(Email)(" Ada@B\u00fccher.Example ")
  assert.strictEqual(String(written), "Ada@B\u00fccher.Example")
  for (const spelling of [
    "ada@b\u00fccher.example",
    "ADA@BU\u0308CHER.example",
    "ada@xn--bcher-kva.example",
    "ada@b\u00fccher\u3002example"
  ]) {
    assert.strictEqual(keyOf(spelling), String(emailKey(written)))
  }
})

it("what a URL parser would give another meaning is refused", () => {
  for (const domain of [
    ...["127.0.0.1", "127.1", "0x7f.1", "2130706433", "0x7f000001", "[::1]", "example.com:25", "user@example.com"],
    ...["example.com/path", "example.com?query", "example.com#hash", "exa%6dple.com", "exa mple.com", "exa\tmple.com"],
    ...["-example.com", "example-.com", "example..com", ".example.com", "example.com.", "", "a".repeat(64)]
  ]) {
    assert.isUndefined(keyOf(`ada@${domain}`), domain)
  }
})

it("an address has at most 254 characters, 64 of them before its @", () => {
  const domainOf = (length: number) => `${"a.".repeat(100)}${"b".repeat(50)}`.slice(-length)
  assert.isDefined(keyOf(`${"a".repeat(64)}@example.com`))
  assert.isUndefined(keyOf(`${"a".repeat(65)}@example.com`))
  assert.isDefined(keyOf(`abc@${domainOf(250)}`))
  assert.isUndefined(keyOf(`abcd@${domainOf(250)}`))
})
