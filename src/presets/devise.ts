import { always, never, type Preset } from "./Preset.ts"
import { bcrypt } from "./Writing.ts"

/** Devise, for Rails. A session holds the first 29 characters of the hash, and ends with it. A pepper goes into BCRYPT_PEPPER. */
export const devise: Preset = {
  schema: "public",
  table: "users",
  columns: { id: "id", email: "email", password: "encrypted_password" },
  noPassword: [],
  accounts: always,
  // What `lockable` locks is unlocked by time or by its own mail: Rekey lets nobody in there.
  blocked: never,
  confirmed: { sql: "u.confirmed_at is not null", reads: { confirmed_at: "time" }, otherwise: "true" },
  sets: {
    remember_created_at: { kind: "time", sql: "null" },
    reset_password_token: { kind: "text", sql: "null" },
    reset_password_sent_at: { kind: "time", sql: "null" }
  },
  ends: [],
  statements: [],
  hashes: { bcrypt: bcrypt({ cost: 12, prefix: "2a" }) }
}
