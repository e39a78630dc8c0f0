import { parseArgs } from "node:util"
import { Console, Data, Deferred, Effect, FiberSet, Schedule } from "effect"
import type { SqlClient } from "effect/sql"
import { simpleParser } from "mailparser"
import { type Account, makeAccounts, untilDone } from "./accounts.ts"
import { curveOf } from "./chart.ts"
import { cpuOfEach } from "./cpu.ts"
import { badCode, check, forgot, health, reset, resetAgain, signIn, signInAfterReset } from "./exchanges.ts"
import { temporaryFolder } from "./folder.ts"
import { fitLine, type Line } from "./line.ts"
import { clientAddress, type Exchange, from, runLoad } from "./load.ts"
import { describeMachine, loadBefore, type Machine } from "./machine.ts"
import { mailServer } from "./mailServer.ts"
import { OptionsInvalid } from "./plan.ts"
import { emptyDatabase, postgres } from "./postgres.ts"
import { withLog } from "./program.ts"
import { makeProgressBar } from "./progressBar.ts"
import { median } from "./quantile.ts"
import { asMarkdown, asText, type Table } from "./report.ts"
import { imagesOf, keepResults, writeSection } from "./results.ts"
import { build, startServer } from "./server.ts"

/** Each comes back after 33 minutes, so neither the cooldown nor the cap of an hour meets anybody. */
const accountsInAll = 10_000

/** So often somebody forgets a password, gets the mail, follows it and sets a new one, and somebody else signs in. */
const visitEvery = "200 millis"

/** Wrong codes with each of them. */
const badCodesEach = 12

/** How old a row gets before it is made days older, so that an hour holds what days do, clean-up included. */
const daysAfter = "10 minutes"

const sampleEvery = "10 seconds"

/** What comes before isn't part of the slope: a sixth, 10 minutes of an hour. */
const warmUpShare = 1 / 6

/** Mails leave within a second; nobody waits longer. */
const mailWithin = "30 seconds"

interface Sample {
  readonly minutes: number
  readonly residentMib: number
}

/** Times of the wrong codes of one visit. */
interface Times {
  readonly minutes: number
  readonly medianMillis: number
}

/** Rows of each table. */
type Rows = Readonly<Record<string, number>>

class MailMissing extends Data.TaggedError("MailMissing")<{ readonly recipient: string }> {
  override get message() {
    return `The bench stops: no mail for ${this.recipient} within ${mailWithin}`
  }
}

const readMinutes = (parameters: ReadonlyArray<string>) =>
  Effect.try({
    try: () => {
      const { docs = false, minutes = "60" } = parseArgs({
        args: [...parameters],
        options: { minutes: { type: "string" }, docs: { type: "boolean" } }
      }).values
      if (!/^\d+$/.test(minutes) || Number(minutes) < 1) throw new Error("--minutes should be a whole number from 1 on")
      return { docs, minutes: Number(minutes) }
    },
    catch: (error) => new OptionsInvalid({ complaint: error instanceof Error ? error.message : String(error) })
  })

/** Mail boxes: who waits for a code gets it. */
const makeBoxes = () => {
  const waiting = new Map<string, (code: string) => void>()
  return {
    took: async (raw: string) => {
      const mail = await simpleParser(raw)
      const recipient = Array.isArray(mail.to) ? undefined : mail.to?.value[0]?.address
      const code = /[?&]code=([\w-]+)/.exec(mail.text ?? "")?.[1]
      if (recipient !== undefined && code !== undefined) waiting.get(recipient)?.(code)
    },
    /** Asks for a code, and waits for its mail. */
    codeFor: Effect.fnUntraced(function* <E>({ email }: Account, ask: Effect.Effect<unknown, E>) {
      const arrived = yield* Deferred.make<string>()
      waiting.set(email, (code) => Deferred.doneUnsafe(arrived, Effect.succeed(code)))
      yield* ask
      const code = yield* Deferred.await(arrived).pipe(
        Effect.timeoutOrElse({
          duration: mailWithin,
          orElse: () => Effect.fail(new MailMissing({ recipient: email }))
        })
      )
      waiting.delete(email)
      return code
    })
  }
}

const tables = ["users", "sessions", "reset_codes", "recovery_requests", "outbox", "audit", "rate_limits"] as const

const countRows = (sql: SqlClient.SqlClient) =>
  Effect.gen(function* () {
    const rows: Record<string, number> = {}
    for (const table of tables) {
      const [row] = yield* sql<{ readonly count: number }>`select count(*)::int as count from ${sql(table)}`
      rows[table] = row?.count ?? 0
    }
    return rows as Rows
  }).pipe(Effect.orDie)

