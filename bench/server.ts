import { execFile } from "node:child_process"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { Data, Effect } from "effect"
import { startProgram } from "./program.ts"

const project = fileURLToPath(new URL("../", import.meta.url))

class BuildFailed extends Data.TaggedError("BuildFailed")<{ readonly complaint: string }> {
  override get message() {
    return `npm run build failed:\n${this.complaint}`
  }
}

/** Builds what is measured, from the sources as they are. */
export const build = Effect.tryPromise({
  try: (signal) => promisify(execFile)("npm", ["run", "build"], { cwd: project, signal }),
  catch: (error) => new BuildFailed({ complaint: error instanceof Error ? error.message : String(error) })
})

/** How the service is run: built, on each runtime, or from its sources. */
export type Way = "node" | "bun" | "deno" | "sources"

const built = join(project, "dist/bin/rekey.js")

/** An npm script with its paths absolute: it is run in another folder. */
const scriptOf = async (name: "start" | "start:built"): Promise<string> => {
  const manifest: { readonly scripts: Record<string, string> } = JSON.parse(
    await readFile(join(project, "package.json"), "utf8")
  )
  return manifest.scripts[name]?.replaceAll(/\b(?=(node_modules|src|dist)\/)/g, project) ?? ""
}

const commandOf = async (way: Way): Promise<string> => {
  switch (way) {
    case "node":
      return scriptOf("start:built")
    case "sources":
      return scriptOf("start")
    case "bun":
      return `exec bun --no-env-file ${built}`
    case "deno":
      return `exec deno run --no-prompt --allow-all ${built}`
  }
}

/** Starts the service and waits until it is ready, `GET /ready`; unlike the server of `test/support` it logs to a file. */
export const startServer = Effect.fn("startServer")(function* (options: {
  readonly way: Way
  /** Holds the log and what the service keeps. In it the service finds no `.env` of a developer. */
  readonly folder: string
  readonly databaseUrl?: string
  /** Further settings. */
  readonly env?: Readonly<Record<string, string>>
}) {
  return yield* startProgram({
    command: ["sh", "-c", yield* Effect.promise(() => commandOf(options.way))],
    folder: options.folder,
    env: {
      DATA_DIR: join(options.folder, "data"),
      // Else Deno would write its cache into the temporary home, at each start anew.
      DENO_DIR: join(project, "node_modules", ".cache", "deno"),
      RATE_LIMIT: "off",
      APP_SECRET: "what processes on one database have in common",
      ...(options.databaseUrl === undefined ? {} : { DATABASE_URL: options.databaseUrl }),
      ...options.env
    },
    readyPath: "/ready"
  })
})
