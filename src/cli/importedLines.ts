import { isUtf8 } from "node:buffer"
import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { type FileHandle, open } from "node:fs/promises"
import { Effect, Stream } from "effect"
import { Csv } from "effect/encoding"
import { failed, type NotDone } from "./endings.ts"

/** A line may have so many bytes: an account has some hundred, and a file without line ends mustn't fill the memory. */
const longestLine = 64 * 1024
const chunkSize = 256 * 1024

/** A line of a file, without its end, or what is wrong with it; `end` is where the next one begins. */
export interface RawLine {
  readonly number: number
  readonly end: number
  readonly text: string | undefined
  readonly problem: string
}

const lineFeed = 10

const rawLine = (number: number, end: number, bytes: Buffer | undefined): RawLine => {
  if (bytes === undefined || bytes.length > longestLine) {
    return { number, end, text: undefined, problem: `is longer than ${longestLine / 1024} KiB` }
  }
  if (!isUtf8(bytes)) return { number, end, text: undefined, problem: "isn't UTF-8" }
  const text = bytes.toString("utf8").replace(/\r$/, "")
  return { number, end, text: number === 1 ? text.replace(/^\uFEFF/, "") : text, problem: "" }
}

/**
 * The lines of an open file behind the first `lines` of them, which end at `bytes`: `atOnce` together. In memory are these and a chunk
 * of the file.
 */
export async function* linesOf(
  file: FileHandle,
  from: { readonly lines: number; readonly bytes: number },
  atOnce: number
): AsyncGenerator<ReadonlyArray<RawLine>> {
  let number = from.lines
  // Where the line begins of which `rest` is the beginning; none where it is too long to be kept.
  let start = from.bytes
  let rest: Buffer | undefined = Buffer.alloc(0)
  let position = from.bytes
  let lines: Array<RawLine> = []
  // Read over and over: of a line there is a copy once it is one.
  const buffer = Buffer.allocUnsafe(chunkSize)
  while (true) {
    const { bytesRead } = await file.read(buffer, 0, chunkSize, position)
    if (bytesRead === 0) break
    const chunk = buffer.subarray(0, bytesRead)
    let begin = 0
    for (let at = chunk.indexOf(lineFeed); at !== -1; at = chunk.indexOf(lineFeed, begin)) {
      const end = position + at + 1
      const piece = chunk.subarray(begin, at)
      lines.push(
        rawLine(++number, end, rest === undefined || rest.length === 0 ? rest && piece : Buffer.concat([rest, piece]))
      )
      rest = Buffer.alloc(0)
      start = end
      begin = at + 1
      if (lines.length >= atOnce) {
        yield lines
        lines = []
      }
    }
    position += bytesRead
    if (rest !== undefined) {
      const left: Buffer = Buffer.concat([rest, chunk.subarray(begin)])
      rest = left.length > longestLine + 1 ? undefined : left
    }
  }
  if (position > start) lines.push(rawLine(++number, position, rest))
  if (lines.length > 0) yield lines
}

/** SHA-256 of a file, which tells it from another one. */
export const hashOfFile = (path: string) =>
  Effect.tryPromise({
    try: async () => {
      const hash = createHash("sha256")
      for await (const chunk of createReadStream(path)) hash.update(chunk)
      return new Uint8Array(hash.digest())
    },
    catch: (cause) => unreadable(path, cause)
  })

export const openFile = (path: string) =>
  Effect.acquireRelease(
    Effect.tryPromise({ try: () => open(path), catch: (cause) => unreadable(path, cause) }),
    (file) => Effect.promise(() => file.close())
  )

export const unreadable = (path: string, cause: unknown): NotDone =>
  failed(`${path} can't be read: ${cause instanceof Error ? cause.message : cause}`)

/** What a line says, or why it can't be understood. */
export type Parsed = { readonly record: Readonly<Record<string, unknown>> } | { readonly problem: string }

/** How lines are understood. Blank ones say nothing and are passed over: they are `undefined`. */
export type Parse = (lines: ReadonlyArray<RawLine>) => Effect.Effect<ReadonlyArray<Parsed | undefined>>

const isBlank = ({ text }: RawLine): boolean => text?.trim() === ""

const parseJson = (line: RawLine): Parsed | undefined => {
  if (line.text === undefined) return line
  if (isBlank(line)) return undefined
  try {
    const value: unknown = JSON.parse(line.text)
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { record: { ...value } }
  } catch {}
  return { problem: "is no JSON object" }
}

/** A line of JSON for each account. */
export const parseJsonLines: Parse = (lines) => Effect.succeed(lines.map(parseJson))

const rowsOf = (text: string, delimiter: string) =>
  Stream.make(text).pipe(Stream.pipeThroughChannel(Csv.decodeString({ delimiter })), Stream.runCollect)

/** The cells of one line of CSV. A line end within quotes isn't one: each line stands for itself, so that a wrong quote spoils no other. */
export const cellsOf = (text: string, delimiter: string): Effect.Effect<ReadonlyArray<string> | string> =>
  rowsOf(text, delimiter).pipe(
    Effect.map(([cells]) => cells ?? []),
    Effect.catchTag("CsvError", ({ message }) => Effect.succeed(message))
  )

/** CSV (RFC 4180) whose columns have these names. */
export const parseCsv = (columns: ReadonlyArray<string>, delimiter: string): Parse =>
  Effect.fnUntraced(function* (lines) {
    const understood = lines.filter(
      (line): line is RawLine & { readonly text: string } =>
        line.text !== undefined && !isBlank(line) && !line.text.includes("\r")
    )
    // All of them at once, and one by one only where one of them is wrong.
    const rows = yield* rowsOf(understood.map(({ text }) => text).join("\n"), delimiter).pipe(
      Effect.filterOrFail((rows) => rows.length === understood.length),
      Effect.catch(() => Effect.forEach(understood, ({ text }) => cellsOf(text, delimiter)))
    )
    const cells = new Map(understood.map(({ number }, at) => [number, rows[at]]))
    return lines.map((line): Parsed | undefined => {
      if (line.text === undefined) return line
      if (isBlank(line)) return undefined
      const row = cells.get(line.number)
      if (row === undefined) return { problem: "has a carriage return within" }
      if (typeof row === "string") return { problem: `is no CSV: ${row}` }
      if (row.length !== columns.length) {
        return { problem: `has ${row.length} cells where there are ${columns.length} columns` }
      }
      // What is empty wasn't said.
      return { record: Object.fromEntries(columns.flatMap((name, at) => (row[at] === "" ? [] : [[name, row[at]]]))) }
    })
  })
