import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import * as fc from "fast-check"
import { argon2id, djangoArgon2id } from "../../src/passwords/argon2.ts"
import { bcrypt } from "../../src/passwords/bcrypt.ts"
import { formatOf } from "../../src/passwords/formats.ts"
import type { HashWriter } from "../../src/passwords/HashFormat.ts"
import { djangoPbkdf2 } from "../../src/passwords/pbkdf2.ts"
import { betterAuthScrypt } from "../../src/passwords/scrypt.ts"
import { cheapCost } from "./doubles.ts"
import { cut, devise, ligature, vectors } from "./vectors.ts"

const none = Option.none()
const password = (text: string) => Redacted.make(text)

/** Whether a password fits a hash, which has to be of a known format. */
const fits = (text: string, hash: string, pepper: Option.Option<Redacted.Redacted> = none) =>
  Option.getOrThrowWith(formatOf(hash), () => new Error(`of no known format: ${hash}`)).verify(password(text), pepper)

const shortened = (hash: string) => (hash.length > 48 ? `${hash.slice(0, 48)}...` : hash)

describe("a hash that another program made", () => {
  for (const { format, hash, password, source, variant } of vectors) {
    it.effect(`${shortened(hash)} fits its password and no other (${source})`, () =>
      Effect.gen(function* () {
        const stored = Option.getOrThrow(formatOf(hash))
        assert.strictEqual(stored.format, format)
        assert.strictEqual(stored.variant, variant)
        assert.isTrue(yield* fits(password, hash))
        for (const other of [`${password} `, password.toUpperCase(), ""]) assert.isFalse(yield* fits(other, hash))
      })
    )
  }

  it.effect("has Devise's pepper in it, where the settings say so", () =>
    Effect.gen(function* () {
      const pepper = Option.some(Redacted.make(devise.pepper))
      assert.isTrue(yield* fits(devise.password, devise.hash, pepper))
      assert.isFalse(yield* fits(devise.password, devise.hash))
      assert.isFalse(
        yield* fits(devise.password, devise.hash, Option.some(Redacted.make(`${devise.pepper.slice(1)}0`)))
      )
      // Behind the password, so that bcrypt cuts the pepper first.
      assert.isTrue(yield* fits(devise.password, devise.hash, Option.some(Redacted.make(devise.pepper.slice(0, 64)))))
    })
  )

  it.effect("is verified as its host would, which hashed 72 bytes of a longer password", () =>
    Effect.gen(function* () {
      for (const hash of cut) {
        assert.isTrue(yield* fits("é".repeat(40), hash))
        assert.isTrue(yield* fits("é".repeat(36), hash))
        assert.isFalse(yield* fits("é".repeat(35), hash))
      }
    })
  )

  it.effect("takes what was typed as its host does, and its composed form where that doesn't fit (F3)", () =>
    Effect.gen(function* () {
      const [nfc, nfd] = ["Zoë's phrase".normalize("NFC"), "Zoë's phrase".normalize("NFD")]
      for (const { writes } of writers) {
        const hash = yield* writes.hash(password(nfc), none)
        assert.isTrue(yield* fits(nfc, hash))
        assert.isTrue(yield* fits(nfd, hash))
      }
      const hashOfNfd = yield* bcrypt({ cost: 4, prefix: "2b" }).hash(password(nfd), none)
      assert.isTrue(yield* fits(nfd, hashOfNfd))
      assert.isFalse(yield* fits(nfc, hashOfNfd))
      // Ours is of NFC whatever was typed; another program's, that normalises nothing, is read too.
      const ours = yield* argon2id(cheapCost).hash(password(nfd), none)
      assert.isTrue(yield* fits(nfc, ours))
      assert.isTrue(yield* fits("ﬁne wine", ligature))
      assert.isTrue(yield* fits("fine wine", ligature))
    })
  )
})

const writers: ReadonlyArray<{ readonly name: string; readonly writes: HashWriter; readonly runs: number }> = [
  { name: "argon2id", writes: argon2id(cheapCost), runs: 200 },
  { name: "Django's argon2id", writes: djangoArgon2id(cheapCost), runs: 200 },
  { name: "bcrypt", writes: bcrypt({ cost: 4, prefix: "2y" }), runs: 200 },
  { name: "Django's PBKDF2", writes: djangoPbkdf2({ iterations: 100 }), runs: 200 },
  { name: "better-auth's scrypt", writes: betterAuthScrypt, runs: 4 }
]

