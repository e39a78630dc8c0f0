import { inspect } from "node:util"
import { assert, it } from "@effect/vitest"
import { Option, Redacted, Schema } from "effect"
import fc from "fast-check"
import { normalized, Password, passwordHash, samePassword } from "../../src/domain/Password.ts"
import { ResetCode } from "../../src/domain/ResetCode.ts"
import { Text } from "../../src/domain/Text.ts"

const decode = Schema.decodeUnknownSync(Password)

it("a password is kept as it was typed, and compared in NFC (F3)", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme" }).filter((text) => Schema.is(Text)(text)),
      (text) => {
        const password = decode(text)
        assert.strictEqual(Redacted.value(password), text)
        assert.isTrue(samePassword(password, decode(text.normalize("NFD"))))
        assert.strictEqual(normalized(password), text.normalize("NFC"))
        assert.isFalse(samePassword(password, decode(`${text} `)))
        assert.isFalse(samePassword(password, decode(`x${text}`)))
      }
    ),
    { seed: 20_261_124, numRuns: 500 }
  )
})

it("a secret shows itself in no text that is made of it (D4)", () => {
  const secret = "s3cr3t-do-not-show"
  for (const value of [decode(secret), Schema.decodeUnknownSync(ResetCode)(secret), passwordHash(secret)]) {
    for (const text of [`${value}`, JSON.stringify({ value }), inspect({ value }, { depth: 9, showHidden: true })]) {
      assert.notInclude(text, secret)
    }
  }
})

it("text holds no NUL and no half of a surrogate pair, which PostgreSQL can't store", () => {
  const isText = Schema.is(Text)
  for (const good of ["", "ada", "é漢😀", "\u0001\r\n\t", "\ufeff\uffff"]) assert.isTrue(isText(good))
  for (const bad of ["\0", "a\0b", "\ud800", "\udc00\ud800", "a\ud83d"]) assert.isFalse(isText(bad))
  assert.isTrue(Option.isNone(Schema.decodeUnknownOption(ResetCode)("")))
})
