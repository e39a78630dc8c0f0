import { createHash } from "node:crypto"
import type { FileHandle } from "node:fs/promises"
import { Effect, Option, Schedule, Stream } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { SecureRandom } from "effect/crypto"
import { AccountImport, type ImportBatch, type ImportProgress, type RefusedLine } from "../accounts/AccountImport.ts"
import { accountFields, describedIn } from "../accounts/accountRecord.ts"
import type { PasswordHash } from "../domain/Password.ts"
import { UserId, Username } from "../domain/User.ts"
import { unknownPassword } from "./accounts.ts"
import { AllSaid, failed, misused } from "./endings.ts"
import {
  cellsOf,
  hashOfFile,
  linesOf,
  openFile,
  type Parse,
  parseCsv,
  parseJsonLines,
  type RawLine,
  unreadable
} from "./importedLines.ts"
import { ofOurOwn, PasswordLayers } from "./layers.ts"
import { counted, Json, jsonLine, makeProgress, print, remark } from "./output.ts"

/** Lines that are one transaction: some 50 ms. */
const batchSize = 1000

/** What of the report is read at once. */
const pageSize = 5000

type Field = (typeof accountFields)[number]

const folded = (name: string): string => name.toLowerCase().replace(/[\s_-]/g, "")

const fieldNames = new Map<string, Field>(accountFields.map((name) => [folded(name), name]))

/** Which of our fields a column or a member is: as `--column` says, else by its name, however it is written. */
const makeFieldOf = Effect.fnUntraced(function* (columns: Readonly<Record<string, string>>) {
  const given = new Map<string, Field>()
  for (const [ours, theirs] of Object.entries(columns)) {
    const field = fieldNames.get(folded(ours))
    if (field === undefined) return yield* misused(`--column ${ours}=...: known are ${accountFields.join(", ")}.`)
    given.set(theirs, field)
  }
  const taken = new Set(given.values())
  return (name: string): Field | undefined => {
    const field = given.get(name) ?? fieldNames.get(folded(name))
    return field !== undefined && (given.has(name) || !taken.has(field)) ? field : undefined
  }
})

interface Source {
  readonly file: FileHandle
  readonly path: string
  /** Where the accounts begin. */
  readonly start: { readonly lines: number; readonly bytes: number }
  readonly parse: Parse
}

const firstLineOf = Effect.fnUntraced(function* (file: FileHandle, path: string) {
  const lines = yield* Effect.tryPromise({
    try: async () =>
      (await linesOf(file, { lines: 0, bytes: 0 }, 1).next()).value as ReadonlyArray<RawLine> | undefined,
    catch: (cause) => unreadable(path, cause)
  })
  const first = lines?.[0]
  if (first === undefined) return yield* failed(`${path} is empty.`)
  if (first.text === undefined) return yield* failed(`The first line of ${path} ${first.problem}.`)
  return { text: first.text, end: first.end }
})

/** The columns by our names; of one that is passed over, none. */
const columnsIn = Effect.fnUntraced(function* (
  header: string,
  delimiter: string,
  fieldOf: (name: string) => Field | undefined,
  ignoreUnknown: boolean
) {
  const cells = yield* cellsOf(header, delimiter)
  if (typeof cells === "string") return yield* misused(`The first line is no CSV: ${cells}`)
  const columns = cells.map((cell) => fieldOf(cell.trim()))
  const unknown = cells.filter((_, at) => columns[at] === undefined)
  const known = `Known are ${accountFields.join(", ")}; --column passwordHash=encrypted_password names one that is called otherwise.`
  if (!columns.includes("email")) {
    return yield* misused(`The first line has to name the columns, and "email" isn't among them. ${known}`)
  }
  if (unknown.length > 0 && !ignoreUnknown) {
    return yield* misused(
      `Unknown columns: ${unknown.map((name) => JSON.stringify(name)).join(", ")}. ${known} --ignore-unknown passes them over.`
    )
  }
  const named = columns.filter((name) => name !== undefined)
  if (new Set(named).size !== named.length) return yield* misused("Two columns are the same field.")
  // A name that no field has, so that its cells are looked at by nobody.
  return columns.map((name, at) => name ?? ` ${at}`)
})

/** Members by our names. Of one that isn't known nobody can say that it doesn't matter. */
const renamed = (
  record: Readonly<Record<string, unknown>>,
  fieldOf: (name: string) => Field | undefined,
  ignoreUnknown: boolean
): { readonly record: Readonly<Record<string, unknown>> } | { readonly problem: string } => {
  const fields: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(record)) {
    const field = fieldOf(name)
    if (field === undefined) {
      if (ignoreUnknown) continue
      return { problem: `has an unknown member, ${JSON.stringify(name.slice(0, 40))}` }
    }
    if (field in fields) return { problem: `${field}: is there twice` }
    fields[field] = value
  }
  return { record: fields }
}

