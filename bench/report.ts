import { betterAuth, rekeyOnNode } from "./contestants.ts"
import type { Machine } from "./machine.ts"
import { median } from "./quantile.ts"
import type { Round } from "./round.ts"
import type { Measured, Measurements } from "./speed.ts"

export interface Table {
  readonly head: ReadonlyArray<string>
  readonly rows: ReadonlyArray<readonly [name: string, ...cells: ReadonlyArray<string>]>
}

/** A line of the table. */
interface Figure {
  readonly name: string
  readonly digits: number
  of(round: Round, contestant: Measured): number
}

const figures: ReadonlyArray<Figure> = [
  { name: "resets/s, 1 at a time", digits: 0, of: ({ resetsAt1 }) => resetsAt1.perSecond },
  { name: "resets/s, 8 at once", digits: 0, of: ({ resetsAt8 }) => resetsAt8.perSecond },
  { name: "resets/s, 32 at once", digits: 0, of: ({ resetsAt32 }) => resetsAt32.perSecond },
  { name: "resets/s, 256 at once", digits: 0, of: ({ resetsAt256 }) => resetsAt256.perSecond },
  { name: "bare hashes/s beside them, 32 at once", digits: 0, of: (round) => round.bareHashesPerSecond },
  { name: "a reset, 1 at a time, ms: p50", digits: 1, of: ({ resetsAt1 }) => resetsAt1.medianMillis },
  { name: "… p99", digits: 1, of: ({ resetsAt1 }) => resetsAt1.p99Millis },
  { name: "a reset, 32 at once, ms: p50", digits: 0, of: ({ resetsAt32 }) => resetsAt32.medianMillis },
  { name: "… p99", digits: 0, of: ({ resetsAt32 }) => resetsAt32.p99Millis },
  { name: "CPU of a reset, ms: the server's thread", digits: 2, of: ({ cpuOfReset }) => cpuOfReset.server },
  { name: "… its other threads, the hash", digits: 2, of: ({ cpuOfReset }) => cpuOfReset.hash },
  { name: "… PostgreSQL", digits: 2, of: ({ cpuOfReset }) => cpuOfReset.database },
  { name: "… the bench", digits: 2, of: ({ cpuOfReset }) => cpuOfReset.driver },
  { name: "wrong codes/s, 32 at once", digits: 0, of: ({ badCodes }) => badCodes.perSecond },
  { name: "… with limits on", digits: 0, of: ({ badCodesWithLimits }) => badCodesWithLimits.perSecond },
  { name: "CPU of a wrong code, ms: the server's thread", digits: 3, of: ({ cpuOfBadCode }) => cpuOfBadCode.server },
  { name: "… its other threads", digits: 3, of: ({ cpuOfBadCode }) => cpuOfBadCode.hash },
  { name: "… PostgreSQL", digits: 3, of: ({ cpuOfBadCode }) => cpuOfBadCode.database },
  { name: "… the bench", digits: 3, of: ({ cpuOfBadCode }) => cpuOfBadCode.driver },
  { name: "forgot/s, 32 at once", digits: 0, of: ({ forgots }) => forgots.perSecond },
  { name: "sign-ins/s, 32 at once", digits: 0, of: ({ signIns }) => signIns.perSecond },
  { name: "health while 32 resets run, ms: p50", digits: 1, of: (round) => round.healthDuringResets.medianMillis },
  { name: "… p99", digits: 1, of: (round) => round.healthDuringResets.p99Millis },
  { name: "a wrong code meanwhile, ms: p50", digits: 1, of: (round) => round.badCodeDuringResets.medianMillis },
  { name: "… p99", digits: 1, of: (round) => round.badCodeDuringResets.p99Millis },
  { name: "start to the first answer, PostgreSQL, ms", digits: 0, of: ({ startMillis }) => startMillis },
  { name: "memory idle, MiB", digits: 0, of: ({ idleMib }) => idleMib },
  { name: "… after all resets", digits: 0, of: (_, { loadedMib }) => loadedMib }
]

/** The median, and in brackets the least and the most. */
export const cell = (values: ReadonlyArray<number>, digits: number): string => {
  if (values.some(Number.isNaN)) return ""
  const [middle, least, most] = [median(values), Math.min(...values), Math.max(...values)].map((value) =>
    value.toFixed(digits)
  )
  return least === most ? `${middle}` : `${middle} (${least}–${most})`
}

/** A column of a table of rounds: what it says of a round, and of the first row's round beside it. */
export type Column<Round> = readonly [name: string, digits: number, of: (round: Round, firsts: Round) => number]

/** The cells of a row, over its rounds and those of the first row. */
export const cellsOf = <Round>(
  columns: ReadonlyArray<Column<Round>>,
  rounds: ReadonlyArray<Round>,
  firsts: ReadonlyArray<Round> = rounds
): ReadonlyArray<string> =>
  columns.map(([, digits, of]) =>
    cell(
      rounds.map((round, index) => of(round, firsts[index] ?? round)),
      digits
    )
  )

/** Every figure of everybody. */
export const figuresOf = ({ contestants }: Measurements): Table => ({
  head: ["", ...contestants.map(({ name }) => name)],
  rows: figures.map(({ digits, name, of }) => [
    name,
    ...contestants.map((contestant) =>
      cell(
        contestant.rounds.map((round) => of(round, contestant)),
        digits
      )
    )
  ])
})

