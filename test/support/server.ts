import { spawn } from "node:child_process"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { Data, Effect, type Scope } from "effect"
import { inject } from "vitest"
import { tmpdirOnDisk } from "./memory.ts"

export type Runtime = "node" | "bun" | "deno"

export interface ServerOptions {
  /** Runs the npm script of the sources for it; else the built program runs, which is there sooner. */
  readonly runtime?: Runtime
  /** What is run in place of both. */
  readonly command?: string
  /** Where it is run; in this repository unless told otherwise. */
  readonly folder?: string
  /** The path that the service is below, such as `/accounts`. */
  readonly basePath?: string
  /** Beside `HOST`, `PORT` and `DATA_DIR`, which may be given too. Nothing else of ours is inherited. */
  readonly env?: Readonly<Record<string, string>>
}

/** How a process ended: with a code of its own, or by a signal that it didn't handle. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** The service as people run it: a process of its own, reached by HTTP, signals and its two outputs. */
export interface ServerProcess {
  readonly url: string
  readonly dataDir: string
  /** What was written so far. */
  readonly output: { readonly stdout: string; readonly stderr: string }
  /** Waits until an output holds what is asked for; the first match. */
  waitFor(stream: "stdout" | "stderr", pattern: RegExp): Effect.Effect<RegExpExecArray, ServerEnded>
  /** Waits for the end, however it comes. */
  readonly exit: Effect.Effect<Exit>
  /** Asks it to end (`SIGTERM` unless told otherwise) and waits until it has. */
  stop(signal?: NodeJS.Signals): Effect.Effect<Exit>
}

/** The process ended before what was waited for came. */
export class ServerEnded extends Data.TaggedError("ServerEnded")<{
  readonly exit: Exit
  readonly stdout: string
  readonly stderr: string
}> {
  override get message() {
    return `The server ended with ${this.exit.signal ?? this.exit.code}.\n${this.stdout}${this.stderr}`
  }
}

const project = fileURLToPath(new URL("../../", import.meta.url))

const scripts = { node: "start", bun: "start:bun", deno: "start:deno" } as const

/** The npm script, run as npm runs it, so that what is tested is what people start, permissions of Deno included. */
const scriptOf = async (runtime: Runtime): Promise<string> => {
  const manifest: { readonly scripts: Record<string, string> } = JSON.parse(
    await readFile(join(project, "package.json"), "utf8")
  )
  return manifest.scripts[scripts[runtime]] ?? ""
}

/** The built program, with arguments as a shell reads them. Compiled code is kept, as `npm start` keeps it. */
export const programWith = (...args: ReadonlyArray<string>): string =>
  [`NODE_COMPILE_CACHE=${join(dirname(inject("program")), "cache")} exec node ${inject("program")}`, ...args].join(" ")

/** A port of loopback that nobody listens on. */
export const freePort = Effect.callback<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

const homeFor = (runtime: Runtime | undefined) =>
  Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(runtime === "deno" ? tmpdirOnDisk() : tmpdir(), "rekey-test-"))),
    (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
  )

const endOf = ({ exit, output }: Pick<ServerProcess, "exit" | "output">) =>
  Effect.flatMap(exit, (exit) => Effect.fail(new ServerEnded({ exit, ...output })))

/** Starts the service and doesn't wait for anything; it is killed with the scope. */
export const spawnServer = Effect.fn("spawnServer")(function* ({
  runtime,
  command,
  folder = project,
  basePath = "",
  env = {}
}: ServerOptions = {}): Effect.fn.Return<ServerProcess, never, Scope.Scope> {
  const home = yield* homeFor(runtime)
  const settings = { HOST: "127.0.0.1", PORT: String(yield* freePort), DATA_DIR: join(home, "data"), ...env }
  const script = command ?? (runtime === undefined ? programWith() : yield* Effect.promise(() => scriptOf(runtime)))
  const output = { stdout: "", stderr: "" }

  const { child, ended } = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn("sh", ["-c", script], {
        cwd: folder,
        stdio: ["ignore", "pipe", "pipe"],
        env: {
          PATH: [...[folder, project].map((place) => join(place, "node_modules", ".bin")), process.env.PATH].join(
            delimiter
          ),
          HOME: home,
          // Deno compiles all of Effect once, not once a test.
          DENO_DIR: join(project, "node_modules", ".cache", "deno"),
          ...settings
        }
      })
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        output.stdout += text
      })
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        output.stderr += text
      })
      child.on("error", (error) => {
        output.stderr += `${error}\n`
      })
      // Not "exit": by "close" both outputs have been read to their end.
      const ended = new Promise<Exit>((resolve) => child.once("close", (code, signal) => resolve({ code, signal })))
      return { child, ended }
    }),
    ({ child, ended }) =>
      Effect.promise(() => {
        child.kill("SIGKILL")
        return ended
      })
  )

  const exit = Effect.promise(() => ended)

  const waitFor = (stream: "stdout" | "stderr", pattern: RegExp) =>
    Effect.callback<RegExpExecArray>((resume) => {
      const look = () => {
        const match = new RegExp(pattern.source, pattern.flags.replace("g", "")).exec(output[stream])
        if (match !== null) resume(Effect.succeed(match))
      }
      child[stream].on("data", look)
      look()
      return Effect.sync(() => child[stream].off("data", look))
    }).pipe(Effect.raceFirst(endOf({ exit, output })))

  const stop = (signal: NodeJS.Signals = "SIGTERM") =>
    Effect.andThen(
      Effect.sync(() => child.kill(signal)),
      exit
    )

  const url = `http://${settings.HOST}:${settings.PORT}${basePath}`
  return { url, dataDir: settings.DATA_DIR, output, exit, stop, waitFor }
})

/** Starts the service and waits until `GET /ready` says 200. */
export const startServer = Effect.fn("startServer")(function* (options?: ServerOptions) {
  const server = yield* spawnServer(options)
  const ready = Effect.promise(async (signal) => {
    while (!(await isReady(`${server.url}/ready`, signal))) {
      // Node's own timer, since in a test Effect's clock stands still.
      await setTimeout(50, undefined, { signal })
    }
  })
  yield* Effect.raceFirst(ready, endOf(server))
  return server
})

const isReady = (url: string, signal: AbortSignal): Promise<boolean> =>
  fetch(url, { signal }).then(
    async (response) => {
      await response.body?.cancel()
      return response.ok
    },
    () => false
  )
