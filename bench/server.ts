import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import { startProgram } from "./program.ts"

const project = fileURLToPath(new URL("../", import.meta.url))

/** What `npm start` runs, with its paths absolute: it is run in another folder. */
const startScript = async (): Promise<string> => {
  const manifest: { readonly scripts: { readonly start: string } } = JSON.parse(
    await readFile(join(project, "package.json"), "utf8")
  )
  return manifest.scripts.start.replaceAll(/\b(?=(node_modules|src)\/)/g, project)
}

/** Starts the service and waits until it is ready, `GET /ready`; unlike the server of `test/support` it logs to a file. */
export const startServer = Effect.fn("startServer")(function* (options: {
  /** Holds the log and what the service keeps. In it the service finds no `.env` of a developer. */
  readonly folder: string
  readonly databaseUrl?: string
  /** Further settings. */
  readonly env?: Readonly<Record<string, string>>
}) {
  return yield* startProgram({
    command: ["sh", "-c", yield* Effect.promise(startScript)],
    folder: options.folder,
    env: {
      DATA_DIR: join(options.folder, "data"),
      RATE_LIMIT: "off",
      ...(options.databaseUrl === undefined ? {} : { DATABASE_URL: options.databaseUrl }),
      ...options.env
    },
    readyPath: "/ready"
  })
})
