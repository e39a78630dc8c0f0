import { readFileSync } from "node:fs"
import { Effect, Option, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { argon2id } from "../../src/passwords/argon2.ts"
import { bcrypt } from "../../src/passwords/bcrypt.ts"
import { formatOf } from "../../src/passwords/formats.ts"
import type { HashWriter } from "../../src/passwords/HashFormat.ts"
import { djangoPbkdf2 } from "../../src/passwords/pbkdf2.ts"
import { betterAuthScrypt } from "../../src/passwords/scrypt.ts"

/** A user as the host makes one. */
export interface HostUser {
  readonly email: string
  /** Where the host has user names. */
  readonly username: string
  /** NULL: who signs in elsewhere. */
  readonly hash: string | null
}

/** An application that has users, in a database of its own. */
export interface Host {
  readonly name: string
  /** What Rekey is set to. */
  readonly variables: Readonly<Record<string, string>>
  readonly schema: string
  /** As the host hashes, of the least cost. */
  readonly writer: HashWriter
  /** The start of what the host's own code looks for. */
  readonly prefix: RegExp
  /** Each gives SQL: a statement that makes a user and returns the key as text, */
  readonly insert: (user: HostUser) => string
  /** who has sessions of the host's; */
  readonly signIn: (id: string) => ReadonlyArray<string>
  /** how many of them there are; */
  readonly sessions: (id: string) => string
  /** the row with the hash, */
  readonly row: { readonly table: string; readonly key: string; readonly hash: string }
  /** and what of it a new password may change. */
  readonly changed: ReadonlyArray<string>
  readonly users: { readonly table: string; readonly key: string; readonly email: string; readonly username?: string }
  /** What a role needs for the SQL of USERS_SQL. */
  readonly ownGrants?: (role: string) => ReadonlyArray<string>
  /** What blocks a user. */
  readonly block?: (id: string) => string
}

const quoted = (value: string | null): string => (value === null ? "null" : `'${value.replaceAll("'", "''")}'`)

const users = { table: "public.users", key: "id", email: "email" }

export const hosts: ReadonlyArray<Host> = [
  {
    name: "django",
    variables: { USERS_PRESET: "django" },
    schema: "django",
    writer: djangoPbkdf2({ iterations: 1000 }),
    prefix: /^pbkdf2_sha256\$1000\$/,
    insert: ({ email, hash, username }) => `
      insert into auth_user (password, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined)
      values (${quoted(hash ?? "!v8JGnTTVBbQxKkQ2n0dpjxGEHxxRVCPyRmVkYFK3")}, false, ${quoted(username)}, 'Ada', 'Lovelace', ${quoted(email)}, false, true, now())
      returning id::text`,
    signIn: () => [],
    sessions: () => "select 0",
    row: { table: "public.auth_user", key: "id", hash: "password" },
    changed: ["password"],
    users: { table: "public.auth_user", key: "id", email: "email", username: "username" },
    block: (id) => `update auth_user set is_active = false where id = ${id}`
  },
  {
    name: "strapi",
    variables: { USERS_PRESET: "strapi" },
    schema: "strapi",
    writer: bcrypt({ cost: 4, prefix: "2a" }),
    prefix: /^\$2a\$04\$/,
    insert: ({ email, hash, username }) => `
      insert into up_users (document_id, username, email, provider, password, reset_password_token, confirmed, blocked)
      values ('d', ${quoted(username)}, ${quoted(email)}, 'local', ${quoted(hash)}, 'the host mailed this', true, false) returning id::text`,
    signIn: (id) => [
      `insert into strapi_sessions (user_id, session_id, origin) values ('${id}', gen_random_uuid(), 'users-permissions')`,
      // An administrator whose key is the same.
      `insert into strapi_sessions (user_id, session_id, origin) values ('${id}', gen_random_uuid(), 'admin')`
    ],
    sessions: (id) =>
      `select count(*) filter (where origin <> 'admin') + 1 - count(*) filter (where origin = 'admin') from strapi_sessions where user_id = '${id}'`,
    row: { table: "public.up_users", key: "id", hash: "password" },
    changed: ["password", "reset_password_token"],
    users: { table: "public.up_users", key: "id", email: "email", username: "username" },
    block: (id) => `update up_users set blocked = true where id = ${id}`
  },
  {
    name: "devise",
    variables: { USERS_PRESET: "devise", BCRYPT_PEPPER: "a pepper of the application's" },
    schema: "devise",
    writer: bcrypt({ cost: 4, prefix: "2a" }),
    prefix: /^\$2a\$04\$/,
    insert: ({ email, hash }) => `
      insert into users (email, encrypted_password, reset_password_token, reset_password_sent_at, remember_created_at, confirmed_at, created_at, updated_at)
      values (${quoted(email)}, ${quoted(hash ?? "")}, 'digest of ${email}', now(), now(), now(), now(), now()) returning id::text`,
    signIn: () => [],
    sessions: () => "select 0",
    row: { table: "public.users", key: "id", hash: "encrypted_password" },
    changed: ["encrypted_password", "reset_password_token", "reset_password_sent_at", "remember_created_at"],
    users
  },
  {
    name: "laravel",
    variables: { USERS_PRESET: "laravel" },
    schema: "laravel",
    writer: bcrypt({ cost: 4, prefix: "2y" }),
    prefix: /^\$2y\$04\$/,
    insert: ({ email, hash, username }) => `
      insert into users (name, email, password, remember_token) values (${quoted(username)}, ${quoted(email)}, ${quoted(hash ?? "")}, 'remembered')
      returning id::text`,
    signIn: (id) => [
      `insert into sessions (id, user_id, payload, last_activity) values (gen_random_uuid(), ${id}, '', 0)`
    ],
    sessions: (id) => `select count(*) from sessions where user_id = ${id}`,
    row: { table: "public.users", key: "id", hash: "password" },
    changed: ["password", "remember_token"],
    users
  },
  {
    name: "laravel with argon2",
    variables: { USERS_PRESET: "laravel", USERS_HASH: "argon2" },
    schema: "laravel",
    writer: argon2id({ memoryKib: 64, iterations: 1, parallelism: 1 }),
    prefix: /^\$argon2id\$v=19\$m=64,t=1,p=1\$/,
    insert: ({ email, hash, username }) => `
      insert into users (name, email, password) values (${quoted(username)}, ${quoted(email)}, ${quoted(hash ?? "")}) returning id::text`,
    signIn: (id) => [
      `insert into sessions (id, user_id, payload, last_activity) values (gen_random_uuid(), ${id}, '', 0)`
    ],
    sessions: (id) => `select count(*) from sessions where user_id = ${id}`,
    row: { table: "public.users", key: "id", hash: "password" },
    changed: ["password", "remember_token"],
    users
  },
  {
    name: "better-auth",
    variables: { USERS_PRESET: "better-auth" },
    schema: "better-auth",
    writer: betterAuthScrypt,
    prefix: /^[0-9a-f]{32}:[0-9a-f]{128}$/,
    insert: ({ email, hash, username }) => `
      with added as (
        insert into "user" (id, name, email, "emailVerified") values (gen_random_uuid()::text, ${quoted(username)}, ${quoted(email)}, true) returning id
      ), elsewhere as (
        insert into account (id, "accountId", "providerId", "userId", password, "updatedAt")
        select gen_random_uuid()::text, 'x', 'github', id, null, now() from added
      )
      insert into account (id, "accountId", "providerId", "userId", password, "updatedAt")
      select gen_random_uuid()::text, id, 'credential', id, ${quoted(hash)}, now() from added returning "userId"`,
    signIn: (id) => [
      `insert into session (id, "expiresAt", token, "updatedAt", "userId") values (gen_random_uuid()::text, now(), gen_random_uuid(), now(), '${id}')`
    ],
    sessions: (id) => `select count(*) from session where "userId" = '${id}'`,
    row: { table: "public.account", key: `"providerId" = 'credential' and "userId"`, hash: "password" },
    changed: ["password"],
    users: { table: `public."user"`, key: "id", email: "email" }
  },
  {
    name: "supabase",
    variables: { USERS_PRESET: "supabase" },
    schema: "supabase",
    writer: bcrypt({ cost: 4, prefix: "2a" }),
    prefix: /^\$2a\$04\$/,
    insert: ({ email, hash }) => `
      insert into auth.users (id, email, encrypted_password, email_confirmed_at, recovery_token)
      values (gen_random_uuid(), ${quoted(email)}, ${quoted(hash)}, now(), '') returning id::text`,
    signIn: (id) => [
      `insert into auth.sessions (id, user_id) values (gen_random_uuid(), '${id}')`,
      `insert into auth.refresh_tokens (token, user_id) values (gen_random_uuid(), '${id}')`
    ],
    sessions: (id) =>
      `select (select count(*) from auth.sessions where user_id = '${id}') + (select count(*) from auth.refresh_tokens where user_id = '${id}')`,
    row: { table: "auth.users", key: "id", hash: "encrypted_password" },
    changed: ["encrypted_password"],
    users: { table: "auth.users", key: "id", email: "email" },
    block: (id) => `update auth.users set banned_until = now() + interval '1 day' where id = '${id}'`
  },
  {
    name: "custom",
    variables: {
      USERS_PRESET: "custom",
      USERS_TABLE: "shop.Customers",
      USERS_COLUMNS: "id=code,email=mail,username=login,password=secret",
      USERS_HASH: "bcrypt",
      USERS_SQL: new URL("hosts/custom.users.sql", import.meta.url).pathname
    },
    schema: "custom",
    writer: bcrypt({ cost: 4, prefix: "2b" }),
    prefix: /^\$2b\$04\$/,
    insert: ({ email, hash, username }) => `
      insert into shop."Customers" (code, mail, login, secret) values (left(md5(${quoted(email)}), 7), ${quoted(email)}, ${quoted(username)}, ${quoted(hash)})
      returning code::text`,
    signIn: (id) => [`insert into shop.visits (customer) values ('${id}')`],
    sessions: (id) => `select count(*) from shop.visits where customer = '${id}'`,
    row: { table: `shop."Customers"`, key: "code", hash: "secret" },
    changed: ["secret"],
    users: { table: `shop."Customers"`, key: "code", email: "mail", username: "login" },
    ownGrants: (role) => [
      `grant select (points, closed_on) on shop."Customers" to ${role}`,
      `grant select (customer), delete on shop.visits to ${role}`
    ],
    block: (id) => `update shop."Customers" set closed_on = now() where code = '${id}'`
  }
]

/** A file of statements as the host's migrations leave the database. */
export const tablesOf = ({ schema }: Host): ReadonlyArray<string> =>
  readFileSync(new URL(`hosts/${schema}.sql`, import.meta.url), "utf8")
    .split(/;\s*$/m)
    .filter((statement) => statement.replace(/^--.*$/gm, "").trim() !== "")

const pepperOf = ({ variables }: Host) =>
  Option.map(Option.fromUndefinedOr(variables.BCRYPT_PEPPER), (pepper) => Redacted.make(pepper))

export const hashOf = (host: Host, password: string) => host.writer.hash(Redacted.make(password), pepperOf(host))

/** Whether the host lets somebody in with this password: the vectors of test/passwords are from the hosts' own code. */
export const opens = (host: Host, hash: string, password: string) =>
  Option.match(formatOf(hash), {
    onNone: () => Effect.succeed(false),
    onSome: (stored) => stored.verify(Redacted.make(password), pepperOf(host))
  })

/** A value that a statement gives. */
export const valueOf = Effect.fnUntraced(function* (statement: string) {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql.unsafe<Record<string, unknown>>(statement)
  return Object.values(row ?? {})[0]
})
