import { Effect, Layer } from "effect"
import { Command, Flag } from "effect/cli"
import { isSqlError } from "effect/sql/SqlError"
import { Crypto, Users } from "../server.ts"
import { readSettings } from "../settings.ts"
import { ourSchema } from "../sql/HostExamination.ts"
import { HostUsers } from "../sql/HostUsers.ts"
import { migrate, migrationScript, pendingMigrations, shippedMigrations } from "../sql/Migrations.ts"
import { EmbeddedDatabaseBroken } from "../sql/PgliteClient.ts"
import { describe } from "../sql/SqlState.ts"
import { NotDone } from "./endings.ts"
import { SqlOf } from "./layers.ts"
import { answer, counted, Json, jsonLine, print } from "./output.ts"

/** `rekey migrate`. */
export const migrateCommand = Command.make(
  "migrate",
  {
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withoutNegation,
      Flag.withDescription("Print the SQL, for psql, and change nothing"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(
    function* ({ dryRun }) {
      const { isHosted, makeSchema, prepare } = yield* HostUsers
      if (dryRun) {
        const missing = yield* pendingMigrations(shippedMigrations)
        const json = yield* Json
        return yield* print(
          json
            ? missing.map(({ checksum, file, id, text }) => jsonLine({ id, file, checksum, sql: text })).join("")
            : missing.length > 0 && isHosted
              ? `create schema if not exists ${ourSchema};\nset search_path = ${ourSchema};\n${migrationScript(missing)}`
              : migrationScript(missing)
        )
      }
      yield* makeSchema
      const applied = yield* migrate(shippedMigrations)
      yield* prepare
      yield* answer(
        { applied },
        applied.length === 0
          ? "The database is up to date.\n"
          : `${applied.map((file) => `${file}\n`).join("")}${counted(applied.length, "migration")} applied.\n`
      )
    },
    Effect.catchIf(
      isSqlError,
      (error): Effect.Effect<never, EmbeddedDatabaseBroken | NotDone> =>
        error.reason.cause instanceof EmbeddedDatabaseBroken
          ? Effect.fail(error.reason.cause)
          : Effect.fail(new NotDone({ message: `The database can't be used: ${describe(error)}`, how: "unavailable" }))
    )
  )
).pipe(
  Command.provide(
    Layer.unwrap(
      Effect.map(readSettings, (settings) =>
        Users(settings).pipe(Layer.provideMerge(SqlOf(settings)), Layer.provide(Crypto))
      )
    )
  ),
  Command.withDescription("Bring the database up to date with this version")
)
