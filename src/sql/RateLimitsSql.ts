import { type Array, Duration, Effect, Layer, Option, Request, Schema } from "effect"
import { RateLimiter } from "effect/persistence"
import { SqlClient } from "effect/sql"
import { type Count, GuessCounts } from "../accounts/GuessCounts.ts"
import type { Unavailable } from "../domain/Failure.ts"
import { Pseudonyms } from "../secrets/Pseudonyms.ts"
import { makeBatched } from "./Batches.ts"
import { Database } from "./Database.ts"
import { allRows, firstRow } from "./Rows.ts"

const countRows = allRows(Schema.Struct({ key: Schema.String, count: Schema.Int, remainingMillis: Schema.Finite }))
const currentRow = firstRow(Schema.Struct({ count: Schema.Int }))

/** What `count` holds at most, far above every limit. */
const uncountable = 1_000_000

/** Denied keys that are remembered: some 20 MB at worst. */
const rememberedDenials = 100_000

/** Something happened so many times, under a key in hexadecimal. */
class Addition extends Request.Class<
  { readonly key: string; readonly times: number; readonly windowMillis: number },
  Count,
  Unavailable
> {}

/** What is added under each key: keys are found once in a statement. */
const sums = (entries: Array.NonEmptyArray<Request.Entry<Addition>>) =>
  [...Map.groupBy(entries, ({ request }) => request.key)].map(([key, ofKey]) => ({
    key,
    times: ofKey.reduce((sum, { request }) => sum + request.times, 0),
    windowMillis: ofKey[0]?.request.windowMillis
  }))

/** Tells each how far it was counted: those of one key one after the other. */
const tell = (
  entries: Array.NonEmptyArray<Request.Entry<Addition>>,
  counts: ReadonlyArray<Count & { readonly key: string }>
) => {
  const left = new Map(sums(entries).map(({ key, times }) => [key, times]))
  const counted = new Map(counts.map(({ key, ...count }) => [key, count]))
  return Effect.forEach(
    entries,
    (entry) => {
      const { key, times } = entry.request
      const after = (left.get(key) ?? 0) - times
      left.set(key, after)
      const count = counted.get(key)
      return count === undefined
        ? Effect.die(new Error("A key was not counted"))
        : Request.succeed(entry, { ...count, count: count.count - after })
    },
    { discard: true }
  )
}

/** The counting in the table `rate_limits`. */
const makeCounting = Effect.gen(function* () {
  const database = yield* Database
  const sql = yield* SqlClient.SqlClient
  const pseudonyms = yield* Pseudonyms

  /**
   * One statement, so that what many processes count at once is all counted. A window that is over is replaced by a new one, and
   * windows don't grow. In the order of keys, so that no two statements wait for each other's rows.
   */
  const additions = makeBatched<Addition>((entries) =>
    countRows(sql`
      insert into rate_limits as r (key, count, ends_at)
      select decode(a.key, 'hex'), a.times, statement_timestamp() + a."windowMillis" * interval '1 millisecond'
      from json_to_recordset(${JSON.stringify(sums(entries))}::text::json) as a (key text, times int, "windowMillis" float8)
      order by a.key
      on conflict (key) do update set
        count = case when r.ends_at <= statement_timestamp() then excluded.count
          else least(r.count + excluded.count, ${uncountable}::int) end,
        ends_at = case when r.ends_at <= statement_timestamp() then excluded.ends_at else r.ends_at end
      returning encode(key, 'hex') as key, count,
        greatest(1, extract(epoch from ends_at - clock_timestamp()) * 1000)::float8 as remaining_millis`).pipe(
      database.run,
      Effect.flatMap((counts) => tell(entries, counts))
    )
  )

  return {
    add: Effect.fn("RateLimits.add")(function* (key: string, times: number, windowMillis: number) {
      const pseudonym = Buffer.from(yield* pseudonyms.of(key)).toString("hex")
      return yield* Effect.request(new Addition({ key: pseudonym, times, windowMillis }), additions)
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
    GuessCounts.of({ add: (key, windowMillis) => add(key, 1, windowMillis), current, forget, takeBack })
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
 * window ends, and those that ask at once are counted together.
 */
export const layerStore = Layer.effect(
  RateLimiter.RateLimiterStore,
  Effect.gen(function* () {
    const { add } = yield* makeCounting
    const denials = makeDenials(rememberedDenials)

    const take = (
      key: string,
      tokens: number,
      limit: number,
      windowMillis: number
    ): Effect.Effect<Count, Unavailable> =>
      Effect.suspend(() => {
        const remainingMillis = denials.remainingMillis(key)
        if (remainingMillis > 0) return Effect.succeed({ count: limit + 1, remainingMillis })
        return Effect.tap(add(key, tokens, windowMillis), ({ count, remainingMillis }) =>
          Effect.sync(() => {
            if (count > limit) denials.add(key, remainingMillis)
          })
        )
      })

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
