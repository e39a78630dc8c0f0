import { execFile } from "node:child_process"
import { randomBytes } from "node:crypto"
import { stat } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { Data, Effect } from "effect"
import { startProgram } from "./program.ts"

export class PeersNotInstalled extends Data.TaggedError("PeersNotInstalled")<{ readonly complaint: string }> {
  override get message() {
    return `The peers couldn't be installed:\n${this.complaint}`
  }
}

const peers = fileURLToPath(new URL("./peers/", import.meta.url))

const changedAt = async (file: string): Promise<number> => (await stat(join(peers, file))).mtimeMs

/** Whether all was installed since the lock file last changed: npm writes a copy of it at the end. */
const areInstalled = async (): Promise<boolean> => {
  try {
    return (await changedAt("node_modules/.package-lock.json")) >= (await changedAt("package-lock.json"))
  } catch {
    return false
  }
}

/** Installs what bench/peers names, a second time only for another lock file. */
const installPeers = Effect.tryPromise({
  try: async (signal) => {
    if (!(await areInstalled())) await promisify(execFile)("npm", ["ci"], { cwd: peers, signal })
  },
  catch: (error) => {
    const { stderr = "", stdout = "" } = error as { readonly stderr?: string; readonly stdout?: string }
    return new PeersNotInstalled({ complaint: `${stdout}${stderr}` || String(error) })
  }
})

/** Starts better-auth on a PostgreSQL, in which it makes its tables, and waits until it answers; it is killed with the scope. */
export const startServer = Effect.fn("startServer")(function* (options: {
  /** Holds the log. */
  readonly folder: string
  readonly databaseUrl: string
  /** Further settings. */
  readonly env?: Readonly<Record<string, string>>
}) {
  yield* installPeers
  return yield* startProgram({
    command: [process.execPath, join(peers, "betterAuth.js")],
    folder: options.folder,
    env: {
      NODE_ENV: "production",
      BETTER_AUTH_SECRET: randomBytes(32).toString("base64url"),
      RATE_LIMIT: "off",
      DATABASE_URL: options.databaseUrl,
      ...options.env
    },
    readyPath: "/api/auth/ok"
  })
})
