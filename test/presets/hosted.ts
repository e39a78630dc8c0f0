import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import * as PostgresClient from "../../src/sql/PostgresClient.ts"
import { emptyPostgres, roleOn } from "../support/databases.ts"
import { grantTo, hostSettings } from "../support/hosting.ts"
import { type ServiceOptions, startService } from "../support/service.ts"
import { type Host, type HostUser, hashOf, opens, tablesOf, valueOf } from "./hosts.ts"

let people = 0

/** The host's database, with its tables, a user whose hash shows what its hashes cost, and a role for Rekey with what `rekey grants` prints. */
export const hostDatabase = Effect.fnUntraced(function* (host: Host) {
  const url = yield* emptyPostgres
  const client = yield* Layer.build(PostgresClient.layer({ url, poolSize: 5, prepare: false }))
  const sql = Context.get(client, SqlClient.SqlClient)
  yield* Effect.forEach(tablesOf(host), (statement) => sql.unsafe(statement)).pipe(Effect.orDie)
  const asHost = <A, E>(effect: Effect.Effect<A, E, SqlClient.SqlClient>) =>
    Effect.orDie(Effect.provideService(effect, SqlClient.SqlClient, sql))

  const user = Effect.fnUntraced(function* (given: Partial<HostUser> & { readonly password?: string } = {}) {
    const name = `Somebody${process.pid}x${people++}`
    const password = given.password ?? "an old long phrase"
    const made = { email: `${name}@example.com`, username: name, hash: yield* hashOf(host, password), ...given }
    const id = String(yield* asHost(valueOf(host.insert(made))))
    return { ...made, id, password }
  })
  yield* user()

  const rekeys = yield* roleOn(url)
  const { preset, ...settings } = yield* hostSettings(host.variables, rekeys.url)
  yield* Effect.provideService(grantTo(rekeys.name, preset), SqlClient.SqlClient, sql)
  yield* Effect.orDie(Effect.forEach(host.ownGrants?.(rekeys.name) ?? [], (statement) => sql.unsafe(statement)))
  return { url, sql, asHost, user, rekeys, settings }
})

/** Rekey with the host's users, as the role of `rekey grants`. */
export const serviceOf = Effect.fnUntraced(function* (
  database: Pick<Effect.Success<ReturnType<typeof hostDatabase>>, "rekeys" | "settings" | "sql">,
  options: ServiceOptions = {}
) {
  const { hashing, users } = database.settings
  return yield* startService({
    ...options,
    settings: {
      databaseUrl: Option.some(database.rekeys.url),
      users,
      registration: false,
      hashing: { concurrency: 2, queueLimit: 128, writes: hashing.writes, pepper: hashing.pepper },
      ...options.settings
    }
  }).pipe(Effect.provideService(SqlClient.SqlClient, database.sql))
})

/** A host and Rekey beside it. */
export class Hosted extends Context.Service<Hosted, Effect.Success<ReturnType<typeof start>>>()("rekey/test/Hosted") {
  static readonly layer = (host: Host, options?: ServiceOptions) => Layer.effect(Hosted, start(host, options))
}

const start = Effect.fnUntraced(function* (host: Host, options?: ServiceOptions) {
  const database = yield* hostDatabase(host)
  const service = yield* serviceOf(database, options)
  const { asHost } = database
  const { hash, key, table } = host.row

  /** The row with the user's hash, as the host has it. */
  const row = (id: string) =>
    Effect.map(
      asHost(valueOf(`select to_jsonb(t)::text from ${table} t where ${key} = '${id}'`)),
      Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))
    )
  const hashIn = (id: string) => Effect.map(row(id), (found) => String(found[hash]))
  return {
    ...database,
    ...service,
    row,
    hashIn,
    /** Whether the host lets the user in with a password. */
    letsIn: Effect.fnUntraced(function* (id: string, password: string) {
      return yield* opens(host, yield* hashIn(id), password)
    }),
    sessions: (id: string) => Effect.map(asHost(valueOf(host.sessions(id))), Number),
    signInAtHost: (id: string) =>
      asHost(Effect.flatMap(SqlClient.SqlClient, (sql) => Effect.forEach(host.signIn(id), (_) => sql.unsafe(_)))),
    /** The host sets a password itself. */
    setPassword: Effect.fnUntraced(function* (id: string, password: string) {
      const text = yield* hashOf(host, password)
      yield* Effect.orDie(database.sql.unsafe(`update ${table} set ${hash} = '${text}' where ${key} = '${id}'`))
    }),
    /** Runs SQL of the host's. */
    run: (statement: string) => Effect.orDie(database.sql.unsafe(statement))
  }
})
