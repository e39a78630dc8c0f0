import { Context, Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import * as PostgresClient from "../../src/sql/PostgresClient.ts"
import { type Answer, type Client, clientOf } from "../support/client.ts"
import { migratedPostgres } from "../support/databases.ts"
import { startServer } from "../support/server.ts"
import { codeIn, Service } from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"

export const newPassword = "a new long phrase"
/** Of the form of a code, and nobody's. */
export const nobodysCode = "x".repeat(43)
export const documentedLimits = { codeTtlMillis: 1_800_000, cooldownMillis: 60_000, hourlyCap: 5 }

export const times = (count: number) => Array.from({ length: count }, (_, index) => index)

/** So many of one request at once. */
export const flood = (
  count: number,
  request: (index: number) => Effect.Effect<Answer>,
  { concurrency = 50 }: { readonly concurrency?: number } = {}
) => Effect.forEach(times(count), request, { concurrency })

/** How many answers had which status. */
export const statusesOf = (answers: ReadonlyArray<Answer>): Record<string, number> =>
  Object.fromEntries(
    [...Map.groupBy(answers, ({ status }) => status)].map(([status, { length }]) => [String(status), length])
  )

/** All of an answer but its date, its request's id and the fields of limits: what must not differ. */
export const told = ({
  headers: { date: _, "x-request-id": __, "ratelimit-remaining": ___, "ratelimit-reset": ____, ...headers },
  status,
  text
}: Answer) => ({ status, headers, text })

/** Asks without waiting for a mail, and waits until what was asked has been worked off, in its order. */
export const forgotAndDone = Effect.fnUntraced(function* (email: string) {
  const { codeFor, forgot, register } = yield* Service
  yield* forgot(email)
  yield* codeFor((yield* register()).email)
})

/** How many codes an account was given so far. */
export const codesOf = Effect.fnUntraced(function* (id: string) {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ readonly codes: number }>`
    select count(*)::int as codes from reset_codes where user_id = ${id}::uuid`
  return row?.codes
})

export const passwordHashOf = Effect.fnUntraced(function* (id: string) {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ readonly passwordHash: string }>`select password_hash from users where id = ${id}::uuid`
  return row?.passwordHash ?? ""
})

/** Waits until a statement of the database finds something. */
export const found = <A, E, R>(statement: Effect.Effect<ReadonlyArray<A>, E, R>) =>
  statement.pipe(Effect.delay("10 millis"), Effect.repeat({ until: (rows) => rows.length > 0 }))

/** Each value of the latest dozen rows of each table; bytes are Buffers. */
export const dump = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const values: Array<unknown> = []
  const tables = yield* sql<{ readonly name: string }>`
    select table_name as name from information_schema.tables where table_schema = 'public'`
  for (const { name } of tables) {
    for (const row of yield* sql<Record<string, unknown>>`select * from ${sql(name)} order by ctid desc limit 12`) {
      for (const value of Object.values(row)) {
        if (value === null) continue
        values.push(value instanceof Uint8Array ? Buffer.from(value) : value)
      }
    }
  }
  return values
})

/** What an attacker makes of a value of a dump. */
export const spellingsOf = (value: unknown): ReadonlyArray<string> =>
  Buffer.isBuffer(value)
    ? (["hex", "base64", "base64url", "utf8", "latin1"] as const).map((encoding) => value.toString(encoding))
    : [value instanceof Date ? value.toISOString() : typeof value === "object" ? JSON.stringify(value) : String(value)]

/** Real processes on one database of their own, a client of each, and one of the database. */
export const processes = Effect.fnUntraced(function* (count: number, settings: Readonly<Record<string, string>> = {}) {
  const url = yield* migratedPostgres
  const mails = yield* MailServer
  const env = {
    DATABASE_URL: Redacted.value(url),
    APP_SECRET: "a secret of the tests that is long enough to be one",
    SMTP_URL: mails.url,
    MAIL_FROM: "rekey@example.com",
    RATE_LIMIT: "off",
    RESET_COOLDOWN: "0 seconds",
    RESET_HOURLY_CAP: "1000",
    ARGON2_MEMORY_KIB: "128",
    ARGON2_ITERATIONS: "1",
    ...settings
  }
  const start = Effect.gen(function* () {
    const server = yield* startServer({ env })
    return { server, client: yield* clientOf(server.url) }
  })
  const started = yield* Effect.all(
    Array.from({ length: count }, () => start),
    { concurrency: "unbounded" }
  )
  const context = yield* Layer.build(PostgresClient.layer({ url, poolSize: 3, prepare: true }))
  return { started, start, sql: Context.get(context, SqlClient.SqlClient) }
})

/** Asks for a code and takes it out of the mail. */
export const mailedCode = Effect.fnUntraced(function* (client: Client, email: string) {
  yield* client.forgot(email)
  const text = Effect.map((yield* MailServer).next(email), ({ parsed }) => parsed.text ?? "")
  return codeIn(yield* Effect.repeat(text, { until: (text) => text.includes("code=") }))
})