/** Makes what is some minutes old so much older that its time to go has come. */
const makeOlder = (sql: SqlClient.SqlClient) =>
  Effect.gen(function* () {
    const before = sql.literal(`now() - interval '${daysAfter}'`)
    yield* sql`
      update reset_codes set issued_at = issued_at - interval '3 days', expires_at = expires_at - interval '3 days'
      where issued_at < ${before} and expires_at > now() - interval '1 day'`
    yield* sql`
      update outbox set settled_at = settled_at - interval '8 days'
      where settled_at < ${before} and settled_at > now() - interval '1 day'`
    yield* sql`update audit set at = at - interval '401 days' where at < ${before} and at > now() - interval '1 day'`
    yield* sql`update sessions set expires_at = now() where created_at < ${before} and expires_at > now()`
  }).pipe(Effect.orDie)

interface Measured {
  readonly minutes: number
  readonly samples: ReadonlyArray<Sample>
  readonly times: ReadonlyArray<Times>
  readonly line: Line
  readonly cores: number
  readonly answers: Readonly<Record<string, number>>
  readonly rowsAtMost: Rows
  readonly rowsLeft: Rows
}

const beginsAt = ({ minutes }: Pick<Measured, "minutes">) => minutes * warmUpShare

/** The wrong code of half of the visits, at most, in a part of the hour. */
const medianBetween = ({ minutes, times }: Measured, from: number, to: number): string =>
  median(
    times
      .filter(({ minutes: at }) => at >= from * minutes && at <= to * minutes)
      .map(({ medianMillis }) => medianMillis)
  ).toFixed(2)

/** The least memory in each sixth of the time: what collections of garbage leave, without the work between them. */
const floorsOf = ({ minutes, samples }: Measured): string =>
  Array.from({ length: 6 }, (_, sixth) =>
    Math.min(
      ...samples
        .filter(({ minutes: at }) => at >= (sixth * minutes) / 6 && at <= ((sixth + 1) * minutes) / 6)
        .map(({ residentMib }) => residentMib)
    ).toFixed(0)
  ).join(", ")

const summaryOf = ({ commit, memoryGib, node, postgres, processor, cores, system }: Machine, measured: Measured) => {
  const { line, minutes, samples } = measured
  const [first, last] = [samples.find(({ minutes }) => minutes >= beginsAt(measured)), samples.at(-1)]
  return [
    `Commit ${commit}; ${minutes} minutes on ${cores} cores (${processor}), ${memoryGib} GiB, ${system}; Node ${node}, PostgreSQL ${postgres}.`,
    `The service kept ${measured.cores.toFixed(2)} cores busy. Resident memory: ${first?.residentMib.toFixed(0)} MiB after ${beginsAt(measured).toFixed(0)} minutes, ${last?.residentMib.toFixed(0)} in the end,`,
    `at most ${Math.max(...samples.map(({ residentMib }) => residentMib)).toFixed(0)}; its slope in between ${line.slope.toFixed(1)} ± ${line.standardError.toFixed(1)} MiB an hour (least squares, standard error),`,
    `and the least of each sixth of the time ${floorsOf(measured)}.`,
    `A wrong code took ${medianBetween(measured, warmUpShare, 2 * warmUpShare)} ms after the warm-up and ${medianBetween(measured, 1 - warmUpShare, 1)} in the last minutes.`
  ].join("\n")
}

const answersOf = ({ answers, minutes }: Measured): Table => ({
  head: ["answers, each as it should be", "", "a second"],
  rows: Object.entries(answers).map(([kind, count]) => [
    kind,
    count.toLocaleString("en"),
    (count / minutes / 60).toFixed(1)
  ])
})

const rowsOf = ({ rowsAtMost, rowsLeft }: Measured): Table => ({
  head: ["rows in", "at most", "in the end"],
  rows: tables.map((table) => [
    table,
    (rowsAtMost[table] ?? 0).toLocaleString("en"),
    (rowsLeft[table] ?? 0).toLocaleString("en")
  ])
})

const chartOf = (measured: Measured): string => {
  const { line, minutes, samples } = measured
  const at = (minutes: number) => [minutes, line.at0 + (line.slope * minutes) / 60] as const
  return curveOf(
    "Resident memory under a steady load, MiB",
    samples.map(({ minutes, residentMib }) => [minutes, residentMib]),
    [at(beginsAt(measured)), at(minutes)],
    { x: "minutes", y: "MiB" }
  )
}

/**
 * A service on PostgreSQL with a mail server under a steady, moderate load for an hour: forgotten passwords whose mails are
 * followed, sign-ins, wrong codes, health. Every answer is checked. What its memory does, and what is left in the tables.
 */
