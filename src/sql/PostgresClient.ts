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
  /** The one schema in which tables are looked for; where the role's own if not given, as behind a pooler, which takes no such parameter. */
  readonly schema?: string
}): Layer.Layer<SqlClient> =>
  PgClient.layer({
    url: options.url,
    maxConnections: options.poolSize,
    prepare: options.prepare,
    connectTimeout: "2 seconds",
    keepAlive: "10 seconds", // a peer that vanished is noticed while nothing is asked of it
    applicationName: "rekey", // the one startup parameter, and one that PgBouncer takes
    ...(options.schema !== undefined && { startupOptions: `-c search_path=${options.schema}` }),
    transformQueryNames: String.camelToSnake,
    transformResultNames: String.snakeToCamel
  }).pipe(Layer.orDie) // it opens nothing, so nothing can fail
