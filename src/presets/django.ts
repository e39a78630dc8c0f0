import { always, type Preset } from "./Preset.ts"
import { djangoArgon2, djangoPbkdf2 } from "./Writing.ts"

/** Django's own model of users, or another that is made of `AbstractBaseUser`. Its sessions are signed with the hash, and end with it. */
export const django: Preset = {
  schema: "public",
  table: "auth_user",
  columns: { id: "id", email: "email", username: "username", password: "password" },
  noPassword: ["!%"],
  accounts: always,
  blocked: { sql: "not u.is_active", reads: { is_active: "boolean" }, otherwise: "false" },
  confirmed: always,
  sets: {},
  ends: [],
  statements: [],
  hashes: { pbkdf2: djangoPbkdf2, argon2: djangoArgon2 }
}
