import { assert, it } from "@effect/vitest"
import { Effect, Exit, Redacted } from "effect"
import { PasswordPolicy } from "../../src/passwords/PasswordPolicy.ts"

const checkOf = (minLength: number, maxLength: number) =>
  PasswordPolicy.use(({ checkLength }) => Effect.succeed(checkLength)).pipe(
    Effect.provide(PasswordPolicy.layer({ minLength, maxLength }))
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
    const reasons = (text: string) => Effect.map(Effect.flip(check(Redacted.make(text))), (error) => error.reasons)
    assert.deepStrictEqual(yield* reasons("short"), ["The password must have at least 15 characters."])
    assert.deepStrictEqual(yield* reasons("x".repeat(65)), ["The password may have at most 64 characters."])
  })
)
