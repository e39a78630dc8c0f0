import { Duration, Effect, Layer, Option, PartitionedSemaphore, Schema } from "effect"
import { RateLimiter } from "effect/persistence"
import { SqlClient } from "effect/sql"
import { type Count, GuessCounts } from "../accounts/GuessCounts.ts"
import { Pseudonyms } from "../secrets/Pseudonyms.ts"
import { Database } from "./Database.ts"
import { firstRow } from "./Rows.ts"

const countRow = firstRow(Schema.Struct({ count: Schema.Int, remainingMillis: Schema.Finite }))
const currentRow = firstRow(Schema.Struct({ count: Schema.Int }))

/** What `count` holds at most, far above every limit. */
const uncountable = 1_000_000

/** Statements of limits at once, so that a flood leaves the pool to those who were let through. */
const statementsAtOnce = 3

/** Denied keys that are remembered: some 20 MB at worst. */
const rememberedDenials = 100_000

/** The counting in the table `rate_limits`. */
const makeCounting = Effect.gen(function* () {
  const database = yield* Database
  const sql = yield* SqlClient.SqlClient
  const pseudonyms = yield* Pseudonyms

  return {
    /**
     * One statement, so that what many processes count at once is all counted. Past `most` it stays there. A window that is over
     * is replaced by a new one, and windows don't grow.
     */
    add: Effect.fn("RateLimits.add")(function* (key: string, tokens: number, most: number, windowMillis: number) {
      const counted = yield* countRow(sql`
        insert into rate_limits as r (key, count, ends_at)
        values (${yield* pseudonyms.of(key)}::bytea, ${tokens}::int,
          statement_timestamp() + ${windowMillis}::float8 * interval '1 millisecond')
        on conflict (key) do update set
          count = case when r.ends_at <= statement_timestamp() then excluded.count
            else least(r.count + excluded.count, ${most}::int) end,
          ends_at = case when r.ends_at <= statement_timestamp() then excluded.ends_at else r.ends_at end
        returning count,
          greatest(1, extract(epoch from ends_at - clock_timestamp()) * 1000)::float8 as remaining_millis`).pipe(
        database.run
      )
      return Option.getOrThrow(counted)
    }),

    current: Effect.fn("RateLimits.current")(function* (key: string) {
      const found = yield* currentRow(sql`
        select count from rate_limits
        where key = ${yield* pseudonyms.of(key)}::bytea and ends_at > statement_timestamp()`).pipe(database.run)
      return Option.match(found, { onNone: () => 0, onSome: ({ count }) => count })
    }),

    takeBack: Effect.fn("RateLimits.takeBack")(function* (key: string) {
      yield* sql`update rate_limits set count = greatest(count - 1, 0)
        where key = ${yield* pseudonyms.of(key)}::bytea`.pipe(database.run)
    }),

    forget: Effect.fn("RateLimits.forget")(function* (key: string) {
      yield* sql`delete from rate_limits where key = ${yield* pseudonyms.of(key)}::bytea`.pipe(database.run)
    })
  }
})

/** Guesses in the table `rate_limits`. */
export const layerGuesses = Layer.effect(
  GuessCounts,
  Effect.map(makeCounting, ({ add, current, forget, takeBack }) =>
    GuessCounts.of({ add: (key, windowMillis) => add(key, 1, uncountable, windowMillis), current, forget, takeBack })
  )
)

/**
 * Keys over their limit, by when their window ends, in this process's monotonic time. Past `capacity` the one denied longest ago
 * is forgotten, which costs a statement and lets nobody through.
 */
const makeDenials = (capacity: number) => {
  const untilMillis = new Map<string, number>()
  return {
    remainingMillis: (key: string): number => {
      const remaining = (untilMillis.get(key) ?? 0) - performance.now()
      if (remaining <= 0) untilMillis.delete(key)
      return remaining
    },
    add: (key: string, remainingMillis: number): void => {
      untilMillis.delete(key)
      untilMillis.set(key, performance.now() + remainingMillis)
      const [oldest] = untilMillis.keys()
      if (untilMillis.size > capacity && oldest !== undefined) untilMillis.delete(oldest)
    }
  }
}

const failed = (message: string, cause?: unknown) =>
  new RateLimiter.RateLimiterError({ reason: new RateLimiter.RateLimitStoreError({ message, cause }) })

const fixedWindowsAlone = Effect.fail(failed("The database keeps fixed windows with a limit, nothing else."))

/**
 * Windows in the table `rate_limits`, so that processes share them and a restart keeps them (E5). A window opens with its first
 * request and ends when it ends: what is denied neither prolongs nor fills it.
 *
 * A flood from one client neither queues on its row nor eats the pool: what is over its limit is denied from memory until its
 * window ends, and of those that ask at once few are on the database, taken in turns by key.
 */
export const layerStore = Layer.effect(
  RateLimiter.RateLimiterStore,
  Effect.gen(function* () {
    const { add } = yield* makeCounting
    const turns = yield* PartitionedSemaphore.make<string>({ permits: statementsAtOnce })
    const denials = makeDenials(rememberedDenials)

    const take = (key: string, tokens: number, limit: number, windowMillis: number) => {
      const unlessDenied = <E>(count: Effect.Effect<Count, E>) =>
        Effect.suspend(() => {
          const remainingMillis = denials.remainingMillis(key)
          return remainingMillis > 0 ? Effect.succeed({ count: limit + 1, remainingMillis }) : count
        })
      return add(key, tokens, limit + 1, windowMillis).pipe(
        Effect.tap(({ count, remainingMillis }) =>
          Effect.sync(() => {
            if (count > limit) denials.add(key, remainingMillis)
          })
        ),
        unlessDenied, // while it waited for its turn
        turns.withPermit(key),
        unlessDenied
      )
    }

    return RateLimiter.RateLimiterStore.of({
      fixedWindow: ({ key, limit, refillRate, tokens }) =>
        limit === undefined
          ? fixedWindowsAlone
          : take(key, tokens, limit, Duration.toMillis(refillRate) * limit).pipe(
              Effect.mapBoth({
                onFailure: (cause) => failed("The database can't count now.", cause),
                onSuccess: ({ count, remainingMillis }) => [count, remainingMillis] as const
              })
            ),
      tokenBucket: () => fixedWindowsAlone,
      adaptiveConsume: () => fixedWindowsAlone,
      adaptiveFeedback: () => fixedWindowsAlone
    })
  })
)
