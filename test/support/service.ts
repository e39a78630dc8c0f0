import { tmpdir } from "node:os"
import { layer, type Vitest } from "@effect/vitest"
import { Console, Context, Effect, Layer, Logger, Metric, Option, Queue, Redacted, References, Tracer } from "effect"
import { HttpServer } from "effect/http"
import { SqlClient } from "effect/sql"
import { AdministratorName } from "../../src/domain/Administrator.ts"
import { ourBranding } from "../../src/http/pages/Branding.ts"
import { type Replacements, ServerLayer } from "../../src/server.ts"
import type { Settings } from "../../src/settings.ts"
import { Database } from "../../src/sql/Database.ts"
import { cheapHashing, WatchedHasher } from "../passwords/doubles.ts"
import { type Client, clientOf } from "./client.ts"
import { embeddedClient, postgresClient, timePasses as shiftTime } from "./databases.ts"
import { MailServer } from "./smtp.ts"

/** What is good enough for a test: no limit that most tests would only meet by accident, and hashes that cost little. */
export const testSettings: Settings = {
  production: false,
  host: "127.0.0.1",
  port: 0,
  publicUrl: new URL("http://accounts.example.com"),
  databaseUrl: Option.none(),
  databasePoolSize: 10,
  databasePrepare: true,
  dataDir: tmpdir(),
  appSecrets: Option.some([Redacted.make("a secret of the tests, long enough to be one")]),
  appName: "Rekey",
  smtp: Option.none(),
  pages: Option.some(ourBranding),
  resetUrl: new URL("http://accounts.example.com/reset-password"),
  resetLimits: { codeTtlMillis: 1_800_000, cooldownMillis: 0, hourlyCap: 1000 },
  rateLimit: false,
  trustedProxies: [],
  corsOrigins: [],
  users: Option.none(),
  registration: true,
  emailConfirmation: {
    required: false,
    ttlMillis: 86_400_000,
    url: new URL("http://accounts.example.com/confirm-email")
  },
  emailChange: {
    undoTtlMillis: 7 * 86_400_000,
    url: new URL("http://accounts.example.com/change-email/confirm"),
    undoUrl: new URL("http://accounts.example.com/change-email/undo")
  },
  passwordLength: { minLength: 8, maxLength: 256 },
  breachCheck: { mode: "off", url: new URL("http://127.0.0.1:1/range/") },
  hashing: cheapHashing,
  hashNice: 10,
  signInAfterReset: false,
  administrators: [],
  webhooks: Option.none(),
  metricsToken: Option.none(),
  sessionTtlMillis: 30 * 86_400_000,
  audit: { retentionMillis: 400 * 86_400_000, address: "truncated" },
  logLevel: "Info",
  logFormat: Option.none()
}

export const aliceToken = "the-token-of-alice-who-is-an-administrator"

/** One administrator, where a test needs one. */
export const administrators = [{ name: AdministratorName.make("alice"), token: Redacted.make(aliceToken) }]

export interface ServiceOptions {
  readonly settings?: Partial<Settings>
  readonly hasher?: NonNullable<Replacements["hasher"]>
}

/** The service in this process, listening on a socket of loopback, and a client of it. */
export class Service extends Context.Service<
  Service,
  Client & {
    /** Asks for a code and takes it out of the mail. */
    codeFor(email: string): Effect.Effect<string>
    /** Each line of the log so far, as production writes them, every level. */
    readonly logs: ReadonlyArray<string>
    /** Each span so far. */
    readonly spans: ReadonlyArray<Tracer.Span>
  }
>()("rekey/test/Service") {
  /** Mails go out by SMTP. */
  static readonly layer = (options: ServiceOptions = {}) => Layer.effect(Service, startService(options))

  /** The same with a hasher that is watched. */
  static readonly layerWatched = (options: ServiceOptions = {}) =>
    Layer.effect(
      Service,
      Effect.flatMap(WatchedHasher, ({ layer }) => startService({ ...options, hasher: layer }))
    ).pipe(Layer.provideMerge(WatchedHasher.layer))

  /** Mails stay in the development inbox. */
  static readonly layerWithInbox = (options: ServiceOptions = {}) =>
    Layer.effect(Service, startServiceWithInbox(options))
}

