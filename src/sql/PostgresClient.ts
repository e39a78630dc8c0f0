import { PgClient } from "@effect/sql-pg"
import { Layer, type Redacted, String } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"

/**
 * PostgreSQL 15 or newer. Builds at once, whether a server is there or not: connections are opened by the statements that need
 * them. `prepare` is off behind a pooler in transaction mode, which loses prepared statements.
 */
export const layer = (options: {
  readonly url: Redacted.Redacted
  readonly poolSize: number
  readonly prepare: boolean
}): Layer.Layer<SqlClient> =>
  PgClient.layer({
    url: options.url,
    maxConnections: options.poolSize,
    prepare: options.prepare,
    connectTimeout: "2 seconds",
    keepAlive: "10 seconds", // a peer that vanished is noticed while nothing is asked of it
    applicationName: "rekey", // the one startup parameter, and one that PgBouncer takes
    transformQueryNames: String.camelToSnake,
    transformResultNames: String.snakeToCamel
  }).pipe(Layer.orDie) // it opens nothing, so nothing can fail
