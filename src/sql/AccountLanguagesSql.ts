import { Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { AccountLanguages } from "../accounts/AccountLanguages.ts"
import { traces } from "../domain/Origin.ts"
import { Language } from "../language/Language.ts"
import { Database } from "./Database.ts"
import { firstRow } from "./Rows.ts"

const languageRow = firstRow(Schema.Struct({ language: Schema.NullOr(Schema.String) }))

/** Languages in the table `users`. */
export const layer = Layer.effect(
  AccountLanguages,
  Effect.gen(function* () {
    const database = yield* Database
    const sql = yield* SqlClient.SqlClient
    const trace = yield* traces

    return AccountLanguages.of({
      of: Effect.fn("AccountLanguages.of")((id) =>
        languageRow(sql`select language from users where id = ${id}`).pipe(
          // What only a newer version speaks counts as none here too.
          Effect.map(Option.flatMap(({ language }) => Schema.decodeUnknownOption(Language)(language))),
          Effect.map(Option.getOrNull),
          database.run
        )
      ),
      // In the trail, since a notice in a language that its owner doesn't read is half a notice.
      set: Effect.fn("AccountLanguages.set")(function* (id, language) {
        const { clientAddress, device, requestId } = yield* trace
        yield* sql`
          with changed as (
            update users set language = ${language}::text, updated_at = clock_timestamp()
            where id = ${id} and language is distinct from ${language}::text
            returning id
          )
          insert into audit (event, outcome, actor, user_id, request_id, client_address, device)
          select 'language.changed', 'done', 'owner', id, ${requestId}, ${clientAddress}, ${device} from changed`.pipe(
          database.run
        )
      })
    })
  })
)
