import { readFile } from "node:fs/promises"
import { PgClient } from "@effect/sql-pg"
import { assert } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import { emptyPostgres } from "../support/databases.ts"

/** A file of `deploy/`. */
export const deployed = (file: string) =>
  Effect.promise(() => readFile(new URL(`../../deploy/${file}`, import.meta.url), "utf8"))

/** A shipped text with what is this test's own in the place of the shipped addresses; each has to be there. */
export const replaced = (text: string, replacements: Readonly<Record<string, string>>): string => {
  let result = text
  for (const [from, to] of Object.entries(replacements)) {
    assert.include(result, from)
    result = result.replaceAll(from, to)
  }
  return result
}

/** The roles are the whole server's, so they have the name of the test's database in theirs. */
export const withTwoRoles = Effect.gen(function* () {
  const database = yield* emptyPostgres
  const suffix = new URL(Redacted.value(database)).pathname.slice(1)
  const [owner, service] = [`owner_${suffix}`, `service_${suffix}`]
  const asSuperuser = (statement: string) =>
    PgClient.makeClient({ url: database }).pipe(
      Effect.flatMap((sql) => sql.unsafe(statement)),
      Effect.scoped,
      Effect.provide(Reactivity.layer),
      Effect.orDie
    )
  const statements = replaced(yield* deployed("postgresql.sql"), { ':"owner"': owner, ':"service"': service })
  yield* Effect.acquireRelease(
    Effect.forEach(
      statements
        .replace(/^--.*$/gm, "")
        .split(";")
        .filter((_) => _.trim() !== ""),
      asSuperuser
    ),
    () =>
      Effect.forEach(
        [`drop owned by ${service}`, `drop owned by ${owner} cascade`, `drop role ${owner}, ${service}`],
        asSuperuser
      )
  )
  yield* Effect.forEach([owner, service], (role) => asSuperuser(`alter role ${role} password 'password'`))
  const as = (role: string) => {
    const url = new URL(Redacted.value(database))
    url.username = role
    url.password = "password"
    return url.href
  }
  return { owner: as(owner), service: as(service), asSuperuser }
})
