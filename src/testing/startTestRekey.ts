import { Context, Effect, Exit, Layer, Logger, Option, Scope } from "effect"
import { SqlClient } from "effect/sql"
import { type Client, type ClientOptions, createClient } from "../client/index.ts"
import { type Mail, Mailer } from "../mail/Mailer.ts"
import { argon2id } from "../passwords/argon2.ts"
import { PasswordHasher } from "../passwords/PasswordHasher.ts"
import * as PgliteClient from "../sql/PgliteClient.ts"
import { timePasses } from "../sql/timePasses.ts"
import { type Rekey, type StartOptions, startRekey } from "../startRekey.ts"
import { Mailbox } from "./Mailbox.ts"

/** A hasher of the same kind and form as the real one whose hashes cost next to nothing, to make and to crack. */
export const fastHasher: Layer.Layer<PasswordHasher> = PasswordHasher.layer({
  writes: argon2id({ memoryKib: 128, iterations: 1, parallelism: 1 }),
  pepper: Option.none(),
  concurrency: 2,
  queueLimit: 1000
})

/** An embedded PostgreSQL in memory, gone with its scope. */
export const embeddedDatabase: Layer.Layer<SqlClient.SqlClient> = PgliteClient.layerMemory

/** What a test has where it doesn't say otherwise: no limit that it would meet by accident, and no log. */
export const testVariables = {
  PUBLIC_URL: "http://rekey.test",
  APP_SECRET: "a secret of tests that is long enough to be one",
  RATE_LIMIT: "off",
  RESET_COOLDOWN: "0 seconds",
  RESET_HOURLY_CAP: "1000",
  LOG_LEVEL: "None"
} as const

/** Rekey in a test's own process, with its mailbox and its clock. */
export interface TestRekey extends Rekey {
  /** A client that asks it without a socket. */
  readonly client: (options?: Pick<ClientOptions, "token">) => Client
  /** All mails so far, the oldest first. */
  readonly mails: ReadonlyArray<Mail>
  /** The oldest mail to an address that wasn't taken yet, once there is one. */
  readonly takeMail: (to: string) => Promise<Mail>
  /** The code of the oldest such mail that brings one, once there is one. */
  readonly takeCode: (to: string) => Promise<string>
  /** Lets time pass for all that is stored: `31 minutes`, an interval as PostgreSQL reads it. */
  readonly timePasses: (duration: string) => Promise<void>
}

/**
 * Starts Rekey for a test, with a database in memory, a fast hasher and a mailbox, unless told otherwise: what `options` replace is
 * as the test says, and `variables` stand before {@link testVariables}. Takes a second or so, most of it for the database: one
 * for a whole test file will do.
 */
export const startTestRekey = async (
  variables: Readonly<Record<string, string>> = {},
  options: StartOptions = {}
): Promise<TestRekey> => {
  const scope = Scope.makeUnsafe()
  const surroundings = Layer.provide(Layer.merge(Mailbox.layer, options.sql ?? embeddedDatabase), Logger.layer([]))
  const context = await Effect.runPromise(Layer.buildWithScope(surroundings, scope))
  const release = () => Effect.runPromise(Scope.close(scope, Exit.void))
  const rekey = await startRekey(
    { ...testVariables, ...variables },
    {
      mailer: Layer.succeed(Mailer, Context.get(context, Mailer)),
      hasher: fastHasher,
      ...options,
      sql: Layer.succeed(SqlClient.SqlClient, Context.get(context, SqlClient.SqlClient))
    }
  ).catch(async (error) => {
    await release()
    throw error
  })
  await rekey.started()
  const mailbox = Context.get(context, Mailbox)
  return {
    ...rekey,
    client: (clientOptions) =>
      createClient({
        url: { ...testVariables, ...variables }.PUBLIC_URL,
        fetch: (input, init) => rekey.fetch(new Request(input, init)),
        ...clientOptions
      }),
    mails: mailbox.mails,
    takeMail: (to) => Effect.runPromise(mailbox.take(to)),
    takeCode: (to) => Effect.runPromise(mailbox.takeCode(to)),
    timePasses: (duration) => Effect.runPromise(Effect.provideContext(timePasses(duration), context)),
    close: async () => {
      await rekey.close()
      await release()
    }
  }
}