/** What becomes of lines, each of which is an account or a refusal, or blank. */
const makeBatches = Effect.fnUntraced(function* (parse: Parse, confirmed: boolean) {
  const random = yield* SecureRandom.SecureRandom
  // Computed once, and where an account has none.
  const nobodysHash = yield* Effect.cached(unknownPassword)

  return Effect.fnUntraced(function* (lines: ReadonlyArray<RawLine>) {
    const accounts: Array<ImportBatch["accounts"][number]> = []
    const refusals: Array<RefusedLine> = []
    const parsed = yield* parse(lines)
    for (const [at, { number: line }] of lines.entries()) {
      const one = parsed[at]
      if (one === undefined) continue
      if ("problem" in one) {
        refusals.push({ line, reason: one.problem })
        continue
      }
      const described = describedIn(one.record)
      if ("problems" in described) {
        refusals.push({ line, reason: described.problems.join("; ") })
        continue
      }
      const { account } = described
      const id = Option.isSome(account.id) ? account.id.value : UserId.make(yield* random.uuidV7())
      const passwordHash: PasswordHash = Option.isSome(account.passwordHash)
        ? account.passwordHash.value
        : yield* nobodysHash
      accounts.push({
        ...account,
        line,
        id,
        username: Option.getOrElse(account.username, () => Username.make(id)),
        passwordHash,
        confirmed: Option.getOrElse(account.confirmed, () => confirmed)
      })
    }
    return { accounts, refusals, lines: lines.at(-1)?.number ?? 0, bytes: lines.at(-1)?.end ?? 0 }
  })
})

/** Waits for a database that is away for a moment: an import takes minutes, and each batch is whole or not there. */
const whileAway = { schedule: Schedule.spaced("1 second"), times: 30 }

/** A batch after the other, from where the import stands. */
const importFrom = Effect.fnUntraced(function* (
  { file, parse, path, start }: Source,
  begun: { readonly progress: ImportProgress; readonly fileHash: Uint8Array; readonly size: number },
  confirmed: boolean
) {
  const imports = yield* AccountImport
  const toBatch = yield* makeBatches(parse, confirmed)
  const bar = makeProgress("Importing", begun.size)
  let progress = begun.progress

  const store = Effect.fnUntraced(function* (batch: ImportBatch) {
    const from = progress
    const stored = yield* imports.store(from, batch).pipe(Effect.retry(whileAway))
    // Another process is at it, or an answer was lost on its way and the batch is done.
    const now = Option.isSome(stored) ? stored.value : yield* imports.begin(begun.fileHash, false)
    if (now.lines !== batch.lines) return yield* failed("Another process imports this file now.")
    progress = now
    yield* bar.show(now.bytes)
  })

  const from = progress.lines === 0 ? start : progress
  yield* Stream.fromAsyncIterable(linesOf(file, from, batchSize), (cause) => unreadable(path, cause)).pipe(
    Stream.mapEffect(toBatch),
    // While a batch is stored the next is read.
    Stream.buffer({ capacity: 1 }),
    Stream.runForEach((batch) => store({ ...batch, finished: false })),
    Effect.ensuring(bar.end),
    Effect.onInterrupt(() => remark("Broken off. The same command goes on from here."))
  )
  const { bytes, lines } = progress.lines === 0 ? start : progress
  yield* store({ accounts: [], refusals: [], lines, bytes, finished: true })
  return progress
})

/** All refused lines, whichever run of the import refused them, and the sum of it. */
const report = Effect.fnUntraced(function* (
  { finishedAt, id, imported, lines, refused, startedAt }: ImportProgress,
  seconds: number | undefined
) {
  const imports = yield* AccountImport
  const json = yield* Json
  let after = 0
  while (true) {
    const page = yield* imports.refusals(id, after, pageSize)
    yield* print(
      page.map((refusal) => (json ? jsonLine(refusal) : `line ${refusal.line}: ${refusal.reason}\n`)).join("")
    )
    const last = page.at(-1)
    if (last === undefined || page.length < pageSize) break
    after = last.line
  }
  yield* print(
    json
      ? jsonLine({ imported, refused, lines, startedAt, finishedAt: Option.getOrNull(finishedAt) })
      : `Imported ${counted(imported, "account")} of ${counted(imported + refused, "line")}${
          seconds === undefined ? "" : ` in ${counted(Math.round(seconds), "second")}`
        }; refused ${counted(refused, "line")}.\n`
  )
  if (refused > 0) return yield* new AllSaid({ how: "partly" })
})

/** Reads the whole file without a look at the database: what is wrong with a line by itself. */
const rehearse = Effect.fnUntraced(function* ({ file, parse, path, start }: Source, size: number) {
  const json = yield* Json
  const toBatch = yield* makeBatches(parse, false)
  const bar = makeProgress("Reading", size)
  let good = 0
  let refused = 0
  yield* Stream.fromAsyncIterable(linesOf(file, start, batchSize), (cause) => unreadable(path, cause)).pipe(
    Stream.mapEffect(toBatch),
    Stream.runForEach(
      Effect.fnUntraced(function* ({ accounts, bytes, refusals }) {
        good += accounts.length
        refused += refusals.length
        yield* print(refusals.map((_) => (json ? jsonLine(_) : `line ${_.line}: ${_.reason}\n`)).join(""))
        yield* bar.show(bytes)
      })
    ),
    Effect.ensuring(bar.end)
  )
  yield* print(
    json
      ? jsonLine({ good, refused })
      : `${counted(good, "line")} can be imported, where no account has their addresses and names; ${counted(refused, "line")} can't.\n`
  )
  if (refused > 0) return yield* new AllSaid({ how: "partly" })
})