export const soak = Effect.fn("soak")(function* (
  parameters: ReadonlyArray<string>,
  progress: (text: string) => Effect.Effect<void>
) {
  const { docs, minutes } = yield* readMinutes(parameters)
  const load = yield* loadBefore
  yield* progress("Building, and starting PostgreSQL and a mail server...")
  yield* build
  const { sql, url } = yield* emptyDatabase(yield* postgres)
  const machine = yield* describeMachine(sql, load)
  const { codeFor, took } = makeBoxes()
  const server = yield* startServer({
    way: "node",
    folder: yield* temporaryFolder,
    databaseUrl: url,
    env: {
      SMTP_URL: yield* mailServer({ millis: 0, took }),
      MAIL_FROM: "rekey@example.com",
      RATE_LIMIT: "on",
      TRUSTED_PROXIES: "127.0.0.1"
    }
  })
  const accounts = yield* makeAccounts(sql, accountsInAll)
  // Else the cooldown of a code that was just issued would hold the first mails back.
  yield* Effect.orDie(sql`update reset_codes set issued_at = issued_at - interval '2 hours'`)

  const began = performance.now()
  const minutesSoFar = () => (performance.now() - began) / 60_000
  const samples: Array<Sample> = []
  const times: Array<Times> = []
  const answers: Record<string, number> = {}
  const rowsAtMost: Record<string, number> = {}
  let turn = 0

  /** Each from a client of its own, so that limits count and nobody meets them. */
  const ask = Effect.fnUntraced(function* (kind: string, exchanges: ReadonlyArray<Exchange>) {
    const result = yield* runLoad(server.port, exchanges, 1)
    answers[kind] = (answers[kind] ?? 0) + exchanges.length
    return result
  })
  const visit = Effect.gen(function* () {
    const number = turn++
    const account = accounts[number % accounts.length]
    const other = accounts[(number + accounts.length / 2) % accounts.length]
    if (account === undefined || other === undefined) return
    const client = clientAddress(number)
    const { medianMillis } = yield* ask(
      "wrong codes",
      Array.from({ length: badCodesEach }, () => from(client, badCode()))
    )
    times.push({ minutes: minutesSoFar(), medianMillis })
    yield* ask("health", [health])
    const code = yield* codeFor(account, ask("forgotten, and mailed", [from(client, forgot(account))]))
    const owner = { ...account, code }
    yield* ask("links looked at", [from(client, check(owner))])
    yield* ask("resets", [from(client, reset(owner))])
    yield* ask("codes used again", [from(client, resetAgain(owner))])
    yield* ask("sign-ins", [
      from(client, signInAfterReset(owner)),
      // Half a turn away: reset half a turn ago, or never yet.
      from(client, number < accounts.length / 2 ? signIn(other) : signInAfterReset(other))
    ])
  })
  const sample = Effect.map(server.memoryMib, (residentMib) => samples.push({ minutes: minutesSoFar(), residentMib }))
  const tend = Effect.gen(function* () {
    for (const [table, count] of Object.entries(yield* countRows(sql)))
      rowsAtMost[table] = Math.max(count, rowsAtMost[table] ?? 0)
    yield* makeOlder(sql)
  })
  const show = makeProgressBar(`Soaking for ${minutes} minutes`, minutes)

  const visits = yield* FiberSet.make<void, Effect.Error<typeof visit>>()
  const all = Effect.all(
    [
      FiberSet.run(visits, visit).pipe(Effect.repeat(Schedule.fixed(visitEvery))),
      Effect.repeat(sample, Schedule.fixed(sampleEvery)),
      Effect.repeat(tend, Schedule.fixed("1 minute")),
      Effect.repeat(
        Effect.suspend(() => show(minutesSoFar())),
        Schedule.fixed("10 seconds")
      ),
      FiberSet.join(visits)
    ],
    { concurrency: "unbounded", discard: true }
  )
  yield* progress("It begins. Other work on the machine does no harm.")
  const [, cpu] = yield* cpuOfEach(
    all.pipe(Effect.timeoutOption(`${minutes} minutes`)),
    minutes * 60_000,
    server.pid
  ).pipe(withLog(server, progress))
  yield* FiberSet.awaitEmpty(visits)
  yield* untilDone(sql)
  const measured: Measured = {
    minutes,
    samples,
    times,
    line: fitLine(
      samples
        .filter(({ minutes: at }) => at > beginsAt({ minutes }))
        .map(({ minutes: at, residentMib }) => [at / 60, residentMib])
    ),
    cores: cpu.server + cpu.hash,
    answers,
    rowsAtMost,
    rowsLeft: yield* countRows(sql)
  }
  yield* Console.log([summaryOf(machine, measured), asText(answersOf(measured)), asText(rowsOf(measured))].join("\n\n"))
  yield* keepResults("soak-", machine, measured)
  if (docs) {
    const charts = { "soak.svg": chartOf(measured) }
    yield* writeSection(
      "soak",
      [
        summaryOf(machine, measured),
        ...imagesOf(charts),
        asMarkdown(answersOf(measured)),
        asMarkdown(rowsOf(measured))
      ],
      charts
    )
  }
})
