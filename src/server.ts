import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Effect, Layer, Option } from "effect"
import { FetchHttpClient, HttpRouter, HttpServer } from "effect/http"
import type { HttpApi, HttpApiGroup } from "effect/http-api"
import { RateLimiter } from "effect/persistence"
import type { SqlClient } from "effect/sql/SqlClient"
import { AccountExports } from "./accounts/AccountExports.ts"
import type { AccountRepository } from "./accounts/AccountRepository.ts"
import { Accounts } from "./accounts/Accounts.ts"
import { ConfirmationWorker } from "./accounts/ConfirmationWorker.ts"
import { EmailChange } from "./accounts/EmailChange.ts"
import { EmailChangeWorker } from "./accounts/EmailChangeWorker.ts"
import { EmailConfirmation } from "./accounts/EmailConfirmation.ts"
import { GuessLimits } from "./accounts/GuessLimits.ts"
import { Sessions } from "./accounts/Sessions.ts"
import { SessionTokens } from "./accounts/SessionTokens.ts"
import * as CleanUp from "./background/CleanUp.ts"
import { KeptOfAddress } from "./domain/Origin.ts"
import { Events } from "./events/Events.ts"
import { WebhookSender } from "./events/WebhookSender.ts"
import { WebhookWorker } from "./events/WebhookWorker.ts"
import { Shutdown } from "./http/edge.ts"
import { HostedHandlers } from "./http/hosted.ts"
import { InboxRoute } from "./http/inbox/routes.ts"
import { Limits } from "./http/limits.ts"
import { MetricsRoute } from "./http/metrics.ts"
import { makeNodeServer } from "./http/nodeServer.ts"
import { RequestSettings, Routes } from "./http/routes.ts"
import { Readiness } from "./http/system.ts"
import { DevelopmentInbox } from "./mail/DevelopmentInbox.ts"
import type { Mailer } from "./mail/Mailer.ts"
import { OutboxWorker } from "./mail/OutboxWorker.ts"
import { BreachCheck } from "./passwords/BreachCheck.ts"
import { PasswordHasher } from "./passwords/PasswordHasher.ts"
import { PasswordPolicy } from "./passwords/PasswordPolicy.ts"
import { PasswordRecovery } from "./recovery/PasswordRecovery.ts"
import { PasswordReset } from "./recovery/PasswordReset.ts"
import { RecoveryWorker } from "./recovery/RecoveryWorker.ts"
import { AppSecret } from "./secrets/AppSecret.ts"
import { ConfirmationCodeMint } from "./secrets/ConfirmationCodeMint.ts"
import { EmailChangeCodeMint } from "./secrets/EmailChangeCodeMint.ts"
import { generatedSecrets } from "./secrets/GeneratedSecret.ts"
import { Pseudonyms } from "./secrets/Pseudonyms.ts"
import { ResetCodeMint } from "./secrets/ResetCodeMint.ts"
import { isLoopback, type Settings, SettingsInvalid } from "./settings.ts"
import * as AccountEventsSql from "./sql/AccountEventsSql.ts"
import * as AccountLanguagesSql from "./sql/AccountLanguagesSql.ts"
import * as AccountRecordsSql from "./sql/AccountRecordsSql.ts"
import * as AccountRepositorySql from "./sql/AccountRepositorySql.ts"
import * as ConfirmationsSql from "./sql/ConfirmationsSql.ts"
import { Database } from "./sql/Database.ts"
import type { DataDirectoryInUse, DataDirectoryUnusable } from "./sql/DataDirectory.ts"
import * as EmailChangesSql from "./sql/EmailChangesSql.ts"
import { ourSchema } from "./sql/HostExamination.ts"
import * as HostUsersSql from "./sql/HostUsersSql.ts"
import * as LeftoversSql from "./sql/LeftoversSql.ts"
import * as OutboxSql from "./sql/OutboxSql.ts"
import * as OutboxStatisticsSql from "./sql/OutboxStatisticsSql.ts"
import * as PgliteClient from "./sql/PgliteClient.ts"
import * as PostgresClient from "./sql/PostgresClient.ts"
import * as RateLimitsSql from "./sql/RateLimitsSql.ts"
import * as RecoveryRequestsSql from "./sql/RecoveryRequestsSql.ts"
import * as ResetCodesSql from "./sql/ResetCodesSql.ts"
import * as SessionRepositorySql from "./sql/SessionRepositorySql.ts"
import * as TrailReaderSql from "./sql/TrailReaderSql.ts"
import * as TrailStoreSql from "./sql/TrailStoreSql.ts"
import * as WebhookOutboxSql from "./sql/WebhookOutboxSql.ts"
import * as WebhookStatisticsSql from "./sql/WebhookStatisticsSql.ts"
import { Trail } from "./trail/Trail.ts"

