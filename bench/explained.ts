import { connect, createServer, type Server } from "node:net"
import { Effect } from "effect"

/** A node of a plan as PostgreSQL writes it: `explain (analyze, buffers, format json)`. */
export interface PlanNode {
  readonly "Node Type": string
  readonly "Relation Name"?: string
  readonly "Actual Rows"?: number
  readonly "Actual Loops"?: number
  readonly "Rows Removed by Filter"?: number
  readonly "Rows Removed by Index Recheck"?: number
  readonly "Shared Hit Blocks"?: number
  readonly "Shared Read Blocks"?: number
  readonly Plans?: ReadonlyArray<PlanNode>
}

/** A statement that ran, and how. */
export interface Explained {
  readonly text: string
  readonly plan: PlanNode
}

/** A message of the server that is no answer: its type's byte, then its length. */
const noticeType = "N".charCodeAt(0)
const headLength = 5

/** Reads what PostgreSQL says beside its answers. */
const makeNoticeReader = (heard: (message: string) => void) => {
  let received = Buffer.alloc(0)
  return (chunk: Buffer): void => {
    received = Buffer.concat([received, chunk])
    while (received.length >= headLength) {
      const end = 1 + received.readUInt32BE(1)
      if (received.length < end) return
      if (received[0] === noticeType) {
        for (const field of received.toString("utf8", headLength, end).split("\0")) {
          if (field.startsWith("M")) heard(field.slice(1))
        }
      }
      received = received.subarray(end)
    }
  }
}

/** What auto_explain says, in JSON behind the time that the statement took; undefined for anything else. */
const explainedIn = (message: string): Explained | undefined => {
  const json = /^duration: [\d.]+ ms {2}plan:\n([\s\S]*)$/.exec(message)?.[1]
  if (json === undefined) return undefined
  const { Plan: plan, "Query Text": text } = JSON.parse(json)
  return { text, plan }
}

/**
 * Stands between a service and its PostgreSQL and collects the plan of every statement that runs through, those of triggers and
 * foreign keys included, as auto_explain tells it. So what is looked at is what the service really runs, with the plan that its
 * prepared statements got. Gone with the scope.
 */
export const explaining = Effect.fn("explaining")(function* (databaseUrl: string) {
  const explained: Array<Explained> = []
  const target = new URL(databaseUrl)
  const server = yield* Effect.acquireRelease(
    Effect.callback<Server>((resume) => {
      const server = createServer((client) => {
        const database = connect({ host: target.hostname, port: Number(target.port || 5432), noDelay: true })
        const read = makeNoticeReader((message) => {
          const one = explainedIn(message)
          if (one !== undefined) explained.push(one)
        })
        client.pipe(database)
        database.on("data", (chunk: Buffer) => {
          read(chunk)
          client.write(chunk)
        })
        for (const [one, other] of [
          [client, database],
          [database, client]
        ] as const) {
          one.on("error", () => other.destroy())
          one.on("close", () => other.destroy())
        }
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close())
  )
  const address = server.address()
  const url = new URL(databaseUrl)
  url.hostname = "127.0.0.1"
  url.port = `${typeof address === "object" && address !== null ? address.port : 0}`
  return { url: url.href, explained }
})

/** Lets the sessions that open on the database from now on explain what they run. A superuser's right. */
export const explainSessionsOf = (database: string): ReadonlyArray<string> =>
  Object.entries({
    session_preload_libraries: "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_level": "notice",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_buffers": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_format": "json",
    "auto_explain.log_nested_statements": "on"
  }).map(([name, value]) => `alter database ${database} set ${name} = '${value}'`)

const childrenOf = (node: PlanNode): ReadonlyArray<PlanNode> => [
  node,
  ...(node.Plans ?? []).flatMap((child) => childrenOf(child))
]

/** The parts of a plan that read a table, by an index or from its first row to its last. */
export const scansIn = (plan: PlanNode): ReadonlyArray<PlanNode> =>
  childrenOf(plan).filter(
    (node) => node["Node Type"].endsWith("Scan") && (node["Relation Name"] !== undefined || isBitmap(node))
  )

const isBitmap = (node: PlanNode): boolean => node["Node Type"] === "Bitmap Index Scan"

/** Rows of tables that a plan looked at, used or not. */
export const rowsIn = (plan: PlanNode): number =>
  Math.round(
    scansIn(plan)
      .filter((node) => !isBitmap(node)) // the heap scan above it counts them
      .reduce((sum, node) => {
        const each =
          (node["Actual Rows"] ?? 0) +
          (node["Rows Removed by Filter"] ?? 0) +
          (node["Rows Removed by Index Recheck"] ?? 0)
        return sum + each * (node["Actual Loops"] ?? 1)
      }, 0)
  )

export const blocksIn = (plan: PlanNode): number => (plan["Shared Hit Blocks"] ?? 0) + (plan["Shared Read Blocks"] ?? 0)
