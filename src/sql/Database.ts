import { Cause, Context, Data, Deferred, Effect, Exit, Fiber, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { Unavailable } from "../domain/Failure.ts"
import { type HostUnusable, HostUsers } from "./HostUsers.ts"
import {
  type MigrationsMissing,
  migrate,
  type NotMigrated,
  requireMigrations,
  shippedMigrations
} from "./Migrations.ts"
import { EmbeddedDatabaseBroken } from "./PgliteClient.ts"
import { describe, isRolledBack, isUnavailable, serverWords, sqlErrorIn, sqlStateOf } from "./SqlState.ts"

/** Why this process can't use its database, however long it waits. Each has a message of one line. */
export type DatabaseUnusable = EmbeddedDatabaseBroken | HostUnusable | MigrationsMissing | NotMigrated

/** A statement that is wrong, without the values that the server quotes, so that no log shows them (D4). */
class StatementFailed extends Data.TaggedError("StatementFailed")<{
  readonly reason: string
  readonly sqlState: string | undefined
  readonly constraint: string | undefined
}> {
  override get message() {
    return ["A statement failed:", this.reason, this.sqlState, this.constraint].filter((_) => _ !== undefined).join(" ")
  }
}

/** How repositories run statements. */
export class Database extends Context.Service<
  Database,
  {
    /**
     * Runs a statement, or a transaction of several, for 2 seconds at most, and once more where the database rolled it back for
     * the sake of another (40001, 40P01). `Unavailable` where the database can't be reached, doesn't answer in time or isn't
     * up to date yet; a statement that is wrong is a defect which holds no value. A caller that hangs up doesn't stop the work:
     * it ends as a whole, and its connection goes back to the pool.
     */
    run<A, E, R>(
      work: Effect.Effect<A, E, R>
    ): Effect.Effect<A, Exclude<E, SqlError | Schema.SchemaError> | Unavailable, R>

    /** Succeeds where the database answers now and can be written, migrations applied. */
    readonly ready: Effect.Effect<void, Unavailable>

    /** Waits until the migrations are applied, or can never be. */
    readonly started: Effect.Effect<void, DatabaseUnusable>
  }
>()("rekey/sql/Database") {
  /** What has to be done with the database before it is used, tried again each second while no database is there. */
  private static readonly layerAfter = (
    preparation: Effect.Effect<unknown, DatabaseUnusable | SqlError, SqlClient.SqlClient>
  ): Layer.Layer<Database, never, SqlClient.SqlClient> =>
    Layer.effect(
      Database,
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const host = yield* HostUsers
        const outage = makeOutage("The database can't be used now, waiting for it", "The database answers")
        const hostsFault = makeOutage(
          "The host's tables can't be used now: rekey doctor looks closer",
          "The host's tables can be used again"
        )
        const onItsOwnFiber = yield* makeOnItsOwnFiber
        const started = yield* Deferred.make<void, DatabaseUnusable>()
        let usable = false

        /** What a statement's end means to a caller. */
        const settle = <A, E>(
          exit: Exit.Exit<A, E>
        ): Effect.Effect<A, Exclude<E, SqlError | Schema.SchemaError> | Unavailable> => {
          if (Exit.isSuccess(exit)) return Effect.as(Effect.andThen(outage.answered, hostsFault.answered), exit.value)
          const error = sqlErrorIn(exit.cause)
          if (error !== undefined && isUnavailable(error)) return unavailable(describe(error))
          if (error !== undefined && host.isHosted) {
            return Effect.andThen(hostsFault.began(describeStatement(error)), Effect.fail(new Unavailable()))
          }
          if (error !== undefined) return Effect.die(statementFailed(error))
          // The pool interrupts those who ask for a connection while it closes.
          if (Cause.hasInterruptsOnly(exit.cause)) return unavailable("the pool is closed")
          const failure = exit.cause.reasons.find(Cause.isFailReason)?.error
          if (Schema.isSchemaError(failure)) return Effect.die(failure) // its message names the column, not the value
          return Effect.failCause(exit.cause as Cause.Cause<Exclude<E, SqlError | Schema.SchemaError>>)
        }
        const unavailable = (reason: string) => Effect.andThen(outage.began(reason), Effect.fail(new Unavailable()))

        const run = <A, E, R>(work: Effect.Effect<A, E, R>) =>
          Effect.suspend(() => {
            if (!usable) return Effect.fail(new Unavailable())
            const retried = Effect.retry(work, { times: 1, while: (error) => isSqlError(error) && isRolledBack(error) })
            return Effect.flatMap(onItsOwnFiber(retried), (exit) =>
              exit === "GivenUp" ? unavailable("no answer in time") : settle(exit)
            )
          })

        yield* preparation.pipe(
          Effect.andThen(host.prepare),
          Effect.provideService(SqlClient.SqlClient, sql),
          Effect.catchTag(
            "SqlError",
            (error): Effect.Effect<never, DatabaseUnusable | Unavailable> =>
              error.reason.cause instanceof EmbeddedDatabaseBroken
                ? Effect.fail(error.reason.cause)
                : unavailable(describe(error))
          ),
          Effect.tapErrorTag("Unavailable", () => Effect.sleep("1 second")),
          Effect.retry({ while: (error) => error._tag === "Unavailable" }),
          Effect.andThen(
            Effect.sync(() => {
              usable = true
            })
          ),
          Effect.andThen(outage.ended),
          Effect.onExit((exit) => Deferred.done(started, exit)),
          Effect.ignoreCause,
          Effect.forkScoped
        )

        // Who comes while the process stops is refused, without a line about an outage.
        yield* Effect.addFinalizer(() =>
          Effect.sync(() => {
            usable = false
          })
        )

        // A standby answers, and takes nothing until it is promoted.
        const ready = Effect.flatMap(run(sql`select where current_setting('transaction_read_only') = 'off'`), (rows) =>
          rows.length === 1 ? Effect.void : unavailable("it can only be read")
        )

        return Database.of({ run, ready, started: Deferred.await(started) })
      })
    )

  /** The same with the migrations of another folder. */
  static readonly layerMigrating = (folder: URL): Layer.Layer<Database, never, SqlClient.SqlClient> =>
    Database.layerAfter(
      Effect.andThen(
        Effect.flatMap(HostUsers, ({ makeSchema }) => makeSchema),
        migrate(folder)
      )
    )

  /** Builds at once and applies Rekey's migrations in the background, trying again each second while no database is there. */
  static readonly layer = Database.layerMigrating(shippedMigrations)

  /** The same for a database that somebody else brings up to date: `started` fails where it isn't, and nothing is changed. */
  static readonly layerUpToDate = Database.layerAfter(requireMigrations(shippedMigrations))
}