/** From the machine's own library. */
export const Crypto = Layer.mergeAll(
  NodeCrypto.layerDigest,
  NodeCrypto.layerKdf,
  NodeCrypto.layerMac,
  NodeCrypto.layerSecureRandom
)

/** The team's PostgreSQL where there is one, else the embedded database. An application may use it too, in a schema of its own. */
export const SqlLayer = (
  settings: Pick<Settings, "databaseUrl" | "databasePoolSize" | "databasePrepare" | "dataDir" | "users">
) =>
  Option.match(settings.databaseUrl, {
    onNone: () => PgliteClient.layer({ dataDir: settings.dataDir }),
    onSome: (url) =>
      PostgresClient.layer({
        url,
        poolSize: settings.databasePoolSize,
        prepare: settings.databasePrepare,
        // Behind a pooler it is the role's to say.
        ...(Option.isSome(settings.users) && settings.databasePrepare && { schema: ourSchema })
      })
  })

/** The users of the application that has them, where one has. */
export const Users = ({ users }: Pick<Settings, "users">) =>
  Option.match(users, {
    onNone: () => Layer.empty,
    onSome: ({ hashes, preset }) => HostUsersSql.layer(preset, hashes.learn)
  })

const TrailLayer = Layer.provide(Trail.layer, TrailStoreSql.layer)

const Repositories = ({ accounts }: Replacements) =>
  Layer.mergeAll(
    accounts === undefined ? AccountRepositorySql.layer : Layer.provide(accounts, AccountRepositorySql.layer),
    ConfirmationsSql.layer,
    EmailChangesSql.layer,
    OutboxSql.layer,
    RateLimitsSql.layerGuesses,
    RateLimitsSql.layerStore,
    RecoveryRequestsSql.layer,
    ResetCodesSql.layer,
    SessionRepositorySql.layer
  ).pipe(Layer.provideMerge(TrailLayer))

const CleanUpLayer = (settings: Settings) =>
  Layer.provide(CleanUp.layer, LeftoversSql.layer({ auditRetentionMillis: settings.audit.retentionMillis }))

const Secrets = (settings: Settings) =>
  Layer.mergeAll(
    ConfirmationCodeMint.layer,
    EmailChangeCodeMint.layer,
    Pseudonyms.layer,
    ResetCodeMint.layer,
    SessionTokens.layer
  ).pipe(
    Layer.provide(
      Layer.unwrap(
        Option.match(settings.appSecrets, {
          onNone: () => Effect.map(generatedSecrets(settings.dataDir), AppSecret.layer),
          onSome: (secrets) => Effect.succeed(AppSecret.layer(secrets))
        })
      )
    )
  )

/** What may stand in for a choice of ours or of the settings. */
export interface Replacements {
  /** Another database client: it has to speak PostgreSQL's SQL. */
  readonly sql?: Layer.Layer<SqlClient, DataDirectoryInUse | DataDirectoryUnusable>
  /** Another way to hash, whose hashes it alone has to read. */
  readonly hasher?: Layer.Layer<PasswordHasher>
  /** What sends mails, in place of SMTP and of the development inbox. It is tried again where it fails, so it may get a mail twice. */
  readonly mailer?: Layer.Layer<Mailer>
  /**
   * Accounts as the application has them, around ours, which it gets: resets and sessions go on in our tables. What it does in the
   * database should be in one transaction with what ours does: `Database`'s `run` around `withTransaction`.
   */
  readonly accounts?: Layer.Layer<AccountRepository, never, AccountRepository | Database | SqlClient>
}

/** Follows no redirect: nothing goes where nobody configured it to go, not even a prefix of a hash. */
const DirectClient = FetchHttpClient.layer.pipe(
  Layer.provide(Layer.succeed(FetchHttpClient.RequestInit, { redirect: "manual" }))
)

