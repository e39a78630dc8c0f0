import { Effect, Stream } from "effect"
import { Flag } from "effect/cli"
import { Csv } from "effect/encoding"
import type { OutputClosed } from "./endings.ts"
import { type Cell, jsonLine, print } from "./output.ts"

/** How an export is written. */
export const formatFlag = Flag.Literals("format", ["jsonl", "csv"]).pipe(
  Flag.withDescription("A line of JSON for each, or CSV (RFC 4180) with a first line of names"),
  Flag.withDefault("jsonl" as const)
)

type Format = "jsonl" | "csv"

const plain = (cell: Cell): string =>
  cell === null || cell === undefined ? "" : cell instanceof Date ? cell.toISOString() : String(cell)

/** As they are, for programs: a spreadsheet may take what begins with `=` for a formula. */
const csv = (columns: ReadonlyArray<string>, records: ReadonlyArray<Record<string, Cell>>, headers: boolean) =>
  Stream.fromIterable(
    records.map((record) => Object.fromEntries(columns.map((column) => [column, plain(record[column])])))
  ).pipe(Stream.pipeThroughChannel(Csv.encodeString({ columns, headers, newline: "\n" })), Stream.mkString)

/**
 * Prints page after page, from what `next` gives for where the former ended, until there is none: no more than a page is in memory, and
 * whoever reads slowly is waited for.
 */
export const printPages = Effect.fnUntraced(function* <From, E, R>(options: {
  readonly format: Format
  readonly columns: ReadonlyArray<string>
  readonly from: From
  readonly next: (
    from: From
  ) => Effect.Effect<{ readonly records: ReadonlyArray<Record<string, Cell>>; readonly from: From | undefined }, E, R>
}): Effect.fn.Return<void, E | OutputClosed, R> {
  let from: From | undefined = options.from
  let first = true
  while (from !== undefined) {
    const page: { readonly records: ReadonlyArray<Record<string, Cell>>; readonly from: From | undefined } =
      yield* options.next(from)
    const text =
      options.format === "jsonl"
        ? page.records.map(jsonLine).join("")
        : yield* csv(options.columns, page.records, first)
    yield* print(text)
    first = false
    from = page.from
  }
})