const statementFailed = ({ reason }: SqlError): StatementFailed =>
  new StatementFailed({
    reason: reason._tag,
    sqlState: sqlStateOf(reason.cause),
    constraint: reason._tag === "UniqueViolation" ? reason.constraint : undefined
  })

/** A column that is gone, a right that was taken away: with the server's words where they name tables alone, and no value (class 42). */
const describeStatement = (error: SqlError): string => {
  const state = sqlStateOf(error.reason.cause) ?? ""
  return state.startsWith("42") ? `${state} ${serverWords(error)}` : describe(error)
}

/** After this a statement, or a whole transaction, is given up. */
const patienceMillis = 2000

/**
 * Runs work on a fiber of its own and tells how it ended, or that it was given up: an interrupted client drains for 5 seconds,
 * and nobody waits for that. An interrupted caller leaves the work running to its end, so that nothing is half done.
 */
const makeOnItsOwnFiber = Effect.gen(function* () {
  const fibers = new Set<Fiber.Fiber<unknown, unknown>>()
  // Stopping lets what is under way complete (B9); none of it lasts longer than its patience.
  yield* Effect.addFinalizer(() => Fiber.awaitAll(fibers).pipe(Effect.timeoutOption(patienceMillis)))

  return <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<Exit.Exit<A, E> | "GivenUp", never, R> =>
    Effect.contextWith((context: Context.Context<R>) =>
      Effect.callback((resume) => {
        const fiber = Effect.runForkWith(context)(work)
        fibers.add(fiber)
        // Real time, since it is a real socket that is waited for: a test clock moves no database.
        const timer = setTimeout(() => {
          fiber.interruptUnsafe()
          resume(Effect.succeed("GivenUp"))
        }, patienceMillis)
        fiber.addObserver((exit) => {
          clearTimeout(timer)
          fibers.delete(fiber)
          resume(Effect.succeed(exit))
        })
      })
    )
})

/** Failures this close together are one outage, whatever succeeds in between. */
const outageGapMillis = 5000

/** Logs what keeps requests from being answered when it begins and when it is over, not each request that it meets. */
const makeOutage = (beginning: string, ending: string) => {
  let lastFailure: number | undefined
  const ended = Effect.suspend(() => {
    if (lastFailure === undefined) return Effect.void
    lastFailure = undefined
    return Effect.logInfo(ending)
  })
  return {
    began: (reason: string) =>
      Effect.suspend(() => {
        const known = lastFailure !== undefined
        lastFailure = performance.now()
        return known ? Effect.void : Effect.logWarning(beginning, { reason })
      }),
    answered: Effect.suspend(() =>
      lastFailure !== undefined && performance.now() - lastFailure > outageGapMillis ? ended : Effect.void
    ),
    ended
  }
}
