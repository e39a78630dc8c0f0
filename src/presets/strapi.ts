import { always, type Preset } from "./Preset.ts"
import { bcrypt } from "./Writing.ts"

/** Strapi's plugin users-permissions: the people of its content API, not its administrators. */
export const strapi: Preset = {
  schema: "public",
  table: "up_users",
  columns: { id: "id", email: "email", username: "username", password: "password" },
  noPassword: [],
  accounts: always,
  blocked: { sql: "u.blocked", reads: { blocked: "boolean" } },
  confirmed: { sql: "u.confirmed", reads: { confirmed: "boolean" } },
  sets: { reset_password_token: { kind: "text", sql: "null" } },
  // There where its sessions are managed by the server (jwtManagement: refresh); the administrators' are of another origin.
  ends: [
    {
      table: "strapi_sessions",
      userId: "user_id",
      only: { sql: "s.origin = 'users-permissions'", reads: { origin: "text" } }
    }
  ],
  statements: [],
  hashes: { bcrypt: bcrypt({ cost: 10, prefix: "2a" }) }
}
