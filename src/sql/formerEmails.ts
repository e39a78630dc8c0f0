import type { SqlClient } from "effect/sql"

/** Whether the way back to the former address `f` is open. */
export const openWayBack = "f.used_at is null and f.superseded_at is null and f.expires_at > now()"

/**
 * Whether a column holds an address to which another account has an open way back, and which nobody else gets meanwhile. `column` and
 * `account` are written as SQL has them.
 */
export const isKeptFor = (
  sql: SqlClient.SqlClient,
  { account, column }: Readonly<Record<"account" | "column", string>>
) =>
  sql.literal(
    `exists (select from former_emails f where f.email_key = ${column} and f.user_id <> ${account} and ${openWayBack})`
  )
