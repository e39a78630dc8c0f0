import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Effect, Layer, Option } from "effect"
import { FetchHttpClient, HttpRouter } from "effect/http"
import { RateLimiter } from "effect/persistence"
import type { SqlClient } from "effect/sql/SqlClient"
import { Accounts } from "./accounts/Accounts.ts"
import { ConfirmationWorker } from "./accounts/ConfirmationWorker.ts"
import { EmailConfirmation } from "./accounts/EmailConfirmation.ts"
import { GuessLimits } from "./accounts/GuessLimits.ts"
import { Sessions } from "./accounts/Sessions.ts"
import { SessionTokens } from "./accounts/SessionTokens.ts"
import * as CleanUp from "./background/CleanUp.ts"
import { KeptOfAddress } from "./domain/Origin.ts"
import { Shutdown } from "./http/edge.ts"
import { InboxRoute } from "./http/inbox.ts"
import { Limits } from "./http/limits.ts"
import { MetricsRoute } from "./http/metrics.ts"
import { makeNodeServer } from "./http/nodeServer.ts"
import { RequestSettings, Routes } from "./http/routes.ts"
import { Readiness } from "./http/system.ts"
import { DevelopmentInbox } from "./mail/DevelopmentInbox.ts"
import { OutboxWorker } from "./mail/OutboxWorker.ts"
import * as SmtpMailer from "./mail/SmtpMailer.ts"
import { BreachCheck } from "./passwords/BreachCheck.ts"
import { PasswordHasher } from "./passwords/PasswordHasher.ts"
import { PasswordPolicy } from "./passwords/PasswordPolicy.ts"
import { PasswordRecovery } from "./recovery/PasswordRecovery.ts"
import { PasswordReset } from "./recovery/PasswordReset.ts"
import { RecoveryWorker } from "./recovery/RecoveryWorker.ts"
import { AppSecret } from "./secrets/AppSecret.ts"
import { ConfirmationCodeMint } from "./secrets/ConfirmationCodeMint.ts"
import { generatedSecret } from "./secrets/GeneratedSecret.ts"
import { Pseudonyms } from "./secrets/Pseudonyms.ts"
import { ResetCodeMint } from "./secrets/ResetCodeMint.ts"
import type { Settings } from "./settings.ts"
import * as AccountLanguagesSql from "./sql/AccountLanguagesSql.ts"
import * as AccountRepositorySql from "./sql/AccountRepositorySql.ts"
import * as ConfirmationsSql from "./sql/ConfirmationsSql.ts"
import { Database } from "./sql/Database.ts"
import type { DataDirectoryInUse, DataDirectoryUnusable } from "./sql/DataDirectory.ts"
import * as LeftoversSql from "./sql/LeftoversSql.ts"
import * as OutboxSql from "./sql/OutboxSql.ts"
import * as OutboxStatisticsSql from "./sql/OutboxStatisticsSql.ts"
import * as PgliteClient from "./sql/PgliteClient.ts"
import * as PostgresClient from "./sql/PostgresClient.ts"
import * as RateLimitsSql from "./sql/RateLimitsSql.ts"
import * as RecoveryRequestsSql from "./sql/RecoveryRequestsSql.ts"
import * as ResetCodesSql from "./sql/ResetCodesSql.ts"
import * as SessionRepositorySql from "./sql/SessionRepositorySql.ts"
import * as TrailStoreSql from "./sql/TrailStoreSql.ts"
import { Trail } from "./trail/Trail.ts"

const Crypto = Layer.mergeAll(
  NodeCrypto.layerDigest,
  NodeCrypto.layerKdf,
  NodeCrypto.layerMac,
  NodeCrypto.layerSecureRandom
)

/** The team's PostgreSQL where there is one, else the embedded database. */
const SqlLayer = (settings: Settings) =>
  Option.match(settings.databaseUrl, {
    onNone: () => PgliteClient.layer({ dataDir: settings.dataDir }),
    onSome: (url) =>
      PostgresClient.layer({ url, poolSize: settings.databasePoolSize, prepare: settings.databasePrepare })
  })

const TrailLayer = Layer.provide(Trail.layer, TrailStoreSql.layer)

