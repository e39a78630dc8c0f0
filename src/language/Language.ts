import { Context, Schema } from "effect"

/** The languages that people are spoken to in, each by its primary subtag (RFC 5646, 2.2.1). */
export const languages = ["en", "de", "fr", "es", "pt", "it", "ar", "ja"] as const

export const Language = Schema.Literals(languages)
export type Language = typeof Language.Type

const isLanguage = Schema.is(Language)

/** What is spoken where nobody said what they understand. */
export const fallback: Language = "en"

/** The language that whoever asks is answered in. */
export const CurrentLanguage = Context.Reference<Language>("rekey/language/CurrentLanguage", {
  defaultValue: () => fallback
})

/** The language that whoever asks said they understand; null where they said nothing, or nothing that we speak. */
export const UnderstoodLanguage = Context.Reference<Language | null>("rekey/language/UnderstoodLanguage", {
  defaultValue: () => null
})

/** A language as it is stored: none, or one that only a newer version speaks, is the fallback. */
export const storedLanguage = (code: string | null): Language => (isLanguage(code) ? code : fallback)

/** The direction in which a language is written, as HTML's `dir` has it. */
export const directionOf = (language: Language): "ltr" | "rtl" => (language === "ar" ? "rtl" : "ltr")

/**
 * The regional form that dates and numbers are written in, where the bare language would mean a region that fewer of its readers
 * expect: a day before its month and 24 hours in English.
 */
const locales: Partial<Record<Language, string>> = { en: "en-GB" }

/** What `Intl` is to be asked for. */
export const localeOf = (language: Language): string => locales[language] ?? language

/** A range and its weight (RFC 9110, 12.5.4): `de-AT;q=0.8`, `*`. */
const weightedRange = /^(\*|[a-z]{1,8}(?:-[a-z\d]{1,8})*)(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/i

/** More than any browser sends; what comes after them isn't looked at. */
const mostRanges = 20

const preferred = (header: string): Language | null => {
  const ranges = header
    .split(",", mostRanges)
    .flatMap((part) => {
      const [, range, weight = "1"] = weightedRange.exec(part.trim()) ?? []
      return range === undefined ? [] : [{ range: range.toLowerCase(), weight: Number(weight) }]
    })
    .sort((one, other) => other.weight - one.weight)
  const refused = new Set(ranges.filter(({ weight }) => weight === 0).map(({ range }) => range))
  for (const { range, weight } of ranges) {
    if (weight === 0) break
    // A reader of `pt-BR` reads `pt` (RFC 4647, 3.4).
    const [primary] = range.split("-")
    const found = range === "*" ? languages.find((language) => !refused.has(language)) : primary
    if (isLanguage(found) && !refused.has(found)) return found
  }
  return null
}

/** Browsers send few different headers. Others could send any number, so what is kept is bounded. */
const known = new Map<string, Language | null>()
const mostKnown = 500
const longestKnown = 200

/** The language of ours that the reader of an `Accept-Language` likes best (RFC 9110, 12.5.4); null where it names none. */
export const understood = (acceptLanguage: string | undefined): Language | null => {
  if (acceptLanguage === undefined || acceptLanguage === "") return null
  const found = known.get(acceptLanguage)
  if (found !== undefined) return found
  const language = preferred(acceptLanguage)
  if (acceptLanguage.length <= longestKnown) {
    if (known.size >= mostKnown) known.clear()
    known.set(acceptLanguage, language)
  }
  return language
}

/** The same, and English where it names none. */
export const negotiate = (acceptLanguage: string | undefined): Language => understood(acceptLanguage) ?? fallback
