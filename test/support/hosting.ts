import { Effect, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import type { Preset } from "../../src/presets/Preset.ts"
import { settingsFrom } from "../../src/settings.ts"
import { examineHost } from "../../src/sql/HostExamination.ts"
import { hostGrants } from "../../src/sql/hostGrants.ts"

/** Gives a role what `rekey grants` prints, as the owner of the host's tables. */
export const grantTo = Effect.fnUntraced(function* (role: string, preset: Preset) {
  const sql = yield* SqlClient.SqlClient
  yield* Effect.forEach(hostGrants(preset, yield* examineHost(preset), role), (statement) => sql.unsafe(statement))
}, Effect.orDie)

/** What Rekey is set to beside a host, and its preset. */
export const hostSettings = Effect.fnUntraced(function* (
  variables: Readonly<Record<string, string>>,
  databaseUrl: Redacted.Redacted
) {
  const { hashing, users } = yield* settingsFrom({ ...variables, DATABASE_URL: Redacted.value(databaseUrl) })
  const { preset } = yield* Effect.fromOption(users)
  return { hashing, users, preset }
}, Effect.orDie)
