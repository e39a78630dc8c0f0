/** Runs the SQL on standard input on DATABASE_URL, and prints its rows as JSON. */
import { text } from "node:stream/consumers"
import { PgClient } from "@effect/sql-pg"
import { Effect, Redacted } from "effect"
import * as Reactivity from "effect/reactivity/Reactivity"

const statement = await text(process.stdin)
const rows = await PgClient.makeClient({ url: Redacted.make(process.env.DATABASE_URL ?? "") }).pipe(
  Effect.flatMap((sql) => sql.unsafe(statement)),
  Effect.scoped,
  Effect.provide(Reactivity.layer),
  Effect.runPromise
)
console.log(JSON.stringify(rows))
