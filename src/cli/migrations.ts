import { Effect, Layer } from "effect"
import { Command, Flag } from "effect/cli"
import { isSqlError } from "effect/sql/SqlError"
import { readSettings } from "../settings.ts"
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
      if (dryRun) {
        const missing = yield* pendingMigrations(shippedMigrations)
        const json = yield* Json
        return yield* print(
          json
            ? missing.map(({ checksum, file, id, text }) => jsonLine({ id, file, checksum, sql: text })).join("")
            : migrationScript(missing)
        )
      }
      const applied = yield* migrate(shippedMigrations)
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
  Command.provide(Layer.unwrap(Effect.map(readSettings, SqlOf))),
  Command.withDescription("Bring the database up to date with this version")
)
