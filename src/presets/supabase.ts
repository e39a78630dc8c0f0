import { always, type Preset } from "./Preset.ts"
import { bcrypt } from "./Writing.ts"

/** Supabase's server Auth. What signs people in by SAML keeps its users here too, and they have no password of ours to reset. */
export const supabase: Preset = {
  schema: "auth",
  table: "users",
  columns: { id: "id", email: "email", password: "encrypted_password" },
  noPassword: [],
  accounts: {
    sql: "u.deleted_at is null and not u.is_sso_user",
    reads: { deleted_at: "time", is_sso_user: "boolean" }
  },
  blocked: { sql: "u.banned_until > now()", reads: { banned_until: "time" } },
  confirmed: { sql: "u.email_confirmed_at is not null", reads: { email_confirmed_at: "time" } },
  sets: {},
  ends: [
    { table: "sessions", userId: "user_id", only: always },
    { table: "refresh_tokens", userId: "user_id", only: always }
  ],
  statements: [],
  hashes: { bcrypt: bcrypt({ cost: 10, prefix: "2a" }) }
}
