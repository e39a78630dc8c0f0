import { PgClient } from "@effect/sql-pg"
import { Effect, type Redacted } from "effect"
import * as Reactivity from "effect/reactivity/Reactivity"

/** Runs statements, one after the other, on a connection of their own. */
export const runOn = (url: Redacted.Redacted, ...statements: ReadonlyArray<string>): Effect.Effect<void> =>
  PgClient.makeClient({ url }).pipe(
    Effect.flatMap((sql) => Effect.forEach(statements, (statement) => sql.unsafe(statement), { discard: true })),
    Effect.scoped,
    Effect.provide(Reactivity.layer),
    Effect.orDie
  )

/** The URL of another database of the same server. */
export const databaseOn = (url: string, name: string): string => Object.assign(new URL(url), { pathname: name }).href
