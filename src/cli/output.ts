import { Effect } from "effect"
import { CliOutput, Flag, GlobalFlag, Prompt, TerminalCapabilities } from "effect/cli"
import { failed, misused, OutputClosed } from "./endings.ts"

/** Whether programs read: then each thing is a line of JSON. */
export const Json = GlobalFlag.Setting("json")({
  flag: Flag.Boolean("json").pipe(
    Flag.withoutNegation,
    Flag.withDescription("Print JSON, a line for each thing, for programs"),
    Flag.withDefault(false)
  )
})

/** Whether what can't be undone is done without a question. */
export const yes = Flag.Boolean("yes").pipe(
  Flag.withoutNegation,
  Flag.withAlias("y"),
  Flag.withDescription("Don't ask whether it may be done"),
  Flag.withDefault(false)
)

/** Waits until the text is out, so that whoever reads slowly is waited for and nothing is lost at the end. */
export const print = (text: string): Effect.Effect<void, OutputClosed> =>
  text === ""
    ? Effect.void
    : Effect.callback((resume) => {
        process.stdout.write(text, (error) => resume(error ? Effect.fail(new OutputClosed()) : Effect.void))
      })

/** What is for people alone, beside what was asked for: on standard error, so that the output stays what it is. */
export const remark = (text: string): Effect.Effect<void> => Effect.sync(() => void process.stderr.write(`${text}\n`))

/** Control and format characters: a user name with some of them could write anything on the operator's terminal. */
const controls = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

const escaped = (text: string): string =>
  text.replace(controls, (character) =>
    Array.from({ length: character.length }, (_, at) => character.charCodeAt(at))
      .map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`)
      .join("")
  )

/** A value as a person reads it. */
export type Cell = string | number | bigint | boolean | Date | null | undefined

const shown = (cell: Cell): string => {
  if (cell === null || cell === undefined) return ""
  if (typeof cell === "boolean") return cell ? "yes" : "no"
  if (cell instanceof Date)
    return cell
      .toISOString()
      .replace("T", " ")
      .replace(/\.\d+Z$/, "Z")
  return escaped(String(cell))
}

/** Rows below their headings, as wide as they need to be. */
export const table = (headings: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<Cell>>): string => {
  const texts = [headings, ...rows.map((row) => row.map(shown))]
  const widths = headings.map((_, column) => Math.max(...texts.map((row) => CliOutput.displayWidth(row[column] ?? ""))))
  return texts
    .map((row) =>
      row
        .map((text, column) => text + " ".repeat((widths[column] ?? 0) - CliOutput.displayWidth(text)))
        .join("  ")
        .trimEnd()
    )
    .map((line) => `${line}\n`)
    .join("")
}

/** Names before their values, one a line. */
export const fields = (values: Readonly<Record<string, Cell>>): string => {
  const width = Math.max(...Object.keys(values).map((name) => name.length))
  return Object.entries(values)
    .map(([name, value]) => `${name.padEnd(width)}  ${shown(value)}`.trimEnd())
    .map((line) => `${line}\n`)
    .join("")
}

/** A line of JSON. What a terminal would take for a command is escaped here too. */
export const jsonLine = (value: unknown): string =>
  `${escaped(JSON.stringify(value, (_, part) => (typeof part === "bigint" ? String(part) : part)))}\n`

/** Prints one thing: as text, or as JSON where that is asked for. */
export const answer = (value: unknown, text: string) =>
  Effect.flatMap(Json, (json) => print(json ? jsonLine(value) : text))

/** Prints what there are several of: a table, or a line of JSON for each. */
export const answerAll = <A>(
  things: ReadonlyArray<A>,
  headings: ReadonlyArray<string>,
  row: (thing: A) => ReadonlyArray<Cell>
) =>
  Effect.flatMap(Json, (json) =>
    print(json ? things.map(jsonLine).join("") : things.length === 0 ? "" : table(headings, things.map(row)))
  )

/** How many of what: `1 session`, `2 sessions`. */
export const counted = (count: number, one: string, several = `${one}s`): string =>
  `${count.toLocaleString("en")} ${count === 1 ? one : several}`

/** Asks before something is done that can't be undone; where nobody can be asked it isn't done. */
export const confirm = Effect.fnUntraced(function* (question: string, agreed: boolean) {
  if (agreed) return
  const { canPrompt } = yield* TerminalCapabilities.TerminalCapabilities
  if (!canPrompt)
    return yield* misused(`${question} That can't be undone, and nobody is here to be asked: say --yes to do it.`)
  if (!(yield* Prompt.run(Prompt.Confirm({ message: question })))) return yield* failed("Nothing was changed.")
})

const barWidth = 30
const redrawAfterMillis = 100

/** Shows on standard error how far a long piece of work is, on a terminal alone; `end` takes the line away. */
export const makeProgress = (label: string, total: number) => {
  const began = performance.now()
  let drawn = Number.NEGATIVE_INFINITY
  const draw = (done: number) => {
    const now = performance.now()
    if (!process.stderr.isTTY || now - drawn < redrawAfterMillis) return
    drawn = now
    const share = total === 0 ? 1 : Math.min(1, done / total)
    const bar = "#".repeat(Math.floor(share * barWidth)).padEnd(barWidth, "-")
    const left = share === 0 ? "" : `, ${Math.ceil(((now - began) / 1000 / share) * (1 - share))} s left`
    process.stderr.write(`\r\x1b[K${label} [${bar}] ${Math.floor(share * 100)}%${left}`)
  }
  return {
    show: (done: number) => Effect.sync(() => draw(done)),
    end: Effect.sync(() => {
      if (process.stderr.isTTY && drawn > Number.NEGATIVE_INFINITY) process.stderr.write("\r\x1b[K")
    })
  }
}
