import { assert } from "@effect/vitest"
import { Array, Effect, Schedule } from "effect"
import type { SqlClient } from "effect/sql"
import { type Answer, assertError, type Client, clientOf, type Somebody } from "../support/client.ts"
import { codeIn, holdsCode } from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"

/** Somebody with a live code, and what came of each try to use it. */
export interface Trial {
  readonly person: Somebody
  readonly code: string
  readonly tries: Array<Try>
}

interface Try {
  readonly password: string
  answer?: Answer
  /** Why there will be no answer: the connection was lost or refused. */
  lost?: string
}

/** What every process of a test has in common. */
export const settingsFor = Effect.map(MailServer, (mails) => ({
  SMTP_URL: mails.url,
  MAIL_FROM: "rekey@example.com",
  APP_SECRET: "a secret of the tests that is long enough",
  RATE_LIMIT: "off"
}))

/** For tests of many resets that need no time to hash. */
export const cheapHashes = { ARGON2_MEMORY_KIB: "128", ARGON2_ITERATIONS: "1" }

/** A client with a connection for each request: one that was closed since nobody used it would look like a fault. */
export const freshClientOf = (url: string) => clientOf(url, { keepAlive: false })

/** People with an account each, who asked for a code and have it. */
export const peopleWithCodes = (client: Client, count: number) =>
  Effect.forEach(Array.range(1, count), () => personWithCode(client), { concurrency: 10 })

export const personWithCode = Effect.fnUntraced(function* (client: Client) {
  const person = yield* client.register()
  return yield* trialOf(client, person)
})

/** Asks for a code until that is taken, and waits for the mail. */
export const trialOf = Effect.fnUntraced(function* (client: Client, person: Somebody) {
  const mails = yield* MailServer
  const { status, text } = yield* answered(client.forgot(person.email))
  assert.deepStrictEqual([status, text], [200, '{"ok":true}'])
  const { parsed } = yield* mails.next(person.email)
  return { person, code: codeIn(parsed.text ?? ""), tries: [] } satisfies Trial
})

/** Asks until the answer isn't 503, which is what is answered while a fault lasts. */
export const answered = (asking: Effect.Effect<Answer>): Effect.Effect<Answer> =>
  Effect.repeat(asking, { until: ({ status }) => status !== 503, schedule: Schedule.spaced("20 millis") })

/** Uses the code for a password that nobody had yet. */
export const tryReset = Effect.fnUntraced(function* (client: Client, { code, person, tries }: Trial) {
  const one: Try = { password: `phrase ${tries.length} for ${person.username}` }
  tries.push(one)
  yield* client.reset(code, one.password).pipe(
    Effect.tap((answer) =>
      Effect.sync(() => {
        one.answer = answer
      })
    ),
    // The client's way to say that a connection broke.
    Effect.catchDefect((defect) => {
      if (!(defect instanceof Error && "code" in defect)) return Effect.die(defect)
      one.lost = String(defect.code)
      return Effect.void
    })
  )
  return one
})

/** Waits for what this process sees happen. */
export const until = (condition: () => boolean) =>
  Effect.repeat(Effect.delay(Effect.sync(condition), "1 millis"), { until: (holds) => holds })

/** How many tries were answered with this status so far. */
export const countOf = (trials: ReadonlyArray<Trial>, status: number): number =>
  trials.flatMap(({ tries }) => tries).filter(({ answer }) => answer?.status === status).length

/** How many tries lost their connection so far. */
export const lostOf = (trials: ReadonlyArray<Trial>): number =>
  trials.flatMap(({ tries }) => tries).filter(({ lost }) => lost !== undefined).length

/**
 * What must be true of a reset whatever went wrong: it is whole or not there, a 200 that was answered is true, and where it isn't
 * there the code still works. A connection may have been lost only where the server was killed. Returns whether it was there.
 */
