import { always, type Preset } from "./Preset.ts"
import { betterAuthScrypt } from "./Writing.ts"

/** better-auth, whose passwords stand in the account of the provider `credential`. */
export const betterAuth: Preset = {
  schema: "public",
  table: "user",
  columns: { id: "id", email: "email", password: "password" },
  credentials: {
    table: "account",
    userId: "userId",
    only: { sql: `c."providerId" = 'credential'`, reads: { providerId: "text" } }
  },
  noPassword: [],
  accounts: always,
  // Of its plugin admin.
  blocked: { sql: "u.banned", reads: { banned: "boolean" }, otherwise: "false" },
  confirmed: { sql: `u."emailVerified"`, reads: { emailVerified: "boolean" } },
  sets: {},
  ends: [{ table: "session", userId: "userId", only: always }],
  statements: [],
  hashes: { scrypt: betterAuthScrypt }
}
