import { execFile } from "node:child_process"
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { Effect } from "effect"
import type { LoadResult } from "./load.ts"
import type { WriterName } from "./writers.ts"

/**
 * Hashes at once, in a process that does nothing else, on a pool as wide as the cores, where threads don't compete: the best rate
 * there is.
 */
export const hashes = (count: number, atOnce: number, writer: WriterName = "argon2id") =>
  Effect.promise(async (signal): Promise<LoadResult> => {
    const script = fileURLToPath(new URL("./bareHashProcess.ts", import.meta.url))
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [script, JSON.stringify({ count, atOnce, writer })],
      { signal, env: { UV_THREADPOOL_SIZE: `${availableParallelism()}` } }
    )
    return JSON.parse(stdout)
  })
