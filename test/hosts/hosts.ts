import { execFile, execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { stat } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

/** What a client of a host has kept: cookies and tokens. */
export type Session = Readonly<Record<string, string>>

export interface Person {
  readonly username: string
  readonly email: string
  readonly password: string
}

type Ask = (path: string, init?: { readonly body?: unknown; readonly headers?: Session }) => Promise<Response>

/** An application with users and sign-in of its own, in whatever language: how it is started, and how it is asked. */
export interface HostApplication {
  readonly name: string
  /** The same with the release of its own code. */
  readonly version: () => string
  /** What Rekey is told of it. */
  readonly variables: Readonly<Record<string, string>>
  /** Brings here what can be brought, and says why that isn't enough: undefined where it is. */
  readonly missing: () => Promise<string | undefined>
  readonly command: string
  readonly environment: Readonly<Record<string, string>>
  /** Makes an account. */
  readonly register: (ask: Ask, person: Person) => Promise<Response>
  readonly signIn: (ask: Ask, person: Person) => Promise<Response>
  /** What a client keeps of the answer to a sign-in that succeeded. */
  readonly sessionIn: (answer: Response) => Promise<Session>
  /** Whether the host goes on with a session. */
  readonly goesOn: (ask: Ask, session: Session) => Promise<boolean>
}

const folder = (name: string) => fileURLToPath(new URL(`${name}/`, import.meta.url))

const whereIs = (programs: ReadonlyArray<string>, args: ReadonlyArray<string>): string | undefined =>
  programs.find((program) => {
    try {
      execFileSync(program, args, { stdio: "ignore" })
      return true
    } catch {
      return false
    }
  })

const changedAt = async (file: string): Promise<number> => (await stat(file)).mtimeMs

/** Folders of hosts that are left as they are: npm takes minutes for some of them. */
const notToInstall = (process.env.HOSTS_NOT_TO_INSTALL ?? "").split(",")

/** Installs what a folder's lock file names, where that wasn't done since it last changed: npm writes a copy of it at the end. */
const installed = async (name: string): Promise<string | undefined> => {
  const cwd = folder(name)
  try {
    const done = await changedAt(`${cwd}node_modules/.package-lock.json`).catch(() => 0)
    if (done >= (await changedAt(`${cwd}package-lock.json`))) return undefined
    if (notToInstall.includes(name)) return `test/hosts/${name} isn't installed (npm run test:hosts alone does that)`
    await promisify(execFile)("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd })
    return undefined
  } catch (error) {
    return `npm can't install test/hosts/${name}: ${error instanceof Error ? error.message.split("\n")[0] : error}`
  }
}

const cookies = async (answer: Response): Promise<Session> => ({
  cookie: answer.headers
    .getSetCookie()
    .map((cookie) => cookie.split(";")[0])
    .join("; ")
})

const printed = (program: string, args: ReadonlyArray<string>): string =>
  execFileSync(program, args, { encoding: "utf8" }).trim()

const versionIn = (name: string, module: string): string =>
  JSON.parse(readFileSync(`${folder(name)}node_modules/${module}/package.json`, "utf8")).version

/** Debian's own comes first: its packages are for that one. */
const python = whereIs(["/usr/bin/python3", "python3"], ["-c", "import django, psycopg2, argon2"])

const debians = "this machine hasn't got Debian's"

const django = (name: string, hasher: string): HostApplication => ({
  name,
  version: () => `Django ${printed(python ?? "", ["-c", "import django; print(django.__version__)"])}, ${hasher}`,
  variables: { USERS_PRESET: "django", ...(hasher === "Argon2" && { USERS_HASH: "argon2" }) },
  missing: async () =>
    python === undefined ? `${debians} python3-django, python3-psycopg2 and python3-argon2` : undefined,
  command: `exec ${python} ${folder("django")}app.py`,
  environment: { HASHER: hasher },
  register: (ask, body) => ask("/users", { body }),
  signIn: (ask, { password, username }) => ask("/sign-in", { body: { username, password } }),
  sessionIn: cookies,
  goesOn: async (ask, headers) => (await ask("/me", { headers })).status === 200
})

/** Of the length that `rails generate devise:install` makes. */
const pepper = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8".repeat(2)

const devise = (name: string, peppered: boolean): HostApplication => ({
  name,
  version: () =>
    printed("ruby", [
      "-e",
      'require "devise/version"; require "rails/version"; puts "Devise #{Devise::VERSION} on Rails #{Rails::VERSION::STRING}"'
    ]) + (peppered ? ", with a pepper" : ""),
  variables: { USERS_PRESET: "devise", ...(peppered && { BCRYPT_PEPPER: pepper }) },
  missing: async () =>
    whereIs(
      ["ruby"],
      ["-e", 'require "devise"; require "rails"; require "active_record"; require "pg"; require "webrick"']
    )
      ? undefined
      : `${debians} ruby-devise, ruby-railties, ruby-activerecord, ruby-pg and ruby-webrick`,
  command: `exec ruby ${folder("devise")}app.rb`,
  environment: peppered ? { PEPPER: pepper } : {},
  register: (ask, { email, password }) => ask("/users", { body: { user: { email, password } } }),
  signIn: (ask, { email, password }) => ask("/users/sign_in", { body: { user: { email, password } } }),
  sessionIn: cookies,
  goesOn: async (ask, headers) => (await ask("/me", { headers })).status === 200
})

export const hosts: ReadonlyArray<HostApplication> = [
  django("Django", "PBKDF2"),
  django("Django with argon2", "Argon2"),
  devise("Devise", false),
  devise("Devise with a pepper", true),
  {
    name: "better-auth",
    version: () => `better-auth ${versionIn("better-auth", "better-auth")}`,
    variables: { USERS_PRESET: "better-auth" },
    missing: () => installed("better-auth"),
    command: `exec node ${folder("better-auth")}app.js`,
    environment: {},
    register: (ask, { email, password, username: name }) =>
      ask("/api/auth/sign-up/email", { body: { name, email, password } }),
    signIn: (ask, { email, password }) => ask("/api/auth/sign-in/email", { body: { email, password } }),
    sessionIn: cookies,
    goesOn: async (ask, headers) => (await (await ask("/api/auth/get-session", { headers })).json()) !== null
  },
  {
    name: "Strapi",
    version: () => `Strapi ${versionIn("strapi", "@strapi/strapi")}`,
    variables: { USERS_PRESET: "strapi" },
    missing: () => installed("strapi"),
    command: `exec node ${folder("strapi")}app.js`,
    environment: { NODE_ENV: "production", STRAPI_TELEMETRY_DISABLED: "true" },
    register: (ask, body) => ask("/api/auth/local/register", { body }),
    signIn: (ask, { email, password }) => ask("/api/auth/local", { body: { identifier: email, password } }),
    // Its access tokens are good for ten minutes whatever happens, also when it resets a password itself: a session is what renews them.
    sessionIn: async (answer) => {
      const { refreshToken } = (await answer.json()) as { readonly refreshToken: string }
      return { refreshToken }
    },
    goesOn: async (ask, { refreshToken }) => (await ask("/api/auth/refresh", { body: { refreshToken } })).status === 200
  }
]
