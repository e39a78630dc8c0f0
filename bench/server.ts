import { execFile, spawn } from "node:child_process"
import { closeSync, openSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { delimiter, dirname, join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { Data, Effect, type Scope } from "effect"
import { freePort } from "./freePort.ts"
import { Connection, requestText } from "./http.ts"

/** The service as people run it, in a process of its own. */
export interface Server {
  readonly port: number
  /** From spawning the process until `GET /ready` said 200. */
  readonly startMillis: number
  /** Resident memory of the process. */
  readonly memoryMib: Effect.Effect<number>
  /** What it logged last, and how it ended if it has: somebody else may have ended it. */
  readonly logTail: Effect.Effect<string>
  /** Asks it to end and waits until it has. */
  readonly stop: Effect.Effect<void>
}

export class ServerNotReady extends Data.TaggedError("ServerNotReady")<{ readonly log: string }> {
  override get message() {
    return `The server didn't get ready. It said:\n${this.log}`
  }
}

const project = fileURLToPath(new URL("../", import.meta.url))

/** What `npm start` runs, with its paths absolute: it is run in another folder. */
const startScript = async (): Promise<string> => {
  const manifest: { readonly scripts: { readonly start: string } } = JSON.parse(
    await readFile(join(project, "package.json"), "utf8")
  )
  return manifest.scripts.start.replaceAll(/\b(?=(node_modules|src)\/)/g, project)
}

/**
 * Starts the service and waits until it is ready; it is killed with the scope. Unlike the server of `test/support` it logs to
 * a file, since reading a line a request would be work of ours; and nobody waits long between two looks at whether it is ready.
 */
export const startServer = Effect.fn("startServer")(function* (options: {
  /** Holds the log and what the service keeps. In it the service finds no `.env` of a developer. */
  readonly folder: string
  readonly databaseUrl?: string
  /** Further settings. */
  readonly env?: Readonly<Record<string, string>>
}): Effect.fn.Return<Server, ServerNotReady, Scope.Scope> {
  const port = yield* freePort
  const script = yield* Effect.promise(startScript)
  const logFile = join(options.folder, "server.log")
  const { child, ended, spawned } = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const log = openSync(logFile, "a")
      const spawned = performance.now()
      const child = spawn("sh", ["-c", script], {
        cwd: options.folder,
        stdio: ["ignore", log, log],
        env: {
          PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
          HOME: options.folder,
          PORT: `${port}`,
          DATA_DIR: join(options.folder, "data"),
          RATE_LIMIT: "off",
          ...(options.databaseUrl === undefined ? {} : { DATABASE_URL: options.databaseUrl }),
          ...options.env
        }
      })
      closeSync(log)
      const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()))
      return { child, ended, spawned }
    }),
    ({ child, ended }) =>
      Effect.promise(() => {
        child.kill("SIGKILL")
        return ended
      })
  )
  const end = Effect.promise(() => ended)
  const logTail = Effect.promise(async () => {
    const how = child.signalCode ?? child.exitCode
    return `${(await readFile(logFile, "utf8")).slice(-2000)}${how === null ? "" : `\nIt ended with ${how}.`}`
  })

  yield* Effect.promise((signal) => untilReady(port, signal)).pipe(
    Effect.raceFirst(Effect.andThen(end, Effect.fail("ended"))),
    Effect.timeout("1 minute"),
    Effect.catch(() => Effect.flatMap(logTail, (log) => Effect.fail(new ServerNotReady({ log }))))
  )
  const startMillis = performance.now() - spawned

  return {
    port,
    startMillis,
    memoryMib: Effect.promise(() => residentMib(child.pid ?? 0)),
    logTail,
    stop: Effect.andThen(
      Effect.sync(() => child.kill("SIGTERM")),
      end
    )
  }
})

/** Near enough for what takes hundreds, and rare enough not to slow down what it waits for. */
const lookEveryMillis = 5

const untilReady = async (port: number, signal: AbortSignal): Promise<void> => {
  const request = requestText("GET", "/ready")
  while (!(await isReady(port, request))) await setTimeout(lookEveryMillis, undefined, { signal })
}

const isReady = async (port: number, request: string): Promise<boolean> => {
  try {
    const connection = await Connection.open(port)
    const { status } = await connection.exchange(request).finally(() => connection.close())
    return status === 200
  } catch {
    return false // nobody listens yet
  }
}

const residentMib = async (pid: number): Promise<number> => {
  // Linux has no `ps` everywhere, other systems have no /proc.
  const kib =
    process.platform === "linux"
      ? /VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1]
      : (await promisify(execFile)("ps", ["-o", "rss=", "-p", `${pid}`])).stdout
  return Number(kib) / 1024
}
