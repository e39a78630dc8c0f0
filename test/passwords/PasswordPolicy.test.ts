import { assert, it, layer } from "@effect/vitest"
import { Effect, Exit, Layer, Option, Redacted } from "effect"
import * as fc from "fast-check"
import { BreachCheck } from "../../src/passwords/BreachCheck.ts"
import { isListed, readCommonPasswords } from "../../src/passwords/CommonPasswords.ts"
import { PasswordPolicy } from "../../src/passwords/PasswordPolicy.ts"

const ada = { username: "Countess", email: "ada.lovelace@analytical-engine.example" }
const limits = { minLength: 8, maxLength: 256, maxBytes: Option.none(), appName: "Rekey" }
const Policy = PasswordPolicy.layer(limits).pipe(Layer.provide(BreachCheck.layerOff))

/** What the policy has against a password, by name. */
const faults = Effect.fnUntraced(function* (password: string, owner = ada) {
  const { checkFor } = yield* PasswordPolicy
  return yield* checkFor(owner, Redacted.make(password)).pipe(
    Effect.match({
      onFailure: (error) =>
        error._tag === "PasswordRejected" ? error.faults.map((fault) => fault._tag) : [error._tag],
      onSuccess: () => []
    })
  )
})

/** Asserts exactly these faults, in this order. */
const assertFaults = Effect.fnUntraced(function* (password: string, expected: ReadonlyArray<string>, owner = ada) {
  assert.deepStrictEqual(yield* faults(password, owner), expected, password)
})

layer(Policy)("the password policy", (it) => {
  it.effect("counts code points of the NFC form, and nothing else of what a password is composed of", () =>
    Effect.gen(function* () {
      for (const password of [
        "zzqqzzqq",
        "    zqzq",
        "🐈🐕🐈🐕🐈🐕🐈🐕",
        "пароль-пароль",
        "ё".normalize("NFD").repeat(8),
        "é".repeat(256)
      ]) {
        yield* assertFaults(password, [])
      }
      for (const password of ["", "zzqqzzq", "🐈🐕🐈🐕", "ё".normalize("NFD").repeat(7)])
        yield* assertFaults(password, ["TooShort"])
      yield* assertFaults("é".repeat(257), ["TooLong"])
    })
  )

  it.effect("takes none of the list, however it is written", () =>
    Effect.gen(function* () {
      const list = yield* readCommonPasswords
      const passwords = list.toString().trimEnd().split("\n")
      assert.isAtLeast(passwords.length, 10_000)
      for (const password of passwords) assert.isTrue(isListed(list, password), password)
      for (const password of passwords.filter(({ length }) => length >= 8).slice(0, 200)) {
        const found = yield* faults(password)
        assert.include(found, "TooCommon", password)
      }
      for (const password of [
        "password",
        "PassWord1",
        "qwertyuiop",
        "1234567890",
        "!QAZ2wsx",
        "iloveyou1",
        "TRUSTNO1"
      ]) {
        yield* assertFaults(password, ["TooCommon"])
      }
    })
  )

  it.effect("takes what the list doesn't hold", () =>
    Effect.gen(function* () {
      const list = yield* readCommonPasswords
      const passwords = new Set(list.toString().trimEnd().split("\n"))
      const near = fc
        .constantFrom(...passwords)
        .chain((password) =>
          fc.constantFrom(
            `${password}\u007f`,
            `\u0001${password}`,
            `${password}\n`,
            password.slice(1),
            `${password}${password}é`
          )
        )
      void fc.assert(
        fc.property(
          fc.oneof(near, fc.string({ unit: "binary" })),
          (text) => isListed(list, text) === passwords.has(text.toLowerCase())
        )
      )
      for (const text of ["", "\n", "password\npassword", "!", "~", "\uffff"]) {
        assert.strictEqual(isListed(list, text), passwords.has(text), JSON.stringify(text))
      }
    })
  )

  it.effect("takes no password that is little more than the account's own names", () =>
    Effect.gen(function* () {
      for (const password of [
        ...[
          "lovelace",
          "Lovelace1",
          "LOVELACE!!!!",
          "1815lovelace",
          "ada.lovelace",
          "ada-lovelace",
          "AdaLovelace1",
          "l0v3l4c3"
        ],
        ...[
          "ecalevol",
          "1ecal3v0L!",
          "lovelacelovelace",
          "lovelace-lovelace1",
          "ada.lovelace@analytical-engine.example"
        ],
        ...[
          "analytical",
          "4n@lytic4l",
          "engine12",
          "engine-analytical",
          "$countess",
          "countess",
          "C0UNT355",
          "ssetnuoC99"
        ],
        ...["rekeyrekey", "Rekey2026", "r3k3y!!!!", "yeker123", "lovelacerekey", "Lövelace", "ＬＯＶＥlovelace"]
      ]) {
        assert.strictEqual((yield* faults(password)).at(-1), "TooClose", password)
      }
    })
  )

  it.effect("takes a phrase in which such a name stands, and whatever only resembles one", () =>
    Effect.gen(function* () {
      for (const password of [
        ...[
          "lovelace likes tea",
          "my engine runs on steam",
          "the countess of nowhere",
          "rekey the front door",
          "adaadaada1"
        ],
        ...[
          "correct horse battery 1",
          "a phrase of some length",
          "a fresh long phrase 7",
          "whatever it is",
          "another phrase 99 x"
        ],
        ...["a phrase", "lovely place", "loveless!", "zzqqlove", "lace curtains"]
      ]) {
        yield* assertFaults(password, [])
      }
      const test = { username: "u123x4x567", email: "u123x4x567@example.test" }
      for (const password of ["correct horse battery 1", "the fastest test of all", "greatest ever"]) {
        yield* assertFaults(password, [], test)
      }
      yield* assertFaults("u123x4x567!", ["TooClose"], test)
      // Names of fewer than four letters turn up anywhere.
      yield* assertFaults("bob12345x", [], { username: "bob", email: "bob@ab.cd" })
    })
  )

  it.effect("knows names of other scripts", () =>
    Effect.gen(function* () {
      const owner = { username: "Жозефина", email: "j@xn--e1afmkfd.example" }
      yield* assertFaults("жозефина1", ["TooClose"], owner)
      yield* assertFaults("АНИФЕЗОЖ", ["TooClose"], owner)
      yield* assertFaults("山田太郎さん、", ["TooShort", "TooClose"], { ...owner, username: "山田太郎" })
    })
  )

  it.effect("sees through any mix of case, leetspeak, direction and a few characters around", () => {
    const leet: Readonly<Record<string, ReadonlyArray<string>>> = {
      a: ["4", "@"],
      e: ["3"],
      i: ["1"],
      l: ["1"],
      o: ["0"],
      s: ["5", "$"],
      t: ["7"]
    }
    const letter = (character: string) =>
      fc.constantFrom(character, character.toUpperCase(), ...(leet[character] ?? []))
    const word = fc
      .constantFrom("lovelace", "analytical", "countess")
      .chain((word) => fc.tuple(...[...word].map(letter)).map((letters) => letters.join("")))
    const around = fc.string({ maxLength: 4, unit: fc.constantFrom(..."0123456789!?.-_# ") })
    const variation = fc.tuple(word, around, fc.nat(4), fc.boolean()).map(([word, around, split, backwards]) => {
      const spelt = backwards ? [...word].reverse().join("") : word
      return around.slice(0, split) + spelt + around.slice(split)
    })
    return Effect.gen(function* () {
      const { checkFor } = yield* PasswordPolicy
      const refusal = (password: string) => Effect.runPromise(Effect.flip(checkFor(ada, Redacted.make(password))))
      const refused = fc.asyncProperty(variation, async (password) => {
        const error = await refusal(password)
        assert(error._tag === "PasswordRejected")
        assert.strictEqual(error.faults.at(-1)?._tag, "TooClose")
      })
      yield* Effect.promise(() => fc.assert(refused))
    })
  })

  it.effect("tells all that is against a password at once", () =>
    Effect.gen(function* () {
      yield* assertFaults("dragon", ["TooShort", "TooCommon", "TooClose"], {
        username: "dragon",
        email: "dragon@example.com"
      })
      yield* assertFaults("12345", ["TooShort", "TooCommon"])
    })
  )

  it.effect("can be checked for length alone", () =>
    Effect.gen(function* () {
      const { checkLength } = yield* PasswordPolicy
      yield* checkLength(Redacted.make("password"))
      const refused = yield* Effect.flip(checkLength(Redacted.make("x".repeat(1_000_000))))
      assert.deepStrictEqual(refused.faults, [{ _tag: "TooLong", most: 256 }])
    })
  )
})

