import { always, never, type Preset } from "./Preset.ts"
import { argon2id, bcrypt, betterAuthScrypt, djangoArgon2, djangoPbkdf2 } from "./Writing.ts"

/** Any table: USERS_TABLE, USERS_COLUMNS and USERS_HASH say which, and USERS_SQL what else there is to know. */
export const custom: Preset = {
  schema: "public",
  table: "users",
  columns: { id: "id", email: "email", password: "password" },
  noPassword: [],
  accounts: always,
  blocked: never,
  confirmed: always,
  sets: {},
  ends: [],
  statements: [],
  hashes: {
    bcrypt: bcrypt({ cost: 12, prefix: "2b" }),
    argon2: argon2id,
    "django-pbkdf2": djangoPbkdf2,
    "django-argon2": djangoArgon2,
    "better-auth-scrypt": betterAuthScrypt
  }
}
