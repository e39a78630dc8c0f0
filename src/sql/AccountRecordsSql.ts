import { Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { AccountRecords } from "../accounts/AccountRecords.ts"
import { AccountMail } from "../domain/AccountExport.ts"
import { traces } from "../domain/Origin.ts"
import { Database } from "./Database.ts"
import { allRows, firstRow, userColumns, userFields, userIn } from "./Rows.ts"

const recordRow = firstRow(
  Schema.Struct({ ...userFields, passwordChangedAt: Schema.Date, language: Schema.NullOr(Schema.String) })
)
const mailRows = allRows(
  Schema.Struct({
    kind: Schema.String,
    createdAt: Schema.Date,
    outcome: Schema.NullOr(Schema.String),
    settledAt: Schema.NullOr(Schema.Date)
  })
)

/** The tables `users` and `outbox`, as an account's owner may see them. */
export const layer = Layer.effect(
  AccountRecords,
  Effect.gen(function* () {
    const database = yield* Database
    const sql = yield* SqlClient.SqlClient
    const user = sql.literal(userColumns)
    const trace = yield* traces

    return AccountRecords.of({
      export: Effect.fn("AccountRecords.export")(function* (id) {
        const { clientAddress, device, requestId } = yield* trace
        const record = yield* recordRow(sql`
          with account as (
            select ${user}, u.password_changed_at, u.language from users u where u.id = ${id}
          ), trail as (
            insert into audit (event, outcome, actor, user_id, request_id, client_address, device)
            select 'account.exported', 'done', 'owner', id, ${requestId}, ${clientAddress}, ${device} from account
            -- Nothing is written before it, and its transaction has to have an id before its row: who reads the trail on and on relies on it.
            where pg_current_xact_id() is not null
          )
          select * from account`).pipe(database.run)
        if (Option.isNone(record)) return Option.none()
        // Whether a mail went to an address that the account doesn't have would tell whether another one has it (C6).
        const mails = yield* mailRows(sql`
          select o.kind, o.created_at, o.outcome, o.settled_at from outbox o
          where o.user_id = ${id} and o.kind <> 'email-change' order by o.id desc`).pipe(database.run)
        const { language, passwordChangedAt, ...row } = record.value
        return Option.some({
          user: userIn(row),
          passwordChangedAt,
          language,
          mails: mails.map((mail) => new AccountMail(mail, { disableChecks: true }))
        })
      })
    })
  })
)
