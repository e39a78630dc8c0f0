import { readdirSync, readFileSync } from "node:fs"
import { setPriority } from "node:os"
import { Effect } from "effect"

const threads = "/proc/self/task"

/**
 * Lets this process's hashes stand back behind everything else (`nice`, 0 to 19): what isn't a hash, here and in a database on the
 * same machine, then never waits for one to end its time slice. The threads are those of libuv's pool, which are there once
 * anything was hashed; where they can't be told or lowered (another system, another runtime) all stays as it is.
 */
export const letHashesStandBack = (nice: number): Effect.Effect<void> =>
  Effect.sync(() => {
    try {
      for (const thread of readdirSync(threads)) {
        const name = readFileSync(`${threads}/${thread}/comm`, "utf8").trim()
        if (name === "libuv-worker") setPriority(Number(thread), nice)
      }
    } catch {}
  })