/** `rekey user import`. */
export const importCommand = Command.make(
  "import",
  {
    path: Argument.File("file", { mustExist: true }).pipe(
      Argument.withDescription("CSV with a first line of names, or a line of JSON for each account")
    ),
    format: Flag.Literals("format", ["csv", "jsonl"]).pipe(
      Flag.withDescription("What the file is; else its name says so: .csv, or .jsonl and .ndjson"),
      Flag.optional
    ),
    delimiter: Flag.String("delimiter").pipe(
      Flag.withDescription("What stands between the cells of CSV"),
      Flag.filter(
        (one) => one.length === 1 && !/["\r\n]/.test(one),
        () => "It has to be one character."
      ),
      Flag.withDefault(",")
    ),
    columns: Flag.KeyValuePair("column").pipe(
      Flag.withDescription("A field that is called otherwise in the file, such as passwordHash=encrypted_password"),
      Flag.withDefault({})
    ),
    ignoreUnknown: Flag.Boolean("ignore-unknown").pipe(
      Flag.withoutNegation,
      Flag.withDescription("Pass columns over that aren't known, where else nothing is imported"),
      Flag.withDefault(false)
    ),
    confirmed: Flag.Boolean("confirmed").pipe(
      Flag.withDescription("The addresses are known to be their owners', where the file doesn't say"),
      Flag.withDefault(false)
    ),
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withoutNegation,
      Flag.withDescription("Say which lines would be refused, and import nothing"),
      Flag.withDefault(false)
    ),
    afresh: Flag.Boolean("afresh").pipe(
      Flag.withoutNegation,
      Flag.withDescription("Begin at the first line, although a former import of this file came further"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(
    function* ({ afresh, columns, confirmed, delimiter, dryRun, format: given, ignoreUnknown, path }) {
      yield* ofOurOwn
      const imports = yield* AccountImport
      const format = Option.getOrElse(given, () =>
        /\.csv$/i.test(path) ? "csv" : /\.(jsonl|ndjson)$/i.test(path) ? "jsonl" : undefined
      )
      if (format === undefined)
        return yield* misused("Its name doesn't say what the file is: say --format csv or --format jsonl.")
      const fieldOf = yield* makeFieldOf(columns)
      const file = yield* openFile(path)
      const { size } = yield* Effect.tryPromise({ try: () => file.stat(), catch: (cause) => unreadable(path, cause) })
      const header = yield* firstLineOf(file, path)
      const source: Source =
        format === "csv"
          ? {
              file,
              path,
              start: { lines: 1, bytes: header.end },
              parse: parseCsv(yield* columnsIn(header.text, delimiter, fieldOf, ignoreUnknown), delimiter)
            }
          : {
              file,
              path,
              start: { lines: 0, bytes: 0 },
              parse: (lines) =>
                Effect.map(parseJsonLines(lines), (all) =>
                  all.map((one) =>
                    one !== undefined && "record" in one ? renamed(one.record, fieldOf, ignoreUnknown) : one
                  )
                )
            }
      if (dryRun) return yield* rehearse(source, size)

      // How the file is read counts too: with another --column it is another import.
      const reading = JSON.stringify({ format, delimiter, columns, ignoreUnknown, confirmed })
      const fileHash = new Uint8Array(
        createHash("sha256")
          .update(yield* hashOfFile(path))
          .update(reading)
          .digest()
      )
      const begun = yield* imports.begin(fileHash, afresh)
      if (Option.isSome(begun.finishedAt)) {
        yield* remark(
          `This file was imported to its end at ${begun.finishedAt.value.toISOString()}: this is the report. --afresh begins anew.`
        )
        return yield* report(begun, undefined)
      }
      if (begun.lines > 0) yield* remark(`A former import came to line ${begun.lines}: going on from there.`)
      const began = performance.now()
      const progress = yield* importFrom(source, { progress: begun, fileHash, size }, confirmed)
      yield* report(progress, (performance.now() - began) / 1000)
    },
    Effect.scoped,
    Effect.catchTag("Unavailable", () =>
      Effect.fail(failed("The database can't be used now. The same command goes on from where it came."))
    )
  )
).pipe(
  Command.provide(PasswordLayers),
  Command.withDescription(
    "Make accounts of a file, with the password hashes that it has. What was broken off goes on where it was; each refused line is told"
  ),
  Command.withExamples([
    { command: "rekey user import people.csv --confirmed", description: "From CSV" },
    {
      command: "rekey user import users.jsonl --column passwordHash=encrypted_password --ignore-unknown",
      description: "From another program's export"
    }
  ])
)
