import { linkSync, mkdirSync, renameSync, unlinkSync } from "node:fs"
import { connect, createServer, type Server } from "node:net"
import { relative, resolve } from "node:path"
import { Data, Effect } from "effect"

/** Another process uses the folder. */
export class DataDirectoryInUse extends Data.TaggedError("DataDirectoryInUse")<{ readonly dataDir: string }> {
  override get message() {
    return `DATA_DIR ${resolve(this.dataDir)} is in use by another process: stop that one, or set DATA_DIR to a folder of its own.`
  }
}

/** The folder can't be made, or the lock can't be put in it. */
export class DataDirectoryUnusable extends Data.TaggedError("DataDirectoryUnusable")<{
  readonly dataDir: string
  readonly reason: string
}> {
  override get message() {
    return `DATA_DIR ${resolve(this.dataDir)} can't be used: ${this.reason}`
  }
}

/** Makes the folder, for its owner alone, since a key may lie in it. */
export const createDataDirectory = (dataDir: string): Effect.Effect<void, DataDirectoryUnusable> =>
  Effect.try({
    try: () => void mkdirSync(dataDir, { recursive: true, mode: 0o700 }),
    catch: (cause) => new DataDirectoryUnusable({ dataDir, reason: codeOf(cause) })
  })

/**
 * Holds the folder for this process until the scope closes. The lock is a listening socket: the kernel closes it when the
 * process dies, however it dies, so no lock is ever left to be removed by hand.
 */
export const lockDataDirectory = Effect.fn("DataDirectory.lock")(function* (dataDir: string) {
  const lock = yield* socketPath(dataDir)
  yield* Effect.acquireRelease(
    listen(lock).pipe(
      Effect.catchIf(taken, () => Effect.andThen(removeStale(lock), listen(lock))),
      Effect.mapError((failure) =>
        taken(failure)
          ? new DataDirectoryInUse({ dataDir })
          : new DataDirectoryUnusable({ dataDir, reason: failure.code })
      )
    ),
    (server) => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
  )
})

class SocketFailed extends Data.TaggedError("SocketFailed")<{ readonly code: string }> {}

const taken = ({ code }: SocketFailed): boolean => code === "EADDRINUSE"

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)

/** The kernel takes 108 bytes on Linux, 104 on macOS, the closing NUL included. */
const longestSocketPath = 103

/** `.` and 8 hexadecimal digits, for a stale lock on its way out. */
const suffixLength = 9

const socketPath = (dataDir: string): Effect.Effect<string, DataDirectoryUnusable> => {
  const absolute = resolve(dataDir, "lock")
  const fromHere = relative(process.cwd(), absolute)
  const path = fromHere.length < absolute.length ? fromHere : absolute
  return Buffer.byteLength(path) + suffixLength <= longestSocketPath
    ? Effect.succeed(path)
    : Effect.fail(
        new DataDirectoryUnusable({ dataDir, reason: "its path is too long for a socket in it, use a shorter one." })
      )
}

const listen = (path: string): Effect.Effect<Server, SocketFailed> =>
  Effect.callback((resume) => {
    const server = createServer((socket) => socket.end())
    server.once("error", (cause) => resume(Effect.fail(new SocketFailed({ code: codeOf(cause) }))))
    server.listen(path, () => {
      server.unref() // a lock is no reason for the process to stay
      resume(Effect.succeed(server))
    })
  })

/** Fails as taken unless no process listens there: only a refusal says so, a reset connection was accepted before. */
const isStale = (path: string): Effect.Effect<void, SocketFailed> =>
  Effect.callback((resume) => {
    const socket = connect(path)
    const alive = Effect.fail(new SocketFailed({ code: "EADDRINUSE" }))
    socket.once("connect", () => {
      socket.destroy()
      resume(alive)
    })
    socket.once("error", (cause) => resume(codeOf(cause) === "ECONNREFUSED" ? Effect.void : alive))
  })

/** Takes a dead process's lock away. Fails as taken where its owner is alive, be it one that took the lock a moment ago. */
const removeStale = Effect.fnUntraced(function* (lock: string) {
  yield* isStale(lock)
  const aside = `${lock}.${crypto.randomUUID().slice(0, suffixLength - 1)}`
  // Of two processes that found the same stale lock, one moves it; to the other it is taken.
  yield* attempt(() => renameSync(lock, aside)).pipe(Effect.mapError(() => new SocketFailed({ code: "EADDRINUSE" })))
  // Unless the first listens by now, and it was its lock that the second moved: that goes back.
  yield* isStale(aside).pipe(
    Effect.tapError(() => Effect.ignore(attempt(() => linkSync(aside, lock)))),
    Effect.onExit(() => Effect.ignore(attempt(() => unlinkSync(aside))))
  )
})

const attempt = (evaluate: () => void): Effect.Effect<void, SocketFailed> =>
  Effect.try({ try: evaluate, catch: (cause) => new SocketFailed({ code: codeOf(cause) }) })