/** No NUL, and no half of a surrogate pair: such passwords are refused at the edge. */
const passwords = fc
  .string({ unit: "binary", minLength: 1, maxLength: 18 })
  .filter((text) => !text.includes("\0") && text.isWellFormed())

const printable = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index))

describe("what we write", () => {
  for (const { name, runs, writes } of writers) {
    it.effect(
      `as ${name} fits its password and no other, and a change of any byte spoils it`,
      () =>
        Effect.promise(() =>
          fc.assert(
            fc.asyncProperty(
              passwords,
              passwords,
              fc.nat(),
              fc.constantFrom(...printable),
              async (typed, other, position, character) => {
                const hash = await Effect.runPromise(writes.hash(password(typed), none))
                const stored = Option.getOrThrow(formatOf(hash))
                assert.strictEqual(stored.format, writes.format)
                assert.deepStrictEqual(stored.cost, writes.cost)
                assert.isTrue(writes.isCurrent(stored))
                assert.isTrue(await Effect.runPromise(fits(typed, hash)))
                if (other.normalize("NFKC") !== typed.normalize("NFKC")) {
                  assert.isFalse(await Effect.runPromise(fits(other, hash)))
                }
                const at = position % hash.length
                const changed = hash.slice(0, at) + character + hash.slice(at + 1)
                // 2a, 2b and 2y are three names of one algorithm.
                if (changed === hash || (hash.startsWith("$2") && at === 2 && "aby".includes(character))) return
                const read = formatOf(changed)
                if (Option.isNone(read)) return
                assert.isFalse(await Effect.runPromise(read.value.verify(password(typed), none)), changed)
              }
            ),
            { numRuns: runs }
          )
        ),
      60_000
    )

    it.effect(`as ${name} has a fresh salt each time`, () =>
      Effect.gen(function* () {
        const hashes = yield* Effect.forEach([1, 2], () => writes.hash(password("a phrase"), none))
        assert.notStrictEqual(hashes[0], hashes[1])
      })
    )
  }

  it.effect("as bcrypt bears the name that its host looks for, and the pepper where there is one", () =>
    Effect.gen(function* () {
      const pepper = Option.some(Redacted.make(devise.pepper))
      for (const prefix of ["2a", "2b", "2y"] as const) {
        const hash = yield* bcrypt({ cost: 4, prefix }).hash(password("a phrase"), pepper)
        assert.match(hash, new RegExp(`^\\$${prefix}\\$04\\$[./A-Za-z0-9]{53}$`))
        assert.isTrue(yield* fits("a phrase", hash, pepper))
        assert.isFalse(yield* fits("a phrase", hash))
      }
    })
  )
})

describe("a hash that needn't be made again", () => {
  const current = (writes: HashWriter, hash: string) => writes.isCurrent(Option.getOrThrow(formatOf(hash)))
  const of = (format: string, variant?: string) =>
    vectors.find((vector) => vector.format === format && (variant === undefined || vector.variant === variant))?.hash ??
    ""

  it("is of the written format, and of a host's cost or above: a host's choice is never lowered", () => {
    assert.isTrue(current(bcrypt({ cost: 5, prefix: "2y" }), of("bcrypt", "2a")))
    assert.isTrue(current(bcrypt({ cost: 4, prefix: "2y" }), of("bcrypt", "2y")))
    assert.isFalse(current(bcrypt({ cost: 6, prefix: "2y" }), of("bcrypt", "2y")))
    assert.isTrue(current(djangoPbkdf2({ iterations: 260_000 }), of("django-pbkdf2", "sha256")))
    assert.isFalse(current(djangoPbkdf2({ iterations: 260_001 }), of("django-pbkdf2", "sha256")))
    assert.isFalse(current(djangoPbkdf2({ iterations: 1 }), of("django-pbkdf2", "sha1")))
    assert.isTrue(current(betterAuthScrypt, of("better-auth-scrypt")))
    assert.isTrue(current(djangoArgon2id({ memoryKib: 102_400, iterations: 2, parallelism: 8 }), of("django-argon2")))
  })

  it("is, where it is argon2id, of exactly the written cost", () => {
    const cost = { memoryKib: 256, iterations: 2, parallelism: 2 }
    assert.isTrue(current(argon2id(cost), of("argon2", "argon2id")))
    assert.isFalse(current(argon2id({ ...cost, memoryKib: 128 }), of("argon2", "argon2id")))
    assert.isFalse(current(argon2id(cost), of("argon2", "argon2id, version 16")))
    assert.isFalse(current(argon2id(cost), of("argon2", "argon2i")))
  })

  it("is of no other format than the written one", () => {
    for (const { writes } of writers) {
      for (const { format, hash } of vectors) {
        if (format !== writes.format) assert.isFalse(current(writes, hash), hash)
      }
    }
  })
})

