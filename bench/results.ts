import { execFile } from "node:child_process"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { Effect } from "effect"
import { type Bar, chartOf } from "./chart.ts"
import type { Machine } from "./machine.ts"
import type { Plan } from "./plan.ts"
import { median } from "./quantile.ts"
import { aimsOf, asMarkdown, ceilingsOf, circumstances, figuresOf } from "./report.ts"
import type { Round } from "./round.ts"
import type { Measurements } from "./speed.ts"

const results = new URL("./results/", import.meta.url)
const docs = new URL("../docs/", import.meta.url)

/** Keeps what was measured, each round of it, in bench/results, named for what it is and for its commit. */
export const keepResults = (name: string, machine: Machine, measured: object) =>
  Effect.promise(async () => {
    await mkdir(results, { recursive: true })
    const text = JSON.stringify({ at: new Date().toISOString(), machine, ...measured }, null, 2)
    await writeFile(new URL(`${name}${machine.commit.replace(/\W+/g, "-")}.json`, results), `${text}\n`)
  })

export const keepSpeed = (plan: Plan, machine: Machine, measurements: Measurements) =>
  keepResults("", machine, { plan, ...measurements })

const chartsOf = ({ contestants }: Measurements): Readonly<Record<string, string>> => {
  const bars = (of: (round: Round) => number): ReadonlyArray<Bar> =>
    contestants.map(({ name, rounds }) => ({ name, value: median(rounds.map(of)), ours: name.startsWith("Rekey") }))
  const bare: Bar = {
    name: "bare hashes",
    value: median(contestants.flatMap(({ rounds }) => rounds.map(({ bareHashesPerSecond }) => bareHashesPerSecond))),
    ours: false
  }
  return {
    "resets.svg": chartOf("Resets per second, 32 at once", [...bars(({ resetsAt32 }) => resetsAt32.perSecond), bare]),
    "wrong-codes.svg": chartOf(
      "Wrong codes refused per second, 32 at once",
      bars(({ badCodes }) => badCodes.perSecond)
    ),
    "waiting.svg": chartOf(
      "A health check while 32 resets run, milliseconds, 99 in 100",
      bars((round) => round.healthDuringResets.p99Millis),
      1
    ),
    "start.svg": chartOf(
      "Start to the first answer on PostgreSQL, milliseconds",
      bars(({ startMillis }) => startMillis)
    ),
    "memory.svg": chartOf(
      "Memory idle, MiB",
      bars(({ idleMib }) => idleMib)
    )
  }
}

/** The marks between which a command writes what it measured, and the page of `docs` that has them. */
const sections = {
  measured: "performance.md",
  formats: "performance.md",
  flame: "performance.md",
  growth: "performance.md",
  soak: "performance.md",
  scaling: "scaling.md",
  partitions: "scaling.md",
  entries: "embedding.md"
}

/** Puts text between the two marks of a section, and charts beside its page. */
export const writeSection = (
  section: keyof typeof sections,
  parts: ReadonlyArray<string>,
  charts: Readonly<Record<string, string>>
) =>
  Effect.promise(async () => {
    const images = new URL("images/", docs)
    await mkdir(images, { recursive: true })
    for (const [name, chart] of Object.entries(charts)) await writeFile(new URL(name, images), chart)
    const page = new URL(sections[section], docs)
    const text = await readFile(page, "utf8")
    const marked = new RegExp(`(<!-- ${section} -->\\n)[\\s\\S]*(<!-- /${section} -->)`)
    await writeFile(
      page,
      text.replace(marked, (_, from: string, to: string) => `${from}\n${parts.join("\n\n")}\n\n${to}`)
    )
    await promisify(execFile)("biome", ["format", "--write", fileURLToPath(page)]) // npm puts it into PATH
  })

/** How a page shows charts that lie beside it. */
export const imagesOf = (charts: Readonly<Record<string, string>>): ReadonlyArray<string> =>
  Object.keys(charts).map((name) => `![](images/${name})`)

/** Puts the tables and charts into docs/performance.md. */
export const writeSpeed = (plan: Plan, machine: Machine, measurements: Measurements) => {
  const charts = chartsOf(measurements)
  const parts = [
    circumstances(machine, { ...measurements, rounds: plan.rounds }),
    asMarkdown(aimsOf(measurements)),
    ...imagesOf(charts),
    asMarkdown(ceilingsOf(measurements)),
    asMarkdown(figuresOf(measurements))
  ]
  return writeSection("measured", parts, charts)
}
