import { always, never, type Preset } from "./Preset.ts"
import { argon2id, bcrypt } from "./Writing.ts"

/** Laravel's own model of users. Sessions that aren't in its database end by its middleware `AuthenticateSession`, which looks at the hash. */
export const laravel: Preset = {
  schema: "public",
  table: "users",
  columns: { id: "id", email: "email", password: "password" },
  noPassword: [],
  accounts: { sql: "u.deleted_at is null", reads: { deleted_at: "time" }, otherwise: "true" },
  blocked: never,
  confirmed: { sql: "u.email_verified_at is not null", reads: { email_verified_at: "time" }, otherwise: "true" },
  // 60 characters, as Laravel makes it.
  sets: {
    remember_token: {
      kind: "text",
      sql: "left(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 60)"
    }
  },
  ends: [{ table: "sessions", userId: "user_id", only: always }],
  statements: [],
  hashes: { bcrypt: bcrypt({ cost: 12, prefix: "2y" }), argon2: argon2id }
}
