import { parseArgs } from "node:util"
import { Console, Effect, Random } from "effect"
import { makeAccounts, untilDone } from "./accounts.ts"
import { temporaryFolder } from "./folder.ts"
import { Connection, requestText } from "./http.ts"
import { LoadFailed } from "./load.ts"
import { describeMachine, loadBefore } from "./machine.ts"
import { mailServer } from "./mailServer.ts"
import { OptionsInvalid } from "./plan.ts"
import { emptyDatabase, postgres } from "./postgres.ts"
import { median } from "./quantile.ts"
import { rocArea } from "./rocArea.ts"
import { build, startServer } from "./server.ts"

/** A request whose time an attacker takes, about an address that has an account or one that has none. */
interface Attempt {
  readonly known: boolean
  readonly request: string
}

/** A door, and what the attacker looks at after it. */
interface Probe {
  readonly name: string
  readonly status: number
  /** The request about the `index`th address with an account, or without one. */
  requestAbout(known: boolean, index: number): string
  /** `GET /health` so many times, right after the answer. */
  readonly healthChecks: number
}

/** In milliseconds: first the door's answer, then the health checks that followed it. */
type Sample = { readonly known: boolean; readonly millis: ReadonlyArray<number> }

const mailMillis = 500
const warmUps = 40

/** Addresses of one form and length, so that nothing but the account differs. */
const probesOf = (emails: ReadonlyArray<string>): ReadonlyArray<Probe> => {
  const addressOf = (known: boolean, index: number) => (known ? (emails[index] ?? "") : `Nobody.${index}@example.com`)
  return [
    {
      name: "forgot",
      status: 200,
      requestAbout: (known, index) => requestText("POST", "/auth/forgot-password", { email: addressOf(known, index) }),
      healthChecks: 6
    },
    {
      name: "sign-in",
      status: 400,
      requestAbout: (known, index) =>
        requestText("POST", "/auth/local", { identifier: addressOf(known, index), password: "a wrong long phrase" }),
      healthChecks: 0
    },
    {
      name: "register, to be confirmed",
      status: 200,
      requestAbout: (known, index) =>
        requestText("POST", "/auth/local/register", {
          username: `${known ? "Ada" : "Bob"} ${index}`,
          email: addressOf(known, index),
          password: "a long new phrase"
        }),
      healthChecks: 0
    }
  ]
}

const sampleOf = Effect.fnUntraced(function* (connection: Connection, probe: Probe, { known, request }: Attempt) {
  const timed = (request: string, status: number) =>
    Effect.promise(async () => {
      const began = performance.now()
      const answer = await connection.exchange(request)
      return { answer, right: answer.status === status, millis: performance.now() - began }
    })
  const results = [yield* timed(request, probe.status)]
  for (let check = 0; check < probe.healthChecks; check++) results.push(yield* timed(health, 200))
  for (const { answer, right } of results) {
    if (!right) {
      return yield* new LoadFailed({ complaint: `${probe.name} was answered with ${answer.status} ${answer.body}` })
    }
  }
  const sample: Sample = { known, millis: results.map(({ millis }) => millis) }
  return sample
})

const health = requestText("GET", "/health")

const lineOf = (name: string, samples: ReadonlyArray<Sample>, place: number, aim: string): string => {
  const times = (wanted: boolean) =>
    samples.flatMap(({ known, millis }) => (known === wanted ? [millis[place] ?? Number.NaN] : []))
  const [known, unknown] = [times(true), times(false)]
  const figures = [rocArea(known, unknown).toFixed(3), median(known).toFixed(2), median(unknown).toFixed(2)]
  return `${name.padEnd(36)}${figures.map((figure) => figure.padStart(10)).join("")}   ${aim}`
}

const readSamples = (parameters: ReadonlyArray<string>) =>
  Effect.try({
    try: () => {
      const { samples = "500" } = parseArgs({ args: [...parameters], options: { samples: { type: "string" } } }).values
      if (!/^\d+$/.test(samples) || Number(samples) < 50)
        throw new Error("--samples should be a whole number from 50 on")
      return Number(samples)
    },
    catch: (error) => new OptionsInvalid({ complaint: error instanceof Error ? error.message : String(error) })
  })

/**
 * Whether the time of an answer, or of what is asked right after it, tells an address with an account from one without: the area
 * under the ROC curve of each, behind a mail server that takes half a second, in random order, with nothing left to do in between
 * (C2, C5, C6).
 */
export const timing = Effect.fn("timing")(function* (
  parameters: ReadonlyArray<string>,
  progress: (text: string) => Effect.Effect<void>
) {
  const count = yield* readSamples(parameters)
  const load = yield* loadBefore
  yield* progress("Building, and starting PostgreSQL and a mail server...")
  yield* build
  const { sql, url } = yield* emptyDatabase(yield* postgres)
  const machine = yield* describeMachine(sql, load)
  const server = yield* startServer({
    way: "node",
    folder: yield* temporaryFolder,
    databaseUrl: url,
    env: {
      SMTP_URL: yield* mailServer({ millis: mailMillis }),
      MAIL_FROM: "rekey@example.com",
      EMAIL_CONFIRMATION: "on",
      RESET_COOLDOWN: "0 seconds",
      RESET_HOURLY_CAP: "1000"
    }
  })
  const emails = (yield* makeAccounts(sql, count + warmUps)).map(({ email }) => email)
  const connection = yield* Effect.acquireRelease(
    Effect.promise(() => Connection.open(server.port)),
    (connection) => Effect.sync(() => connection.close())
  )

  const lines: Array<string> = []
  for (const probe of probesOf(emails)) {
    /** Known and unknown in an order that nobody can foresee. */
    const attempts = (from: number, to: number) =>
      Random.shuffle(
        Array.from({ length: to - from }, (_, index) => from + index).flatMap((index) =>
          [true, false].map((known): Attempt => ({ known, request: probe.requestAbout(known, index) }))
        )
      )
    const measure = Effect.fnUntraced(function* (attempts: Iterable<Attempt>) {
      const samples: Array<Sample> = []
      for (const attempt of attempts) {
        yield* untilDone(sql)
        yield* Effect.sleep(yield* Random.nextIntBetween(10, 30))
        samples.push(yield* sampleOf(connection, probe, attempt))
      }
      return samples
    })
    yield* progress(`${probe.name}: ${count} known and ${count} unknown addresses...`)
    yield* measure(yield* attempts(count, count + warmUps))
    const samples = yield* measure(yield* attempts(0, count))
    lines.push(lineOf(probe.name, samples, 0, "0.45 to 0.55"))
    for (let check = 1; check <= probe.healthChecks; check++) {
      lines.push(lineOf(`  health ${check} right after it`, samples, check, "0.40 to 0.60"))
    }
  }

  const { commit, cores, processor } = machine
  const head = ["AUC", "known, ms", "unknown"].map((head) => head.padStart(10)).join("")
  yield* Console.log(
    [
      `Known against unknown, ${count} each, on ${cores} cores (${processor}); commit ${commit}; load before: ${load.toFixed(2)}`,
      "",
      `${" ".repeat(36)}${head}   aim`,
      ...lines
    ].join("\n")
  )
})