const Breaches = ({ breachCheck: { mode, url } }: Settings) =>
  mode === "off" ? BreachCheck.layerOff : BreachCheck.layer({ url, onOutage: mode }).pipe(Layer.provide(DirectClient))

/** What makes and judges passwords. */
export const Passwords = (
  settings: Settings,
  { hasher = PasswordHasher.layer(settings.hashing) }: Pick<Replacements, "hasher"> = {}
) =>
  Layer.mergeAll(
    hasher,
    PasswordPolicy.layer({
      ...settings.passwordLength,
      maxBytes: settings.hashing.writes.maxBytes,
      appName: settings.appName
    }).pipe(Layer.provide(Breaches(settings)))
  )

/** Whether mails stay here, to be read by the developer: never in production, nor where others than this machine can ask. */
export const usesDevelopmentInbox = (settings: Settings, { mailer }: Replacements = {}): boolean =>
  mailer === undefined && Option.isNone(settings.smtp) && !settings.production && isLoopback(settings.host)

const MailerLayer = (settings: Settings, replacements: Replacements): Layer.Layer<Mailer, SettingsInvalid> => {
  if (replacements.mailer !== undefined) return replacements.mailer
  if (usesDevelopmentInbox(settings)) return DevelopmentInbox.layer
  return Option.match(settings.smtp, {
    onNone: () =>
      Layer.unwrap(
        Effect.fail(
          new SettingsInvalid({ problems: ["SMTP_URL is missing, and nothing else was given that sends mails."] })
        )
      ),
    // Loaded where mails are sent: what it brings along is a fifth of the built server.
    onSome: (smtp) =>
      Layer.unwrap(
        Effect.map(
          Effect.promise(() => import("./mail/SmtpMailer.ts")),
          ({ layer }) => layer(smtp)
        )
      )
  })
}

const Mail = (settings: Settings, replacements: Replacements) =>
  Layer.provideMerge(OutboxWorker.layer(settings), MailerLayer(settings, replacements))

const Inbox = Layer.provide(InboxRoute, DevelopmentInbox.layer)

const ReadinessLayer = Layer.effect(
  Readiness,
  Effect.map(Database, ({ ready }) => Readiness.of({ check: ready }))
)

/** How often one client may do what anybody may, and guess at a password. */
const Limiting = ({ rateLimit }: Settings) =>
  rateLimit
    ? Layer.merge(Layer.provide(Limits.layer, RateLimiter.layer), GuessLimits.layer)
    : Layer.merge(Limits.layerOff, GuessLimits.layerOff)

const UseCases = (settings: Settings) =>
  Layer.mergeAll(
    Accounts.layer(settings),
    AccountExports.layer.pipe(Layer.provide([AccountRecordsSql.layer, AccountEventsSql.layer])),
    EmailConfirmation.layer,
    EmailChange.layer({ ...settings.emailChange, users: settings.users }).pipe(
      Layer.provide(EmailChangeWorker.layer({ ...settings.resetLimits, ...settings.emailConfirmation }))
    ),
    PasswordReset.layer(settings),
    PasswordRecovery.layer.pipe(Layer.provide(RecoveryWorker.layer(settings.resetLimits)))
  ).pipe(
    Layer.provide(ConfirmationWorker.layer({ ...settings.resetLimits, ...settings.emailConfirmation })),
    Layer.provideMerge(Layer.merge(Limiting(settings), Sessions.layer({ ttlMillis: settings.sessionTtlMillis })))
  )

/** Tells whoever wants to know what happens to accounts: the application around us, and the receiver of webhooks where there is one. */
const Telling = ({ webhooks }: Settings) =>
  Layer.merge(
    Layer.provide(Events.layer, TrailReaderSql.layer),
    Option.match(webhooks, {
      onNone: () => Layer.empty,
      onSome: ({ types, ...receiver }) =>
        Layer.merge(WebhookWorker.layer({ url: receiver.url, types }), WebhookStatisticsSql.layer).pipe(
          Layer.provide(WebhookOutboxSql.layer),
          Layer.provide(Layer.provide(WebhookSender.layerHttp(receiver), DirectClient))
        )
    })
  )