describe("no known format", () => {
  const refused = (hashes: Readonly<Record<string, string>>) => {
    for (const [why, hash] of Object.entries(hashes)) {
      it(`is a hash with ${why}`, () => {
        assert.isTrue(Option.isNone(formatOf(hash)), hash)
      })
    }
  }

  const salt = "c29tZXNhbHRzb21lc2FsdA"
  const key = "JXXOn4e+JiDG8U9LYhOIM4HmaMIUjMoSFuEq28EpMNs"
  const argon2 = (cost: string) => `$argon2id$v=19$${cost}$${salt}$${key}`

  describe("argon2 (F4)", () => {
    refused({
      "4 GiB": argon2("m=4194304,t=2,p=1"),
      "one KiB too many": argon2("m=262145,t=2,p=1"),
      "a billion passes": argon2("m=256,t=1000000000,p=1"),
      "a pass too many": argon2("m=256,t=17,p=1"),
      "a lane too many": argon2("m=256,t=1,p=17"),
      "no pass": argon2("m=256,t=0,p=1"),
      "less memory than its lanes need": argon2("m=8,t=1,p=2"),
      "zeros before a number": argon2("m=0256,t=2,p=1"),
      "a sign before a number": argon2("m=+256,t=2,p=1"),
      "a number with an exponent": argon2("m=1e3,t=2,p=1"),
      "parameters in another order": argon2("t=2,m=256,p=1"),
      "a key id": argon2("m=256,t=2,p=1,keyid=abc"),
      "a version that there isn't": argon2("m=256,t=2,p=1").replace("v=19", "v=20"),
      "a type that there isn't": argon2("m=256,t=2,p=1").replace("argon2id", "argon2x"),
      "a salt of a byte": `$argon2id$v=19$m=256,t=2,p=1$YQ$${key}`,
      "a key of eight bytes": `$argon2id$v=19$m=256,t=2,p=1$${salt}$AAAAAAAAAAA`,
      "a key of 4 kB": `$argon2id$v=19$m=256,t=2,p=1$${salt}$${"A".repeat(5500)}`,
      "padded Base64": `$argon2id$v=19$m=256,t=2,p=1$${salt}==$${key}=`,
      "Base64 for URLs": `$argon2id$v=19$m=256,t=2,p=1$${salt}$${key.replace("+", "-")}`,
      "bits in its Base64 that mean nothing": `$argon2id$v=19$m=256,t=2,p=1$${salt}$${key.slice(0, -1)}t`,
      "a line break behind it": `${argon2("m=256,t=2,p=1")}\n`
    })
  })

  describe("bcrypt (F4)", () => {
    const rest = "lLsozpD/Khs71MULpIvD2.4whU0LWST1Gy3Ir1eLwrTrYFR1NIl8q"
    refused({
      "a cost of 31": `$2b$31$${rest}`,
      "a cost of 16": `$2b$16$${rest}`,
      "a cost of 3": `$2b$03$${rest}`,
      "a cost of one digit": `$2b$5$${rest}`,
      "the variant that is a fault": `$2x$05$${rest}`,
      "the variant before all others": `$2$05$${rest}`,
      "a character too few": `$2b$05$${rest.slice(1)}`,
      "a character too many": `$2b$05$${rest}q`,
      "a character that isn't in its Base64": `$2b$05$${rest.replace("/", "+")}`,
      "bits at the end of its key that mean nothing": `$2b$05$${rest.slice(0, -1)}r`,
      "bits at the end of its salt that mean nothing": `$2b$05$${rest.replace("D2.", "D2/")}`
    })
  })

  describe("PBKDF2 (F4)", () => {
    const django = "JgZryXe2Ga8ysg6XbzkLpTdyPQrHqsinbL9BnnhgX4A="
    const passlib = "8PHy8/T19vf4.fr7/P3./w$NLCxhEx13MijqfW7prAglClHI.JU.g8ztpZ9vKGmT6s"
    refused({
      "a billion rounds": `pbkdf2_sha256$999999999$seasalt$${django}`,
      "ten billion rounds": `pbkdf2_sha256$10000000000$seasalt$${django}`,
      "a round too many": `pbkdf2_sha256$10000001$seasalt$${django}`,
      "no round": `pbkdf2_sha256$0$seasalt$${django}`,
      "a digest that Django hasn't": `pbkdf2_sha512$1000$seasalt$${django}`,
      "a key that isn't its digest's length": `pbkdf2_sha1$1000$seasalt$${django}`,
      "no salt": `pbkdf2_sha256$1000$$${django}`,
      "a salt of 257 bytes": `pbkdf2_sha256$1000$${"s".repeat(257)}$${django}`,
      "no padding where Django pads": `pbkdf2_sha256$1000$seasalt$${django.slice(0, -1)}`,
      "a billion rounds, by Passlib": `$pbkdf2-sha256$999999999$${passlib}`,
      "the signs of two Base64s": `$pbkdf2-sha256$1000$${passlib.replace("I.", "I+")}`,
      "Passlib's Base64 in a PHC string": `$pbkdf2-sha256$i=1000$${passlib}`,
      "another length than it says": `$pbkdf2-sha256$i=1000,l=64$${passlib.replaceAll(".", "+")}`,
      "a key so long that its rounds are too many": `$pbkdf2-sha256$6000000$${passlib.split("$")[0]}$${"A".repeat(86)}`,
      "an unknown digest": `$pbkdf2-md5$1000$${passlib}`
    })
  })

  describe("scrypt (F4)", () => {
    const passlib = "WKs1xljLudd6z9kbY0wpJQ$yCR4iDZYDKv+iEJj6yHY0lv/epnfB6f/w1EbXrsJOuQ"
    const django = "Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw=="
    const firebase = (parameters: string) =>
      `$fbscrypt$v=1,${parameters},ss=Bw==,sk=ou9tdYTGyYm8kuR6Dt0Bp0kDuAYoXrK16mbZO4yGwAn3oLspjnN0/c41v8xZnO1n14J3MjKj1b2g6AUCAlFwMw==$C0sHCg9ek77hsg==$zKVTMvnWVw5BBOZNUdnsalx4c4c7y/w7IS5p6Ut2+CfEFFlz37J9huyQfov4iizN8dbjvEJlM5tQaJP84+hfTw==`
    const betterAuth = vectors.find(({ format }) => format === "better-auth-scrypt")?.hash ?? ""
    refused({
      "4 GiB": `$scrypt$ln=22,r=8,p=1$${passlib}`,
      "512 MiB": `$scrypt$ln=19,r=8,p=1$${passlib}`,
      "a logarithm past all numbers": `$scrypt$ln=99999,r=8,p=1$${passlib}`,
      "blocks of 2 GiB": `$scrypt$ln=1,r=8388608,p=1$${passlib}`,
      "a billion repetitions": `$scrypt$ln=8,r=8,p=999999999$${passlib}`,
      "no repetition": `$scrypt$ln=8,r=8,p=0$${passlib}`,
      "one block": `$scrypt$ln=0,r=8,p=1$${passlib}`,
      "more blocks than their size allows": `$scrypt$ln=16,r=1,p=1$${passlib}`,
      "4 GiB, by Django": `scrypt$4194304$seasalt$8$1$${django}`,
      "a number of blocks that is no power of two": `scrypt$16383$seasalt$8$1$${django}`,
      "another order, by Django": `scrypt$seasalt$16384$8$1$${django}`,
      "4 GiB, by Firebase": firebase("n=22,r=8,p=1"),
      "no rounds, by Firebase": firebase("n=14,r=0,p=1"),
      "another version, by Firebase": firebase("n=14,r=8,p=1").replace("v=1", "v=2"),
      "a signer key that isn't Base64": firebase("n=14,r=8,p=1").replace("sk=ou9t", "sk=!!!"),
      "a key that isn't as long as the signer key": firebase("n=14,r=8,p=1").replace("4+hfTw==", "4+hf"),
      "capitals, by better-auth": betterAuth.toUpperCase(),
      "a digit too few, by better-auth": betterAuth.slice(0, -1),
      "a digit too many, by better-auth": `${betterAuth}0`,
      "another salt than better-auth makes": betterAuth.slice(2)
    })
  })

  describe("Keycloak's (F4)", () => {
    const keycloak = (
      credential: object,
      secret: object = { value: key.replaceAll("-", "+").concat("="), salt: `${salt}==` }
    ) => JSON.stringify({ secretData: JSON.stringify(secret), credentialData: JSON.stringify(credential) })
    const argon2 = { type: ["id"], version: ["1.3"], memory: ["7168"], parallelism: ["1"] }
    it("is not what the others are a fault of", () => {
      assert.isTrue(Option.isSome(formatOf(keycloak({ hashIterations: 1, algorithm: "pbkdf2-sha256" }))))
      const credential = { hashIterations: 5, algorithm: "argon2", additionalParameters: argon2 }
      assert.isTrue(Option.isSome(formatOf(keycloak(credential))))
    })
    refused({
      "a billion rounds": keycloak({ hashIterations: 1_000_000_000, algorithm: "pbkdf2-sha256" }),
      "half a round": keycloak({ hashIterations: 0.5, algorithm: "pbkdf2-sha256" }),
      "less than no round": keycloak({ hashIterations: -1, algorithm: "pbkdf2-sha256" }),
      "rounds in a text": keycloak({ hashIterations: "27500", algorithm: "pbkdf2-sha256" }),
      "an unknown algorithm": keycloak({ hashIterations: 1, algorithm: "bcrypt" }),
      "no salt": keycloak({ hashIterations: 1, algorithm: "pbkdf2-sha256" }, { value: key }),
      "4 GiB": keycloak({
        hashIterations: 5,
        algorithm: "argon2",
        additionalParameters: { ...argon2, memory: ["4194304"] }
      }),
      "a billion passes": keycloak({
        hashIterations: 1_000_000_000,
        algorithm: "argon2",
        additionalParameters: argon2
      }),
      "no memory": keycloak({ hashIterations: 5, algorithm: "argon2" }),
      "another type of credential": JSON.stringify({
        ...JSON.parse(keycloak({ hashIterations: 1, algorithm: "pbkdf2-sha256" })),
        type: "otp"
      }),
      "no JSON": `{${keycloak({ hashIterations: 1, algorithm: "pbkdf2-sha256" })}`
    })
  })

  describe("none of them", () => {
    refused({
      "nothing in it": "",
      "an unusable password, by Django": "!sGwDyCsXjoSk0U4TRZvJZFf7KvN8xjnGfrZqTq5J",
      "the MD5 of a password": createHash("md5").update("password").digest("hex"),
      "a name alone": "$argon2id$",
      "two thousand characters and more": `pbkdf2_sha256$1000$seasalt$${"A".repeat(2048)}=`,
      "the password itself": "correct horse battery staple"
    })
  })

  it("is whatever text of any length, and no text breaks what reads it", () =>
    fc.assert(
      fc.property(
        fc.constantFrom("", "$argon2id$", "$2b$", "pbkdf2_sha256$", "$scrypt$", "$fbscrypt$v=1,", "scrypt$", "{"),
        fc.string({ maxLength: 200 }),
        (start, rest) => Option.isNone(formatOf(start + rest))
      ),
      { numRuns: 2000 }
    ))
})
