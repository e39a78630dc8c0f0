/**
 * Checks what translators edit, languages/*.json, against languages/en.json and the plural forms of each language, and makes of the
 * English file src/language/english.ts, so that the types say which messages there are and what each takes:
 *
 *   node tools/languages.ts          complains, and fails where there is something to complain of
 *   node tools/languages.ts --write  writes src/language/english.ts
 */
import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { IntlMessageFormat } from "intl-messageformat"
import { type Language, languages, localeOf } from "../src/language/Language.ts"

/** A language's messages by their names. */
export type Texts = Readonly<Record<string, string>>

type Element = ReturnType<IntlMessageFormat["getAst"]>[number]

/** What a message does with one of its values; `#` of a plural is left out, since it takes none of its own. */
interface Use {
  readonly name: string
  readonly kind: "text" | "number" | "date" | "choice" | "plural"
  /** Of a choice or a plural. */
  readonly options: ReadonlyArray<string>
  /** Of a plural that says first, second, third. */
  readonly ordinal: boolean
}

const kinds: Readonly<Record<number, Use["kind"]>> = {
  1: "text",
  2: "number",
  3: "date",
  4: "date",
  5: "choice",
  6: "plural"
}

const usesIn = (elements: ReadonlyArray<Element>): ReadonlyArray<Use> =>
  elements.flatMap((element) => {
    const kind = kinds[element.type]
    if (kind === undefined || !("value" in element)) return []
    const options = "options" in element ? Object.entries(element.options) : []
    const ordinal = "pluralType" in element && element.pluralType === "ordinal"
    return [
      { name: element.value, kind, options: options.map(([name]) => name), ordinal },
      ...options.flatMap(([, { value }]) => usesIn(value))
    ]
  })

const astOf = (text: string, language: Language) =>
  new IntlMessageFormat(text, localeOf(language), undefined, { ignoreTag: true }).getAst()

/** The kinds that a value is used as. A plural needs a number, and so may say it. */
const kindsByName = (uses: ReadonlyArray<Use>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...Map.groupBy(uses, ({ name }) => name)]
      .map(([name, all]): [string, string] => {
        const kinds = new Set(all.map(({ kind }) => kind))
        if (kinds.has("plural")) kinds.delete("number")
        return [name, [...kinds].sort().join(" and ")]
      })
      .sort(([one], [other]) => (one < other ? -1 : 1))
  )

const listed = (names: Iterable<string>): string => [...names].sort().join(", ")

/** An exact number beside the forms, `=0`, is always allowed. */
const formsIn = ({ options }: Use) => options.filter((option) => !option.startsWith("="))

const pluralComplaints = (language: Language, uses: ReadonlyArray<Use>): ReadonlyArray<string> =>
  uses
    .filter(({ kind }) => kind === "plural")
    .flatMap((use) => {
      const type = use.ordinal ? "ordinal" : "cardinal"
      const needed = new Set<string>(
        new Intl.PluralRules(localeOf(language), { type }).resolvedOptions().pluralCategories
      )
      const given = new Set(formsIn(use))
      const missing = [...needed].filter((form) => !given.has(form))
      const extra = [...given].filter((form) => !needed.has(form))
      return [
        ...(missing.length > 0 ? [`the plural of {${use.name}} lacks ${listed(missing)}`] : []),
        ...(extra.length > 0 ? [`the plural of {${use.name}} has ${listed(extra)}, which the language doesn't`] : [])
      ]
    })

/** A choice has the options of the English one, in whatever order. */
const choiceComplaints = (english: ReadonlyArray<Use>, uses: ReadonlyArray<Use>): ReadonlyArray<string> =>
  uses
    .filter(({ kind }) => kind === "choice")
    .flatMap(({ name, options }) => {
      const wanted = listed(english.find((use) => use.kind === "choice" && use.name === name)?.options ?? [])
      return wanted === "" || wanted === listed(options) ? [] : [`the options of {${name}} should be ${wanted}`]
    })

const usesOf = (text: string, language: Language): ReadonlyArray<Use> | string => {
  try {
    return usesIn(astOf(text, language))
  } catch (error) {
    return `can't be read: ${error instanceof Error ? error.message : error}`
  }
}

