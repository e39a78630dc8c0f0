import { Array, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { AccountImport } from "../accounts/AccountImport.ts"
import { accountRow, insertedAccounts } from "./AccountDirectorySql.ts"
import { Database } from "./Database.ts"
import { allRows, firstRow } from "./Rows.ts"

const ProgressRow = Schema.Struct({
  id: Schema.BigInt,
  lines: Schema.Int,
  bytes: Schema.Int,
  imported: Schema.Int,
  refused: Schema.Int,
  startedAt: Schema.Date,
  finishedAt: Schema.NullOr(Schema.Date)
})
const progressRow = firstRow(ProgressRow)
const progressIn = (row: typeof ProgressRow.Type) => ({ ...row, finishedAt: Option.fromNullOr(row.finishedAt) })

/** As float8, since a bigint would be one in JavaScript too. */
const progressColumns =
  "id, lines::float8 as lines, bytes::float8 as bytes, imported::float8 as imported, refused::float8 as refused, started_at, finished_at"

const takenRows = allRows(Schema.Struct({ id: Schema.String, reason: Schema.String }))
const refusalRows = allRows(Schema.Struct({ line: Schema.Int, reason: Schema.String }))

/** Imports in the tables `imports` and `import_refusals`, beside the accounts that they make. */
export const layer = Layer.effect(
  AccountImport,
  Effect.gen(function* () {
    const database = yield* Database
    const sql = yield* SqlClient.SqlClient
    const columns = sql.literal(progressColumns)

    const begin: AccountImport["Service"]["begin"] = Effect.fn("AccountImport.begin")((fileHash, afresh) =>
      Effect.gen(function* () {
        if (afresh) yield* sql`delete from imports where file_hash = ${fileHash}`
        const row = yield* progressRow(sql`
          insert into imports (file_hash) values (${fileHash})
          on conflict (file_hash) do update set touched_at = now() returning ${columns}`)
        return progressIn(Option.getOrThrow(row))
      }).pipe(sql.withTransaction, database.run)
    )

    /**
     * Who isn't among the added has a key that another account has, by now at the latest: this snapshot is newer than that of the
     * insertion, which waited for whoever was about to take it.
     */
    const whyNot = (accounts: ReadonlyArray<ReturnType<typeof accountRow>>) =>
      takenRows(sql`
        select r.id, concat_ws('; ',
          case when exists (select from users u where u.email_key = r."emailKey") then 'email: has an account already' end,
          case when exists (select from users u where u.username_key = r."usernameKey") then 'username: has an account already' end,
          case when exists (select from users u where u.id = r.id::uuid) then 'id: has an account already' end) as reason
        from json_to_recordset(${JSON.stringify(accounts)}::text::json) as r (id text, "emailKey" text, "usernameKey" text)`)

    const store: AccountImport["Service"]["store"] = Effect.fn("AccountImport.store")(
      function* (from, { accounts, bytes, finished, lines, refusals }) {
        // Locks the import, and nothing is done twice: not by two processes, nor again after an answer that was lost.
        const held = yield* sql`select id from imports where id = ${from.id} and lines = ${from.lines} for update`
        if (held.length === 0) return Option.none()
        const rows = accounts.map(accountRow)
        const added = yield* sql<{ readonly id: string }>`
          with ${insertedAccounts(sql, rows, "account.imported")} select id from added`
        const made = new Set(added.map(({ id }) => id))
        const left = rows.filter(({ id }) => !made.has(id))
        const reasons = new Map((left.length > 0 ? yield* whyNot(left) : []).map(({ id, reason }) => [id, reason]))
        const all = [
          ...refusals,
          ...accounts
            .filter(({ id }) => !made.has(id))
            .map(({ id, line }) => ({ line, reason: reasons.get(id) || "has an account already" }))
        ]
        if (all.length > 0) {
          yield* sql`
            insert into import_refusals (import_id, line, reason)
            select ${from.id}, line, reason
            from json_to_recordset(${JSON.stringify(all)}::text::json) as refusal (line bigint, reason text)`
        }
        const moved = yield* progressRow(sql`
          update imports set lines = ${lines}, bytes = ${bytes}, imported = imported + ${added.length}, refused = refused + ${all.length},
            touched_at = now(), finished_at = case when ${finished}::boolean then now() end
          where id = ${from.id} returning ${columns}`)
        return Option.map(moved, progressIn)
      },
      sql.withTransaction,
      database.run
    )

    const refusals: AccountImport["Service"]["refusals"] = Effect.fn("AccountImport.refusals")((id, after, limit) =>
      refusalRows(sql`
        select line::float8 as line, reason from import_refusals where import_id = ${id} and line > ${after}
        order by line limit ${limit}::int`).pipe(Effect.map(Array.fromIterable), database.run)
    )

    return AccountImport.of({ begin, store, refusals })
  })
)
