import { Effect, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { type AuditEntry, type AuditFilter, AuditLog } from "../trail/AuditLog.ts"
import { accountIdIn } from "./accounts.ts"
import { formatFlag, printPages } from "./exporting.ts"
import { answerAll, Json, jsonLine, print, table } from "./output.ts"

const filters = {
  user: Flag.String("user").pipe(Flag.withDescription("Of one account: its address, user name or id"), Flag.optional),
  event: Flag.String("event").pipe(
    Flag.withDescription("One event, such as password.reset, or all that begin so: mail, account"),
    Flag.optional
  ),
  since: Flag.Date("since").pipe(Flag.withDescription("From this time on"), Flag.optional),
  until: Flag.Date("until").pipe(Flag.withDescription("Before this time"), Flag.optional)
}

const filterOf = Effect.fnUntraced(function* ({
  user,
  ...others
}: Omit<AuditFilter, "userId"> & { readonly user: Option.Option<string> }) {
  return { ...others, userId: yield* accountIdIn(user) }
})

const headings = ["AT", "EVENT", "OUTCOME", "REASON", "ACTOR", "USER", "REQUEST", "FROM", "DEVICE"]

const row = (entry: AuditEntry) => [
  entry.at,
  entry.event,
  entry.outcome,
  entry.reason,
  entry.administrator === null ? entry.actor : `${entry.actor} ${entry.administrator}`,
  entry.userId,
  entry.requestId,
  entry.clientAddress,
  entry.device
]

const pageSize = 1000

/** Rows are seen in the order in which they are committed, which isn't that of their ids: so many are looked at again. */
const overlap = 500n

const nothing: AuditFilter = { userId: Option.none(), event: Option.none(), since: Option.none(), until: Option.none() }

const behind = (id: bigint): bigint => (id > overlap ? id - overlap : 0n)

/** Prints the newest, and then what comes, until it is broken off. */
const follow = Effect.fnUntraced(function* (filter: AuditFilter, lines: number) {
  const log = yield* AuditLog
  const json = yield* Json
  let newest = (yield* log.last(nothing, 1))[0]?.id ?? 0n
  const before = yield* log.page(filter, behind(newest), Number(overlap))
  const entries = yield* log.last(filter, lines)
  yield* answerAll(entries, headings, row)
  let seen = new Set([...before, ...entries].map(({ id }) => id))
  while (true) {
    yield* Effect.sleep("1 second")
    const page = yield* log.page(filter, behind(newest), pageSize)
    const fresh = page.filter(({ id }) => !seen.has(id))
    newest = page.at(-1)?.id ?? newest
    seen = new Set([...seen, ...fresh.map(({ id }) => id)].filter((id) => id > behind(newest)))
    if (fresh.length === 0) continue
    yield* print(json ? fresh.map(jsonLine).join("") : withoutHeadings(table(headings, fresh.map(row))))
  }
})

const withoutHeadings = (text: string): string => text.slice(text.indexOf("\n") + 1)

const tailCommand = Command.make(
  "tail",
  {
    ...filters,
    lines: Flag.Int("lines").pipe(
      Flag.withAlias("n"),
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000 }))),
      Flag.withDescription("How many of the newest"),
      Flag.withDefault(20)
    ),
    follow: Flag.Boolean("follow").pipe(
      Flag.withoutNegation,
      Flag.withAlias("f"),
      Flag.withDescription("Go on with what comes"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* ({ follow: goOn, lines, ...asked }) {
    const log = yield* AuditLog
    const filter = yield* filterOf(asked)
    if (goOn) return yield* follow(filter, lines)
    yield* answerAll(yield* log.last(filter, lines), headings, row)
  })
).pipe(Command.withDescription("Show the newest rows of the audit trail"))

const columns = [
  ...[
    "id",
    "at",
    "event",
    "outcome",
    "reason",
    "actor",
    "administrator",
    "userId",
    "requestId",
    "clientAddress",
    "device"
  ]
] as const

const exportCommand = Command.make(
  "export",
  { ...filters, format: formatFlag },
  Effect.fnUntraced(function* ({ format, ...asked }) {
    const log = yield* AuditLog
    const filter = yield* filterOf(asked)
    yield* printPages({
      format,
      columns,
      from: 0n,
      next: Effect.fnUntraced(function* (after: bigint) {
        const entries = yield* log.page(filter, after, pageSize)
        return {
          records: entries.map((entry) => ({ ...entry })),
          from: entries.length === pageSize ? entries.at(-1)?.id : undefined
        }
      })
    })
  })
).pipe(Command.withDescription("Print the audit trail, the oldest row first"))

/** `rekey audit`. */
export const auditCommand = Command.make("audit").pipe(
  Command.withDescription("Read the audit trail"),
  Command.withSubcommands([tailCommand, exportCommand])
)
