import { Record } from "effect"
import { IntlMessageFormat } from "intl-messageformat"
import { english, type MessageValues } from "./english.ts"
import { directionOf, type Language, localeOf } from "./Language.ts"

/** The name of a message: what `languages/en.json` has. */
export type MessageKey = keyof typeof english

/** What a message takes: nothing, or its values. */
export type ValuesOf<Key extends MessageKey> = Key extends keyof MessageValues
  ? readonly [values: MessageValues[Key]]
  : readonly []

/** Messages that take nothing. */
export type PlainKey = Exclude<MessageKey, keyof MessageValues>

type Texts = Readonly<Record<MessageKey, string>>

/**
 * The texts of a language, read when somebody first speaks it: most services speak few. Not by an import, since the contract speaks
 * too, and a client that imports the contract may run where there are no files: it has English.
 */
const read = (language: Language): Texts => {
  const file = new URL(`../../languages/${language}.json`, import.meta.url)
  return JSON.parse(process.getBuiltinModule("node:fs").readFileSync(file, "utf8"))
}

const texts = new Map<Language, Texts>([["en", english]])

const textsOf = (language: Language): Texts => {
  const known = texts.get(language)
  if (known !== undefined) return known
  const fresh = read(language)
  texts.set(language, fresh)
  return fresh
}

type Element = ReturnType<IntlMessageFormat["getAst"]>[number]

const parsed = (language: Language, message: string | Array<Element>) =>
  new IntlMessageFormat(message, localeOf(language), undefined, { ignoreTag: true })

const literal = (value: string): Element => ({ type: 0, value })

/**
 * A name or an address amid words that run the other way keeps its own direction, and none of its signs goes astray: between U+2068 and
 * U+2069, which are invisible (Unicode's UAX #9, 2.4).
 */
const isolating = (elements: ReadonlyArray<Element>): Array<Element> =>
  elements.flatMap((element): Array<Element> => {
    if (element.type === 1) return [literal("\u2068"), element, literal("\u2069")]
    if (element.type !== 5 && element.type !== 6) return [element]
    return [
      { ...element, options: Record.map(element.options, (option) => ({ ...option, value: isolating(option.value) })) }
    ]
  })

/** A message that takes nothing is what it says; another one is parsed when it is first said. */
type Sayable = string | IntlMessageFormat

/** What makes ICU MessageFormat of a text. Without it nothing is parsed: a language's data take longer to load than all else about a first answer. */
const syntax = /[{}']/

const sayableOf = (language: Language, key: MessageKey): Sayable => {
  const text = textsOf(language)[key]
  if (!syntax.test(text)) return text
  const message = parsed(language, text)
  const elements = message.getAst()
  if (elements.every(({ type }) => type === 0)) return String(message.format())
  return directionOf(language) === "rtl" ? parsed(language, isolating(elements)) : message
}

const sayable = new Map<Language, Map<MessageKey, Sayable>>()

/** Says a message (ICU MessageFormat) in a language, with its values, as text: what shows it escapes it. */
export const say = <Key extends MessageKey>(language: Language, key: Key, ...[values]: ValuesOf<Key>): string => {
  let ofLanguage = sayable.get(language)
  if (ofLanguage === undefined) {
    ofLanguage = new Map()
    sayable.set(language, ofLanguage)
  }
  let message = ofLanguage.get(key)
  if (message === undefined) {
    message = sayableOf(language, key)
    ofLanguage.set(key, message)
  }
  return typeof message === "string" ? message : String(message.format({ ...values }))
}