export const assertWholeOrNotThere = Effect.fnUntraced(function* (
  client: Client,
  sql: SqlClient.SqlClient,
  trial: Trial,
  { serverKilled = false } = {}
) {
  const { code, person, tries } = trial
  const signsIn = (password: string) =>
    Effect.map(answered(client.signIn(person.email, password)), (answer) => {
      if (answer.status !== 200) assertError(answer, 400, "InvalidCredentials")
      return answer.status === 200
    })
  const oldSession = answered(client.me(person.jwt))

  for (const { answer, lost } of tries) {
    if (answer === undefined) assert.isTrue(serverKilled, `a connection was lost: ${lost}`)
    else if (answer.status === 503) assertError(answer, 503, "Unavailable")
    else if (answer.status === 403) assertError(answer, 403, "ResetCodeUsed")
    else assert.strictEqual(answer.status, 200, answer.text)
  }
  const wasDone = () => tries.filter(({ answer }) => answer?.status === 200).map(({ password }) => password)
  const toldUsed = tries.some(({ answer }) => answer?.status === 403)

  const state = yield* answered(client.check(code))
  const isThere = state.status !== 200
  if (!isThere) {
    assert.isEmpty(wasDone(), "answered with 200, and not done")
    assert.isFalse(toldUsed, "answered as used, and not done")
    assert.isTrue(yield* signsIn(person.password), "the old password")
    assert.strictEqual((yield* oldSession).status, 200)
    for (const { password } of tries) assert.isFalse(yield* signsIn(password), "a password that wasn't set")
    assert.deepStrictEqual(yield* tracesOf(sql, person), { trail: 0, notices: 0 })
    // A try that is answered with 503 may have been done all the same.
    yield* Effect.repeat(tryReset(client, trial), { until: ({ answer }) => answer?.status !== 503 })
  }

  assertError(yield* answered(client.check(code)), 403, "ResetCodeUsed")
  assertError(yield* answered(client.reset(code, "a phrase too late")), 403, "ResetCodeUsed")
  assert.isFalse(yield* signsIn(person.password), "the old password")
  assertError(yield* oldSession, 401, "Unauthenticated")
  const set: Array<string> = []
  for (const { password } of tries) if (yield* signsIn(password)) set.push(password)
  assert.lengthOf(set, 1)
  if (wasDone().length > 0) assert.deepStrictEqual(set, wasDone())
  assert.deepStrictEqual(yield* tracesOf(sql, person), { trail: 1, notices: 1 })
  assert.isAtMost(yield* noticesTo(person), serverKilled ? 2 : 1) // a killed server may have sent it (G2)
  return isThere
})

/** The same of many, and how many were there. */
export const assertAllWholeOrNotThere = (
  client: Client,
  sql: SqlClient.SqlClient,
  trials: ReadonlyArray<Trial>,
  options?: { readonly serverKilled?: boolean }
) =>
  Effect.forEach(trials, (trial) => assertWholeOrNotThere(client, sql, trial, options), { concurrency: 8 }).pipe(
    Effect.map((were) => were.filter((there) => there).length)
  )

const tracesOf = Effect.fnUntraced(
  function* (sql: SqlClient.SqlClient, { id }: Somebody) {
    const [row] = yield* sql<{ readonly trail: number; readonly notices: number }>`
    select
      (select count(*)::int from audit where user_id = ${id}::uuid and event = 'password.reset' and outcome = 'done')
        as trail,
      (select count(*)::int from outbox where user_id = ${id}::uuid and kind = 'password-reset') as notices`
    return row
  },
  Effect.retry(Schedule.spaced("20 millis"))
)

const noticesTo = Effect.fnUntraced(function* ({ email }: Somebody) {
  const arrived = yield* (yield* MailServer).arrived
  const notices = arrived.filter(({ envelope, parsed }) => envelope.to.includes(email) && !holdsCode(parsed.text ?? ""))
  assert.isAtMost(new Set(notices.map(({ parsed }) => parsed.messageId)).size, 1)
  return notices.length
})

/** Waits until Rekey's connections to the database are as they should be. */
const untilConnections = (
  sql: SqlClient.SqlClient,
  are: (states: ReadonlyArray<{ readonly state: string | null }>) => boolean
) =>
  sql<{ readonly state: string | null }>`
    select state from pg_stat_activity where application_name = 'rekey' and datname = current_database()`.pipe(
    Effect.retry(Schedule.spaced("20 millis")),
    Effect.repeat({ until: are, schedule: Schedule.spaced("20 millis") })
  )

/** Waits until the database has done what processes that are gone asked of it. */
export const forgotten = (sql: SqlClient.SqlClient) => untilConnections(sql, (states) => states.length === 0)

/** Waits until the database has done all that it was asked for. */
export const quiet = (sql: SqlClient.SqlClient) =>
  untilConnections(sql, (states) => states.every(({ state }) => state === "idle"))

/** Waits until the service has its database. */
export const ready = (client: Client) => Effect.asVoid(answered(client.get("/ready")))
