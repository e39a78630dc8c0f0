import { argon2id, owaspCost } from "../src/passwords/argon2.ts"
import { bcrypt } from "../src/passwords/bcrypt.ts"
import type { HashWriter } from "../src/passwords/HashFormat.ts"
import { djangoPbkdf2 } from "../src/passwords/pbkdf2.ts"
import { betterAuthScrypt } from "../src/passwords/scrypt.ts"

/** What tables are written in, each at the cost that its host has by default: Rekey, Strapi and Supabase, Devise and Laravel, Django 4.2, better-auth. */
export const writers = {
  argon2id: argon2id(owaspCost),
  "bcrypt, cost 10": bcrypt({ cost: 10, prefix: "2b" }),
  "bcrypt, cost 12": bcrypt({ cost: 12, prefix: "2b" }),
  "PBKDF2, 600,000 rounds": djangoPbkdf2({ iterations: 600_000 }),
  "scrypt of better-auth": betterAuthScrypt
} as const satisfies Readonly<Record<string, HashWriter>>

export type WriterName = keyof typeof writers
