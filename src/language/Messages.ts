import { IntlMessageFormat } from "intl-messageformat"
import { english, type MessageValues } from "./english.ts"
import { type Language, localeOf } from "./Language.ts"

/** The name of a message: what `languages/en.json` has. */
export type MessageKey = keyof typeof english

/** What a message takes: nothing, or its values. */
export type ValuesOf<Key extends MessageKey> = Key extends keyof MessageValues
  ? readonly [values: MessageValues[Key]]
  : readonly []

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

/** A message that takes nothing is what it says; another one is parsed when it is first said. */
type Sayable = string | IntlMessageFormat

const parsed = (language: Language, key: MessageKey): Sayable => {
  const format = new IntlMessageFormat(textsOf(language)[key], localeOf(language), undefined, { ignoreTag: true })
  return format.getAst().every(({ type }) => type === 0) ? String(format.format()) : format
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
    message = parsed(language, key)
    ofLanguage.set(key, message)
  }
  return typeof message === "string" ? message : String(message.format({ ...values }))
}
