import { mkdir, writeFile } from "node:fs/promises"
import { Effect } from "effect"
import type { Machine } from "./machine.ts"
import { median } from "./median.ts"
import type { Plan } from "./plan.ts"
import type { Round } from "./round.ts"

/** A line of the table. */
interface Figure {
  readonly name: string
  readonly of: (round: Round) => number
  readonly digits: number
  readonly aim?: string
}

const figures: ReadonlyArray<Figure> = [
  {
    name: "resets at 32 at once, share of the bare hash rate",
    of: (round) => round.resetsPerSecond / round.bareHashesPerSecond,
    digits: 2,
    aim: "0.75 or more"
  },
  { name: "  resets/s", of: (round) => round.resetsPerSecond, digits: 0 },
  { name: "  bare hashes/s, the better of two pools", of: (round) => round.bareHashesPerSecond, digits: 0 },
  { name: "one reset at a time, over a bare hash", of: (round) => round.resetMillis / round.bareHashMillis, digits: 2 },
  { name: "  reset, ms", of: (round) => round.resetMillis, digits: 2 },
  { name: "  bare hash, ms", of: (round) => round.bareHashMillis, digits: 2 },
  { name: "bad codes/s at 32 at once", of: (round) => round.badCodesPerSecond, digits: 0 },
  { name: "start until ready on PostgreSQL, ms", of: (round) => round.startPostgresMillis, digits: 0 },
  { name: "  on PGlite, new folder, ms", of: (round) => round.startNewPgliteMillis, digits: 0 },
  { name: "  on PGlite, existing folder, ms", of: (round) => round.startExistingPgliteMillis, digits: 0 },
  { name: "memory idle on PostgreSQL, MiB", of: (round) => round.idleMib, digits: 0, aim: "under 150" },
  { name: "  after the load, MiB (the most: after all rounds)", of: (round) => round.loadedMib, digits: 0 },
  { name: "cores busy with others' work (disturbs all above)", of: (round) => round.otherWork, digits: 2, aim: "0" }
]

/** The median of all rounds with its spread, as text. */
export const tableOf = (machine: Machine, rounds: ReadonlyArray<Round>): string => {
  const lines = figures.map(({ aim = "", digits, name, of }) => {
    const values = rounds.map(of)
    const cells = [median(values), Math.min(...values), Math.max(...values)]
    return `${name.padEnd(52)}${cells.map((cell) => cell.toFixed(digits).padStart(9)).join("")}   ${aim}`.trimEnd()
  })
  const { commit, cores, effect, loadBefore, memoryGib, node, postgres, processor, system } = machine
  return [
    `Rekey, ${rounds.length} rounds on ${cores} cores (${processor}), ${memoryGib} GiB, ${system}; load before: ${loadBefore.toFixed(2)}`,
    `Node ${node}, effect ${effect}, PostgreSQL ${postgres}; commit ${commit}`,
    "",
    `${" ".repeat(52)}${["median", "min", "max"].map((head) => head.padStart(9)).join("")}   aim`,
    ...lines
  ].join("\n")
}

const results = new URL("./results/", import.meta.url)

/** Keeps what was measured, each round of it, in bench/results/latest.json. */
export const keepResults = (plan: Plan, machine: Machine, rounds: ReadonlyArray<Round>) =>
  Effect.promise(async () => {
    await mkdir(results, { recursive: true })
    const text = JSON.stringify({ at: new Date().toISOString(), machine, plan, rounds }, null, 2)
    await writeFile(new URL("latest.json", results), `${text}\n`)
  })
