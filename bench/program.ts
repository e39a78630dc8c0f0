import { execFile, spawn } from "node:child_process"
import { closeSync, openSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { delimiter, dirname, join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { promisify } from "node:util"
import { Data, Effect, type Scope } from "effect"
import { freePort } from "./freePort.ts"
import { Connection, requestText } from "./http.ts"

/** A server as people run it, in a process of its own. */
export interface Server {
  readonly pid: number
  readonly port: number
  /** From spawning the process until it said 200 to who asked whether it is ready. */
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

/**
 * Starts a server and waits until it is ready; it is killed with the scope. It logs to a file, since reading a line a request would
 * be work of ours; and nobody waits long between two looks at whether it is ready.
 */
export const startProgram = Effect.fn("startProgram")(function* (program: {
  /** The program, and its parameters. */
  readonly command: readonly [string, ...ReadonlyArray<string>]
  /** Where it runs, and its home. Holds the log too. */
  readonly folder: string
  /** All of its environment, besides `PATH`, `HOME` and the `PORT` that it should listen on. */
  readonly env: Readonly<Record<string, string>>
  /** What is asked until the answer is 200. */
  readonly readyPath: string
}): Effect.fn.Return<Server, ServerNotReady, Scope.Scope> {
  const port = yield* freePort
  const logFile = join(program.folder, "server.log")
  const [command, ...parameters] = program.command
  const { child, ended, spawned } = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const log = openSync(logFile, "a")
      const spawned = performance.now()
      const child = spawn(command, parameters, {
        cwd: program.folder,
        stdio: ["ignore", log, log],
        env: {
          PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
          HOME: program.folder,
          PORT: `${port}`,
          ...program.env
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

  yield* Effect.promise((signal) => untilReady(port, program.readyPath, signal)).pipe(
    Effect.raceFirst(Effect.andThen(end, Effect.fail("ended"))),
    Effect.timeout("1 minute"),
    Effect.catch(() => Effect.flatMap(logTail, (log) => Effect.fail(new ServerNotReady({ log }))))
  )
  const startMillis = performance.now() - spawned

  const pid = child.pid ?? 0
  return {
    pid,
    port,
    startMillis,
    memoryMib: Effect.promise(() => residentMib(pid)),
    logTail,
    stop: Effect.andThen(
      Effect.sync(() => child.kill("SIGTERM")),
      end
    )
  }
})

/** Shows what a server logged last where it answered otherwise than it should. */
export const withLog =
  (server: Server, progress: (text: string) => Effect.Effect<void>) =>
  <A, E, R>(work: Effect.Effect<A, E, R>) =>
    Effect.tapCause(work, () => Effect.flatMap(server.logTail, progress))

/** Near enough for what takes hundreds, and rare enough not to slow down what it waits for. */
const lookEveryMillis = 5

const untilReady = async (port: number, path: string, signal: AbortSignal): Promise<void> => {
  const request = requestText("GET", path)
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