const Repositories = Layer.mergeAll(
  AccountRepositorySql.layer,
  ConfirmationsSql.layer,
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
  Layer.mergeAll(ConfirmationCodeMint.layer, Pseudonyms.layer, ResetCodeMint.layer, SessionTokens.layer).pipe(
    Layer.provide(
      Layer.unwrap(
        Option.match(settings.appSecrets, {
          onNone: () => Effect.map(generatedSecret(settings.dataDir), (secret) => AppSecret.layer([secret])),
          onSome: (secrets) => Effect.succeed(AppSecret.layer(secrets))
        })
      )
    )
  )

/** What may stand in for a choice of the settings: another database, another hasher. */
export interface Replacements {
  readonly sql?: Layer.Layer<SqlClient, DataDirectoryInUse | DataDirectoryUnusable>
  readonly hasher?: Layer.Layer<PasswordHasher>
}

/** Follows no redirect, so that not even a prefix of a hash goes where nobody configured it to go. */
const BreachClient = FetchHttpClient.layer.pipe(
  Layer.provide(Layer.succeed(FetchHttpClient.RequestInit, { redirect: "manual" }))
)

const Breaches = ({ breachCheck: { mode, url } }: Settings) =>
  mode === "off" ? BreachCheck.layerOff : BreachCheck.layer({ url, onOutage: mode }).pipe(Layer.provide(BreachClient))

const Passwords = (settings: Settings, { hasher = PasswordHasher.layer(settings.hashing) }: Replacements) =>
  Layer.mergeAll(
    hasher,
    PasswordPolicy.layer({ ...settings.passwordLength, appName: settings.appName }).pipe(
      Layer.provide(Breaches(settings))
    )
  )

/** Whether mails stay here, to be read by the developer. */
export const usesDevelopmentInbox = (settings: Settings): boolean => Option.isNone(settings.smtp)

const Mail = (settings: Settings) =>
  OutboxWorker.layer(settings).pipe(
    Layer.provideMerge(Option.match(settings.smtp, { onNone: () => DevelopmentInbox.layer, onSome: SmtpMailer.layer }))
  )

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
    EmailConfirmation.layer,
    PasswordReset.layer(settings),
    PasswordRecovery.layer.pipe(Layer.provide(RecoveryWorker.layer(settings.resetLimits)))
  ).pipe(
    Layer.provide(ConfirmationWorker.layer({ ...settings.resetLimits, ...settings.emailConfirmation })),
    Layer.provideMerge(Layer.merge(Limiting(settings), Sessions.layer({ ttlMillis: settings.sessionTtlMillis })))
  )

/** Everything but HTTP. */
const Services = (settings: Settings, replacements: Replacements) =>
  Layer.mergeAll(
    UseCases(settings),
    ReadinessLayer,
    OutboxStatisticsSql.layer,
    AccountLanguagesSql.layer,
    CleanUpLayer(settings)
  ).pipe(
    Layer.provideMerge(Mail(settings)),
    Layer.provideMerge(Passwords(settings, replacements)),
    Layer.provide(Repositories),
    Layer.provide(Secrets(settings)),
    Layer.provide(Layer.succeed(KeptOfAddress, settings.audit.address)),
    Layer.provideMerge(Database.layer),
    Layer.provide(replacements.sql ?? SqlLayer(settings)),
    Layer.provideMerge(Crypto)
  )

/** Built after the server, so released before it: from then on what comes in is refused while what is under way completes (B9). */
const BeginShutdown = Layer.effectDiscard(
  Effect.acquireRelease(Shutdown, (shutdown) =>
    Effect.sync(() => {
      shutdown.begun = true
    })
  )
)

/** The whole service, listening. What it needs of the database it waits for in the background, and says 503 meanwhile. */
export const ServerLayer = (settings: Settings, replacements: Replacements = {}) => {
  const routes = Layer.mergeAll(
    Routes(settings),
    usesDevelopmentInbox(settings) ? Inbox : Layer.empty,
    Option.match(settings.metricsToken, { onNone: () => Layer.empty, onSome: MetricsRoute })
  )
  return BeginShutdown.pipe(
    Layer.provideMerge(HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true })),
    Layer.provide(RequestSettings(settings)),
    Layer.provideMerge(
      NodeHttpServer.layer(makeNodeServer(settings), {
        host: settings.host,
        port: settings.port,
        gracefulShutdownTimeout: "3 seconds"
      })
    ),
    Layer.provide(Shutdown.layer),
    Layer.provideMerge(Services(settings, replacements))
  )
}
