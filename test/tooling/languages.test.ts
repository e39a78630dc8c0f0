import { assert, describe, it } from "@effect/vitest"
import { languages } from "../../src/language/Language.ts"
import { complaints, complaintsAbout, moduleOf } from "../../tools/languages.ts"

const english = {
  hello: "Hello {name}, see you on {day, date, long}.",
  count: "{count, plural, one {# code} other {# codes}}",
  place: "{where, select, home {at home} other {away}}",
  plain: "It is done."
}

/** What is wrong with these messages, without the names of the file and the message. */
const wrong = (language: "de" | "ar" | "ja" | "fr", changes: Record<string, string | undefined>) => {
  const { count, ...others } = english
  const forms = { de: "one {#} other {#}", fr: "one {#} many {#} other {#}", ja: "other {#}", ar: "other {#}" }
  const texts = { ...others, count: `{count, plural, ${forms[language]}}`, ...changes }
  const given = Object.fromEntries(
    Object.entries(texts).flatMap(([name, text]) => (text === undefined ? [] : [[name, text]]))
  )
  return complaintsAbout(language, given, english).map((line) => line.replace(/^languages\/\w+\.json: /, ""))
}

describe("the files of translators", () => {
  it("say everything in every language, in each of its plural forms", () => {
    assert.deepStrictEqual(complaints(), [])
    assert.lengthOf(languages, 8)
  })
})

describe("the check of translations", () => {
  it("is content with what is whole, whatever the order of words and forms", () => {
    assert.deepStrictEqual(wrong("de", { hello: "Am {day, date, short} sehen wir uns, {name}." }), [])
    assert.deepStrictEqual(wrong("fr", { count: "{count, plural, =0 {rien} other {#} many {#} one {#}}" }), [])
    assert.deepStrictEqual(wrong("ja", {}), [])
  })

  it("complains of a message too few and one too many", () => {
    assert.deepStrictEqual(wrong("de", { plain: undefined, more: "Mehr" }), [
      "plain is missing",
      "more isn't in languages/en.json"
    ])
  })

  it("complains of values that are missing, new, or used otherwise", () => {
    assert.deepStrictEqual(wrong("de", { hello: "Hallo {nmae}, am {day, date}." }), [
      "hello takes {nmae}, which the English message doesn't have",
      "hello lacks {name}"
    ])
    assert.deepStrictEqual(wrong("de", { count: "{count, number} Codes" }), [
      "count uses {count} as number, the English message as plural"
    ])
    assert.deepStrictEqual(wrong("de", { place: "{where, select, heim {daheim} other {fort}}" }), [
      "place the options of {where} should be home, other"
    ])
  })

  it("complains of plural forms that the language lacks or has", () => {
    assert.deepStrictEqual(wrong("ar", {}), ["count the plural of {count} lacks few, many, one, two, zero"])
    assert.deepStrictEqual(wrong("ja", { count: "{count, plural, one {#} other {#}}" }), [
      "count the plural of {count} has one, which the language doesn't"
    ])
  })

  it("complains of what can't be read, of markup, and of signs that nobody sees", () => {
    assert.match(wrong("de", { plain: "{offen" })[0] ?? "", /^plain can't be read: /)
    assert.deepStrictEqual(wrong("de", { plain: "<b>Fertig</b>" }), ["plain has markup"])
    assert.deepStrictEqual(wrong("de", { plain: "Fertig\u202e" }), ["plain has a control character"])
    assert.deepStrictEqual(wrong("de", { plain: "" }), ["plain is empty, or has white space around it"])
    assert.deepStrictEqual(wrong("de", { plain: "Fu\u0308r" }), ["plain isn't in Unicode's form NFC"])
  })

  it("complains of signs that are against the manner of a language", () => {
    assert.deepStrictEqual(wrong("fr", { plain: "C’est fait\u00a0: merci\u00a0!" }), [])
    for (const plain of ["C’est fait : merci", "Fini ?", "« Fini »"]) {
      assert.deepStrictEqual(wrong("fr", { plain }), ["plain has a plain space where a no-break space belongs"])
    }
    assert.deepStrictEqual(wrong("fr", { plain: "C'est fait" }), ["plain has a straight apostrophe"])
    assert.deepStrictEqual(wrong("de", { plain: "Fertig ?" }), [])
  })

  it("makes types of what the English messages take", () => {
    const made = moduleOf(english)
    assert.include(made, `readonly "hello": { readonly name: string; readonly day: Date }`)
    assert.include(made, `readonly "count": { readonly count: number }`)
    assert.include(made, `readonly "place": { readonly where: "home" | "other" }`)
    assert.notInclude(made, `readonly "plain"`)
  })
})
