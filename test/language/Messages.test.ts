import { assert, describe, it } from "@effect/vitest"
import { deviceOf } from "../../src/domain/Device.ts"
import { deviceIn } from "../../src/language/Device.ts"
import { english } from "../../src/language/english.ts"
import { type Language, languages } from "../../src/language/Language.ts"
import { type PlainKey, say } from "../../src/language/Messages.ts"
import { durationIn, timeIn } from "../../src/language/Time.ts"

/** Without the invisible signs that keep a value's direction. */
const bare = (text: string) => text.replace(/[\u2068\u2069]/g, "")

const inEach = (spoken: (language: Language) => string) =>
  Object.fromEntries(languages.map((language) => [language, bare(spoken(language)).replace(/[\u00a0\u202f]/g, " ")]))

describe("a message", () => {
  it("counts as each language does", () => {
    const characters = (least: number) => bare(say("ar", "policy.tooShort", { least }))
    assert.deepStrictEqual(
      [1, 2, 8, 15, 100].map((least) => characters(least).replace(/^.* عن /, "")),
      ["حرف واحد.", "حرفين.", "8 أحرف.", "15 حرفًا.", "100 حرف."]
    )
    assert.strictEqual(say("en", "policy.tooShort", { least: 1 }), "The password must have at least 1 character.")
    assert.strictEqual(say("fr", "policy.tooLong", { most: 256 }).replace(/^.* maximum /, ""), "256 caractères.")
    assert.strictEqual(say("ja", "policy.tooLong", { most: 4096 }), "パスワードは4,096文字以内で入力してください。")
  })

  it("is a sentence of its own in each language", () => {
    const plain = Object.entries(english).filter(([, text]) => !text.includes("{") && text.endsWith("."))
    assert.isAbove(plain.length, 30)
    for (const [key] of plain) {
      const said = languages.map((language) => say(language, key as PlainKey))
      assert.strictEqual(new Set(said).size, languages.length, key)
    }
  })

  it("keeps a name's own direction amid Arabic, and adds nothing to it elsewhere", () => {
    assert.include(say("ar", "mail.reset.subject", { app: "C++ (beta)" }), "\u2068C++ (beta)\u2069")
    assert.strictEqual(say("de", "mail.confirm.subject", { app: "{x}" }), "Adresse für {x} bestätigen")
  })
})

describe("durations and times", () => {
  it("are those of each language", () => {
    assert.deepStrictEqual(
      inEach((language) => durationIn(language, 5_400_000)),
      {
        en: "1 hour and 30 minutes",
        de: "1 Stunde und 30 Minuten",
        fr: "1 heure et 30 minutes",
        es: "1 hora y 30 minutos",
        pt: "1 hora e 30 minutos",
        it: "1 ora e 30 minuti",
        ar: "ساعة و30 دقيقة",
        ja: "1時間30分"
      }
    )
    assert.strictEqual(bare(durationIn("ar", 7_200_000)), "ساعتان")
    const at = new Date("2026-11-24T13:05:59Z")
    assert.deepStrictEqual(
      inEach((language) => timeIn(language, at)),
      {
        en: "24 November 2026 at 13:05 UTC",
        de: "24. November 2026 um 13:05 UTC",
        fr: "24 novembre 2026 à 13:05 UTC",
        es: "24 de noviembre de 2026 a las 13:05 UTC",
        pt: "24 de novembro de 2026 às 13:05 UTC",
        it: "24 novembre 2026 alle ore 13:05 UTC",
        ar: "24 نوفمبر 2026 في 1:05 م UTC",
        ja: "2026年11月24日 13:05 UTC"
      }
    )
  })
})

describe("a device", () => {
  it("is told in the reader's language, by the words that are kept of it", () => {
    const phone = deviceOf("Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Mobile Safari/604.1")
    assert.deepStrictEqual(
      inEach((language) => deviceIn(language, phone)),
      {
        en: "Safari on an iPhone",
        de: "Safari auf einem iPhone",
        fr: "Safari sur un iPhone",
        es: "Safari en un iPhone",
        pt: "Safari em um iPhone",
        it: "Safari su un iPhone",
        ar: "Safari على جهاز iPhone",
        ja: "iPhoneのSafari"
      }
    )
    assert.strictEqual(deviceIn("de", deviceOf("Firefox/1 (Windows)")), "Firefox unter Windows")
    assert.strictEqual(deviceIn("de", deviceOf("Firefox/1")), "Firefox")
    assert.strictEqual(deviceIn("fr", deviceOf("app (Linux)")), "Programme inconnu sous Linux")
    assert.strictEqual(deviceIn("es", deviceOf("curl/8")), "Dispositivo desconocido")
    assert.strictEqual(deviceIn("en", deviceOf("app (Macintosh)")), "Unknown program on a Mac")
    assert.strictEqual(deviceIn("en", ""), "Unknown device")
  })
})
