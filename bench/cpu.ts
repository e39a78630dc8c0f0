import { readdirSync, readFileSync } from "node:fs"
import { Effect } from "effect"

/** CPU time in milliseconds. */
export interface CpuTimes {
  /** The thread of the server, or of each of several, that takes requests. */
  readonly server: number
  /** The other threads: hashes, and what the runtime does on the side. */
  readonly hash: number
  readonly database: number
  /** The bench. */
  readonly driver: number
}

/** Linux counts in hundredths of a second. */
const millisPerTick = 10

/** Of /proc's stat: user, system, and both of children that have ended. */
const ticksIn = (file: string): readonly [own: number, ofChildren: number] => {
  const text = readFileSync(file, "utf8")
  // The name before may hold anything, a closing bracket too.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
  const [user = 0, system = 0, ofUser = 0, ofSystem = 0] = fields.slice(11, 15).map(Number)
  return [user + system, ofUser + ofSystem]
}

const processes = (): ReadonlyArray<string> => readdirSync("/proc").filter((name) => /^\d+$/.test(name))

/** 0 for a process that ended while we looked. */
const sumOf = (names: ReadonlyArray<string>, ticks: (name: string) => number): number =>
  names.reduce((sum, name) => {
    try {
      return sum + ticks(name)
    } catch {
      return sum
    }
  }, 0)

const isPostgres = (pid: string): boolean => readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("postgres")

/** Ticks of each process of PostgreSQL: there may be others in the end. */
const databaseTicks = (): ReadonlyMap<string, number> =>
  new Map(
    processes().map((pid) => [pid, sumOf([pid], (pid) => (isPostgres(pid) ? ticksIn(`/proc/${pid}/stat`)[0] : 0))])
  )

const read = (pids: ReadonlyArray<number>): Omit<CpuTimes, "database"> => {
  const names = pids.map(String)
  const server = sumOf(names, (pid) => ticksIn(`/proc/${pid}/task/${pid}/stat`)[0])
  const whole = sumOf(names, (pid) => ticksIn(`/proc/${pid}/stat`)[0])
  const { system, user } = process.cpuUsage()
  return {
    server: server * millisPerTick,
    hash: (whole - server) * millisPerTick,
    driver: (user + system) / 1000
  }
}

const unknown: CpuTimes = { server: Number.NaN, hash: Number.NaN, database: Number.NaN, driver: Number.NaN }

/**
 * What a request costs each part, in milliseconds of CPU, while `load` sends so many of them to the processes `pids`. Linux alone
 * tells.
 */
export const cpuOfEach = <A, E, R>(load: Effect.Effect<A, E, R>, count: number, ...pids: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    if (process.platform !== "linux") return [yield* load, unknown] as const
    const [before, databaseBefore] = [read(pids), databaseTicks()]
    const result = yield* load
    const [after, databaseAfter] = [read(pids), databaseTicks()]
    const each = (part: keyof typeof before) => (after[part] - before[part]) / count
    const ofDatabase = [...databaseAfter].reduce((sum, [pid, ticks]) => sum + ticks - (databaseBefore.get(pid) ?? 0), 0)
    const cpu: CpuTimes = {
      server: each("server"),
      hash: each("hash"),
      database: (ofDatabase * millisPerTick) / count,
      driver: each("driver")
    }
    return [result, cpu] as const
  })

const parentOf = (pid: string): string => {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8")
  return text.slice(text.lastIndexOf(")") + 2).split(" ")[1] ?? ""
}

/** Ticks of this process and of all that came from it, those that have ended too. */
const ourTicks = (): number => {
  const parents = new Map(processes().map((pid) => [pid, sumOf([pid], (pid) => Number(parentOf(pid)))]))
  const isOurs = (pid: string): boolean =>
    pid === String(process.pid) || (parents.has(pid) && pid !== "0" && isOurs(String(parents.get(pid))))
  return sumOf([...parents.keys()].filter(isOurs), (pid) => {
    const [own, ofChildren] = ticksIn(`/proc/${pid}/stat`)
    return own + ofChildren
  })
}

/** Ticks of everybody: user, nice, system; what interrupts take is nobody's. */
const allTicks = (): number => {
  const [user = 0, nice = 0, system = 0] = readFileSync("/proc/stat", "utf8").split(/\s+/).slice(1, 4).map(Number)
  return user + nice + system
}

/** How many cores strangers kept busy meanwhile: what the machine did, without us and all that we started. Linux alone tells, and where the database is ours too. */
export const withStrangers = <A, E, R>(work: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    if (process.platform !== "linux" || process.env.BENCH_DATABASE_URL !== undefined) {
      return [yield* work, Number.NaN] as const
    }
    const [all, ours, began] = [allTicks(), ourTicks(), performance.now()]
    const result = yield* work
    const strangers = (allTicks() - all - (ourTicks() - ours)) * millisPerTick
    return [result, Math.max(0, strangers / (performance.now() - began))] as const
  })