const named = ({ contestants }: Measurements, wanted: string): Measured => {
  const found = contestants.find(({ name }) => name === wanted)
  if (found === undefined) throw new Error(`${wanted} wasn't measured`)
  return found
}

/** What should be reached, each a ratio or a time of this run. */
export const aimsOf = (measurements: Measurements): Table => {
  const ours = named(measurements, rekeyOnNode.name)
  const theirs = named(measurements, betterAuth.name)
  const of = (value: (round: Round) => number) => ours.rounds.map(value)
  const ofTheirs = (value: (round: Round) => number) => theirs.rounds.map(value)
  const ratio = (value: (round: Round) => number) =>
    ours.rounds.map((round, index) => value(round) / value(theirs.rounds[index] ?? round))
  const ways = <K extends keyof Measurements["ways"][number]>(key: K) => measurements.ways.map((way) => way[key])
  const share = ({ bareHashesPerSecond, resetsAt32 }: Round) => resetsAt32.perSecond / bareHashesPerSecond
  const over = ({ bareHash, resetsAt1 }: Round) => resetsAt1.medianMillis / bareHash.medianMillis
  const rows: ReadonlyArray<readonly [string, ReadonlyArray<number>, ReadonlyArray<number>, number, string]> = [
    ["resets/s at 32, share of the bare hash rate", of(share), ofTheirs(share), 2, "0.88"],
    ["a reset at 1 at a time, over a bare hash", of(over), ofTheirs(over), 2, "1.15"],
    ["wrong codes/s at 32, against better-auth", ratio(({ badCodes }) => badCodes.perSecond), [1], 1, "7"],
    ["… limits on", ratio(({ badCodesWithLimits }) => badCodesWithLimits.perSecond), [1], 1, "4"],
    [
      "p99 of health while 32 resets run, ms",
      of((round) => round.healthDuringResets.p99Millis),
      ofTheirs((round) => round.healthDuringResets.p99Millis),
      1,
      "5"
    ],
    [
      "… of a wrong code, ms",
      of((round) => round.badCodeDuringResets.p99Millis),
      ofTheirs((round) => round.badCodeDuringResets.p99Millis),
      1,
      "10"
    ],
    [
      "start on PostgreSQL, ms: built",
      of(({ startMillis }) => startMillis),
      ofTheirs(({ startMillis }) => startMillis),
      0,
      "130"
    ],
    ["… from source", ways("startFromSourcesMillis"), [], 0, "400"],
    ["memory, built, MiB: idle", of(({ idleMib }) => idleMib), ofTheirs(({ idleMib }) => idleMib), 0, "80"],
    ["… after all resets", [ours.loadedMib], [theirs.loadedMib], 0, "150"],
    ["… idle, from source", ways("idleFromSourcesMib"), [], 0, ""],
    ["start on PGlite, ms: existing folder", ways("startExistingPgliteMillis"), [], 0, "500"],
    ["… new folder", ways("startNewPgliteMillis"), [], 0, "1000"],
    ["resets/s at 32 over two processes", ways("resetsOfTwoPerSecond"), [], 0, ""]
  ]
  return {
    head: ["", rekeyOnNode.name, betterAuth.name, "to reach"],
    rows: rows.map(([name, values, others, digits, aim]) => [
      name,
      cell(values, digits),
      others.length === 0 ? "" : cell(others, digits),
      aim
    ])
  }
}

/** What nobody can go beyond. */
export const ceilingsOf = ({ ceilings, contestants }: Measurements): Table => {
  const [first] = contestants
  const rows: ReadonlyArray<readonly [string, ReadonlyArray<number>, number]> = [
    ["hashes/s, 32 at once", first?.rounds.map(({ bareHashesPerSecond }) => bareHashesPerSecond) ?? [], 0],
    ["a hash, 1 at a time, ms", first?.rounds.map(({ bareHash }) => bareHash.medianMillis) ?? [], 1],
    ["an empty Node server, requests/s", ceilings.map(({ emptyServer }) => emptyServer.perSecond), 0],
    ["one indexed read, statements/s", ceilings.map(({ indexedRead }) => indexedRead.perSecond), 0],
    ["one committed write, statements/s", ceilings.map(({ committedWrite }) => committedWrite.perSecond), 0]
  ]
  return {
    head: ["bare, on this machine", ""],
    rows: rows.map(([name, values, digits]) => [name, cell(values, digits)])
  }
}

/** Where and how it was measured, in a line or two. */
export const circumstances = (
  { commit, cores, effect, memoryGib, node, postgres, processor, system }: Machine,
  { repeated, rounds, strangers }: { readonly rounds: number; readonly repeated: number; readonly strangers: number }
): string =>
  [
    `Commit ${commit}; ${rounds} rounds on ${cores} cores (${processor}), ${memoryGib} GiB, ${system}.`,
    `Node ${node}, effect ${effect}, PostgreSQL ${postgres}.`,
    `${repeated} rounds were disturbed by other work and measured again; in those that count, ${Number.isNaN(strangers) ? "that is unknown" : `it kept ${strangers.toFixed(2)} cores busy at most`}.`
  ].join("\n")

/** For a terminal. */
export const asText = ({ head, rows }: Table): string => {
  const lines = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines
    .map((line) =>
      line
        .map((text, column) => (column === 0 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0)))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}

export const asMarkdown = ({ head, rows }: Table): string =>
  [head, head.map((_, column) => (column === 0 ? "---" : "--:")), ...rows]
    .map((line) => `| ${line.join(" | ")} |`)
    .join("\n")