const checkOf = (minLength: number, maxLength: number, maxBytes = Option.none<number>()) =>
  PasswordPolicy.use(({ checkLength }) => Effect.succeed(checkLength)).pipe(
    Effect.provide(PasswordPolicy.layer({ minLength, maxLength, maxBytes, appName: "Rekey" })),
    Effect.provide(BreachCheck.layerOff)
  )

it.effect("a password has 8 to 256 code points in NFC, however many bytes they take", () =>
  Effect.gen(function* () {
    const check = yield* checkOf(8, 256)
    const fits = (text: string) => Effect.map(Effect.exit(check(Redacted.make(text))), Exit.isSuccess)
    for (const one of ["x", " ", "é", "漢", "😀", "e\u0301".normalize("NFC")]) {
      assert.isFalse(yield* fits(one.repeat(7)), one)
      assert.isTrue(yield* fits(one.repeat(8)), one)
      assert.isTrue(yield* fits(one.repeat(256)), one)
      assert.isFalse(yield* fits(one.repeat(257)), one)
    }
    // Seven letters with their accents apart are fourteen code points to the wire and seven to NFC.
    assert.isFalse(yield* fits("e\u0301".repeat(7)))
    assert.isTrue(yield* fits("e\u0301".repeat(256)))
  })
)

it.effect("there are no rules of composition, and spaces count (NIST SP 800-63B-4)", () =>
  Effect.gen(function* () {
    const check = yield* checkOf(8, 256)
    for (const text of ["aaaaaaaa", "12345678", "        ", "ONLY UPPER", "ni\u00f1o ni\u00f1a"])
      yield* check(Redacted.make(text))
  })
)

it.effect("says how many characters there should be", () =>
  Effect.gen(function* () {
    const check = yield* checkOf(15, 64)
    const faults = (text: string) => Effect.map(Effect.flip(check(Redacted.make(text))), (error) => error.faults)
    assert.deepStrictEqual(yield* faults("short"), [{ _tag: "TooShort", least: 15 }])
    assert.deepStrictEqual(yield* faults("x".repeat(65)), [{ _tag: "TooLong", most: 64 }])
  })
)
