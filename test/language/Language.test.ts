import { assert, describe, it } from "@effect/vitest"
import { negotiate } from "../../src/language/Language.ts"

const cases: ReadonlyArray<readonly [header: string | undefined, language: string, why: string]> = [
  [undefined, "en", "nothing was said"],
  ["", "en", "nothing was said"],
  ["de", "de", "one range"],
  ["DE", "de", "case doesn't matter"],
  ["pt-BR", "pt", "a reader of a region's form reads the language"],
  ["zh-Hant-TW, fr-CA;q=0.7", "fr", "the first that is spoken"],
  ["en;q=0.2, ja;q=0.9, de;q=0.5", "ja", "the greatest weight"],
  ["it, es", "it", "of equal weights the first"],
  ["fr;q=0.5,ar", "ar", "no weight is 1"],
  ["sv, *", "en", "any"],
  ["*;q=0.1, de;q=0.5", "de", "any is for the rest"],
  ["en;q=0, *", "de", "any but English"],
  ["de;q=0, de;q=1, fr;q=0.1", "fr", "what is refused stays so"],
  ["*;q=0", "en", "there has to be an answer"],
  ["fil, nl, den", "en", "a longer subtag is another language"],
  ["de;q=2, fr;q=nonsense, ;;, ja;q=0.001", "ja", "what can't be read is passed over"],
  ["de ; q=0.4 , fr ; q=0.6", "fr", "white space"],
  [`${"sv,".repeat(5000)}de`, "en", "more than a browser sends isn't read to its end"]
]

describe("negotiating a language", () => {
  for (const [header, language, why] of cases) {
    it(`answers ${header === undefined ? "no header" : JSON.stringify(header.slice(0, 60))} in ${language}: ${why}`, () => {
      assert.strictEqual(negotiate(header), language)
      // What was found is kept for the next, and the same.
      assert.strictEqual(negotiate(header), language)
    })
  }

  it("finds the right one still after thousands of different headers", () => {
    for (let number = 0; number < 5000; number++) negotiate(`x${number}`)
    assert.strictEqual(negotiate("x1, de;q=0.3"), "de")
    assert.strictEqual(negotiate("pt-BR"), "pt")
  })
})
