import { Effect, Layer, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { isSqlError } from "effect/sql/SqlError"
import { readSettings } from "../settings.ts"
import { examineHost } from "../sql/HostExamination.ts"
import { hostGrants } from "../sql/hostGrants.ts"
import { describe } from "../sql/SqlState.ts"
import { failed, NotDone } from "./endings.ts"
import { SqlOf } from "./layers.ts"
import { Json, jsonLine, print, remark } from "./output.ts"

/** `rekey grants`. */
export const grantsCommand = Command.make(
  "grants",
  {
    role: Flag.String("role").pipe(Flag.withDescription("The role that Rekey connects as"), Flag.withDefault("rekey"))
  },
  Effect.fnUntraced(
    function* ({ role }) {
      const { users } = yield* readSettings
      if (Option.isNone(users)) {
        return yield* failed(
          "USERS_PRESET isn't set: deploy/postgresql.sql has the rights that a database of Rekey's own needs."
        )
      }
      const { preset } = users.value
      const statements = hostGrants(preset, yield* examineHost(preset), role)
      const json = yield* Json
      yield* print(
        json ? statements.map((sql) => jsonLine({ sql })).join("") : statements.map((sql) => `${sql};\n`).join("")
      )
      if (json) return
      if (preset.statements.length > 0) yield* remark("What the statements of USERS_SQL need isn't among these.")
      yield* remark(`A role that is made has no password yet: \\password ${role} in psql gives it one.`)
    },
    Effect.catchTag("SchemaError", Effect.die),
    Effect.catchIf(isSqlError, (error) =>
      Effect.fail(new NotDone({ message: `The database can't be used: ${describe(error)}`, how: "unavailable" }))
    )
  )
).pipe(
  Command.provide(Layer.unwrap(Effect.map(readSettings, SqlOf))),
  Command.withDescription("Print the SQL that gives a role what USERS_PRESET needs, and no more"),
  Command.withExamples([
    {
      command: "DATABASE_URL=postgres://postgres@localhost/shop rekey grants --role rekey",
      description: "Asked as somebody who may look at the tables; run by somebody who owns them"
    }
  ])
)