/** The same for one test, ended with its scope. */
export const startService = Effect.fnUntraced(function* ({ settings, ...options }: ServiceOptions = {}) {
  const { next, url } = yield* MailServer
  const smtp = Option.some({ url: Redacted.make(url), from: "Rekey <rekey@example.com>" })
  const service = yield* start({ ...options, settings: { smtp, ...settings } })
  return Service.of({
    ...service,
    codeFor: Effect.fnUntraced(function* (email) {
      yield* service.forgot(email)
      const text = Effect.map(next(email), ({ parsed }) => parsed.text ?? "")
      return codeIn(yield* Effect.repeat(text, { until: holdsCode }))
    })
  })
})

export const startServiceWithInbox = Effect.fnUntraced(function* (options: ServiceOptions = {}) {
  const service = yield* start(options)
  return Service.of({
    ...service,
    codeFor: Effect.fnUntraced(function* (email) {
      yield* service.forgot(email)
      let mail = ""
      while (!mail.includes(`Mail to ${email}:`) || !holdsCode(mail)) mail = yield* Queue.take(service.printed)
      return codeIn(mail)
    })
  })
})

/** Whether the text of a mail has a code: notices have none. */
export const holdsCode = (text: string): boolean => /[?&]code=/.test(text)

/** The code in the text of a mail. */
export const codeIn = (text: string): string => /[?&]code=([\w-]{43})\s/.exec(text)?.[1] ?? `no code in: ${text}`

const start = Effect.fnUntraced(function* ({ hasher, settings }: ServiceOptions) {
  const logs: Array<string> = []
  const spans: Array<Tracer.Span> = []
  const printed = yield* Queue.unbounded<string>()

  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  const log = (line: unknown) => void Queue.offerUnsafe(printed, String(line))
  const Observed = Layer.mergeAll(
    Logger.layer([Logger.map(Logger.formatJson, (line) => logs.push(line))]),
    Layer.succeed(References.MinimumLogLevel, "All"),
    Layer.succeed(Tracer.Tracer, tracer),
    Layer.succeed(Metric.MetricRegistry, new Map()),
    Layer.succeed(Console.Console, Object.assign(Object.create(globalThis.console), { log }))
  )
  // With a database of its own the service makes its own client too.
  const replacedSql = Option.isSome(settings?.databaseUrl ?? Option.none())
    ? {}
    : { sql: Layer.succeed(SqlClient.SqlClient, yield* SqlClient.SqlClient) }
  const server = yield* Layer.build(
    ServerLayer({ ...testSettings, ...settings }, { ...replacedSql, ...(hasher && { hasher }) }).pipe(
      Layer.provide(Observed)
    )
  )
  yield* Context.get(server, Database).started
  const url = HttpServer.formatAddress(Context.get(server, HttpServer.HttpServer).address)
  return { ...(yield* clientOf(url)), logs, spans, printed }
})

/**
 * Lets time pass as `test/support/databases.ts` does, once each mail that has arrived is written down as sent: else its lease
 * would be over too, and it would come again.
 */
export const timePasses = Effect.fnUntraced(function* (duration: string) {
  const sql = yield* SqlClient.SqlClient
  const inHand = Effect.delay(sql`select from outbox where leased_until > now()`, "5 millis")
  yield* Effect.repeat(inHand, { until: (mails) => mails.length === 0 })
  yield* shiftTime(duration)
})

type Surroundings = MailServer | SqlClient.SqlClient

/** What a service needs around it: a mail server, and an embedded database in memory. */
export const Embedded = Layer.merge(MailServer.layer, Layer.provide(embeddedClient, Logger.layer([])))

/** The same with a PostgreSQL database of its own. */
export const OnPostgres = Layer.merge(MailServer.layer, postgresClient)

/** Runs the same tests of a service on an embedded database and on a PostgreSQL one. */
export const onBothDatabases = <A, E>(
  name: string,
  service: Layer.Layer<A, E, Surroundings>,
  tests: (it: Vitest.MethodsNonLive<A | Surroundings>) => void
): void => {
  layer(Layer.provideMerge(service, Embedded), { excludeTestServices: true })(`${name}, embedded`, tests)
  layer(Layer.provideMerge(service, OnPostgres), { excludeTestServices: true })(`${name}, PostgreSQL`, tests)
}

/** The same on PostgreSQL alone, for what has nothing to do with the database, or needs two transactions at once. */
export const onPostgres = <A, E>(
  name: string,
  service: Layer.Layer<A, E, Surroundings>,
  tests: (it: Vitest.MethodsNonLive<A | Surroundings>) => void
): void => layer(Layer.provideMerge(service, OnPostgres), { excludeTestServices: true })(name, tests)