/** Everything but HTTP. */
const Services = (settings: Settings, replacements: Replacements) =>
  Layer.mergeAll(
    UseCases(settings),
    ReadinessLayer,
    OutboxStatisticsSql.layer,
    AccountEventsSql.layer,
    AccountLanguagesSql.layer,
    CleanUpLayer(settings),
    Telling(settings)
  ).pipe(
    Layer.provideMerge(Mail(settings, replacements)),
    Layer.provideMerge(Passwords(settings, replacements)),
    Layer.provide(Repositories(replacements)),
    Layer.provide(Secrets(settings)),
    Layer.provide(Layer.succeed(KeptOfAddress, settings.audit.address)),
    Layer.provideMerge(Layer.provideMerge(Database.layer, Users(settings))),
    Layer.provide(replacements.sql ?? SqlLayer(settings)),
    Layer.provideMerge(Crypto)
  )

/** Built after the server, so released before it: from then on what comes in is refused while what is under way completes (B9). */
const BeginShutdown = Layer.effectDiscard(Effect.acquireRelease(Shutdown, ({ begin }) => begin))

/** Everything that is served. */
const ServedRoutes = (settings: Settings, replacements: Replacements) =>
  Layer.mergeAll(
    Routes(settings),
    usesDevelopmentInbox(settings, replacements) ? Inbox : Layer.empty,
    Option.match(settings.metricsToken, { onNone: () => Layer.empty, onSome: MetricsRoute })
  )

/**
 * What a request's fiber starts with is copied several times for each request, with all that is in it. So the router comes with our
 * services in it, and what serves it has little else around it.
 */
const Serving = Layer.unwrap(Effect.map(HttpRouter.HttpRouter, (router) => HttpServer.serve(router.asHttpEffect())))

/** The whole service, listening. What it needs of the database it waits for in the background, and says 503 meanwhile. */
export const ServerLayer = (settings: Settings, replacements: Replacements = {}) => {
  const services = Services(settings, replacements)
  const router = ServedRoutes(settings, replacements).pipe(
    // Fresh: the page of the contract makes a router of its own later, and would get this one.
    Layer.provideMerge(Layer.fresh(HttpRouter.layer)),
    Layer.provide([services, Shutdown.layer, NodeHttpServer.layerHttpServices]),
    withoutMarkers
  )
  const listening = BeginShutdown.pipe(
    Layer.provideMerge(Serving),
    Layer.provide(RequestSettings(settings)),
    Layer.provideMerge(
      NodeHttpServer.layerServer(makeNodeServer(settings), {
        host: settings.host,
        port: settings.port,
        gracefulShutdownTimeout: "3 seconds"
      })
    ),
    // First, so that whoever connects finds somebody who answers.
    Layer.provide([router, Shutdown.layer])
  )
  return Layer.merge(listening, services)
}

/** The same without a server: its routes in a router that somebody else asks. */
export const RouterLayer = (settings: Settings, replacements: Replacements = {}) =>
  withoutMarkers(
    BeginShutdown.pipe(
      Layer.provideMerge(ServedRoutes(settings, replacements)),
      Layer.provideMerge(RequestSettings(settings)),
      Layer.provide(Shutdown.layer),
      Layer.provideMerge(Services(settings, replacements)),
      Layer.provide(NodeHttpServer.layerHttpServices),
      Layer.provideMerge(HttpRouter.layer)
    )
  )

/** What routes may fail with stands among a layer's requirements, for who serves it; nobody provides it. */
const withoutMarkers = <A, E, R>(
  layer: Layer.Layer<A, E, R>
): Layer.Layer<A, E, Exclude<R, HttpRouter.Request<"Error", unknown>>> =>
  layer as Layer.Layer<A, E, Exclude<R, HttpRouter.Request<"Error", unknown>>>

/**
 * The handlers of the contract's groups and the services behind them, for an application that has them in an `HttpApi` of its own:
 * `HttpApi.make("shop").addHttpApi(PublicApi)`. Request ids, languages, limits and the headers of answers come along; pages,
 * the log of requests, and what is answered on unknown paths are the application's. Its own groups may have `Authorization`, which
 * gives them `CurrentSession`, and `Requests`. Stands among the routes, inside of `HttpRouter.serve`.
 */
export const HandlersLayer = <Id extends string, Groups extends HttpApiGroup.Constraint>(
  api: HttpApi.HttpApi<Id, Groups>,
  settings: Settings,
  replacements: Replacements = {}
) => HostedHandlers(api, settings).pipe(Layer.provideMerge(Services(settings, replacements)))
