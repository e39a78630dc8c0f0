import { assert, describe, it } from "@effect/vitest"
import { lead, unbroken } from "../../src/http/pages/lead.ts"

/** What holds a line together, and neither takes room nor is spoken. */
const joiner = "\u2060"

describe("words that flow on a page", () => {
  it("keep e-mail on one line, however it is written", () => {
    for (const word of ["e-mail", "E-Mail", "E-Mail-Adresse", "l’e-mail"]) {
      assert.strictEqual(unbroken(`x ${word} y`), `x ${word.replace(/-(?=mail)/i, `-${joiner}`)} y`)
    }
    assert.strictEqual(unbroken("Bestätigungs-E-Mail"), `Bestätigungs-E-${joiner}Mail`)
  })

  it("are found as they are typed", () => {
    const search = new Intl.Collator("en", { usage: "search", sensitivity: "base" })
    assert.strictEqual(search.compare(unbroken("e-mail"), "e-mail"), 0)
  })

  it("are otherwise as they are", () => {
    for (const words of ["e-mule", "cafe-mail", "メール", "ada@example.com"]) assert.strictEqual(unbroken(words), words)
    assert.strictEqual(lead("a < b").markup, '<p class="lead">a &lt; b</p>\n')
  })
})