const straightApostrophe = [/'/, "has a straight apostrophe"] as const

/** What languages/README.md asks of a language's signs. */
const manners: Partial<Record<Language, ReadonlyArray<readonly [pattern: RegExp, complaint: string]>>> = {
  fr: [[/ [:;?!»]|« /, "has a plain space where a no-break space belongs"], straightApostrophe],
  it: [straightApostrophe]
}

const messageComplaints = (language: Language, text: string, original: string): ReadonlyArray<string> => {
  const uses = usesOf(text, language)
  if (typeof uses === "string") return [uses]
  const english = usesOf(original, "en")
  const typography = [
    ...(text === text.trim() && text !== "" ? [] : ["is empty, or has white space around it"]),
    ...(text === text.normalize("NFC") ? [] : ["isn't in Unicode's form NFC"]),
    // Words alone: what shows them escapes them, and a direction that isn't closed would spread.
    ...(/[\p{Cc}\u202A-\u202E\u2066-\u2069]/u.test(text) ? ["has a control character"] : []),
    ...(/<\/?[a-z]/i.test(text) ? ["has markup"] : []),
    ...(manners[language] ?? []).flatMap(([pattern, complaint]) => (pattern.test(text) ? [complaint] : []))
  ]
  if (typeof english === "string") return typography
  const [given, wanted] = [kindsByName(uses), kindsByName(english)]
  const parameters = [...new Set([...Object.keys(given), ...Object.keys(wanted)])].flatMap((name) => {
    if (wanted[name] === undefined) return [`takes {${name}}, which the English message doesn't have`]
    if (given[name] === undefined) return [`lacks {${name}}`]
    return given[name] === wanted[name]
      ? []
      : [`uses {${name}} as ${given[name]}, the English message as ${wanted[name]}`]
  })
  return [...typography, ...parameters, ...pluralComplaints(language, uses), ...choiceComplaints(english, uses)]
}

/** All that is wrong with the messages of a language: a line for each. Empty where nothing is. */
export const complaintsAbout = (language: Language, texts: Texts, english: Texts): ReadonlyArray<string> => {
  const names = new Set([...Object.keys(english), ...Object.keys(texts)])
  return [...names].flatMap((name) => {
    const at = `languages/${language}.json: ${name}`
    const [text, original] = [texts[name], english[name]]
    if (original === undefined) return [`${at} isn't in languages/en.json`]
    if (text === undefined) return [`${at} is missing`]
    if (typeof text !== "string") return [`${at} is no text`]
    return messageComplaints(language, text, original).map((complaint) => `${at} ${complaint}`)
  })
}

const typeOf = ({ kind, options }: Use): string => {
  switch (kind) {
    case "text":
      return "string"
    case "date":
      return "Date"
    case "choice":
      return options.map((option) => JSON.stringify(option)).join(" | ")
    default:
      return "number"
  }
}

/** src/language/english.ts, before it is formatted. */
export const moduleOf = (english: Texts): string => {
  const values = Object.entries(english).flatMap(([name, text]) => {
    const fields = new Map(usesIn(astOf(text, "en")).map((use) => [use.name, typeOf(use)]))
    const types = [...fields].map(([field, type]) => `readonly ${field}: ${type}`)
    return types.length === 0 ? [] : [`  readonly ${JSON.stringify(name)}: { ${types.join("; ")} }`]
  })
  return `// Made of languages/en.json by \`npm run format\`: edit that.

/** The English messages. Here, and not read from their file, since the contract describes itself with them. */
export const english = ${JSON.stringify(english, null, 2)} as const

/** What each message takes that takes something. */
export interface MessageValues {
${values.join("\n")}
}
`
}

const project = fileURLToPath(new URL("../", import.meta.url))

const textsIn = (language: Language): Texts => JSON.parse(readFileSync(`${project}languages/${language}.json`, "utf8"))

/** All that is wrong with the files of this project. */
export const complaints = (): ReadonlyArray<string> => {
  const english = textsIn("en")
  const made = readFileSync(`${project}src/language/english.ts`, "utf8")
  // Whatever the formatter has made of it.
  const bare = (text: string) => text.replace(/[\s;]/g, "").replaceAll('"', "")
  return [
    ...languages.flatMap((language) => complaintsAbout(language, textsIn(language), english)),
    ...(bare(made) === bare(moduleOf(english))
      ? []
      : ["src/language/english.ts isn't what languages/en.json makes: npm run format"])
  ]
}

if (import.meta.main) {
  if (process.argv.includes("--write")) writeFileSync(`${project}src/language/english.ts`, moduleOf(textsIn("en")))
  const found = complaints()
  for (const complaint of found) console.error(complaint)
  if (found.length > 0) process.exitCode = 1
}
