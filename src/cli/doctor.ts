import { createHash } from "node:crypto"
import { connect as connectTcp, isIP } from "node:net"
import { connect as connectTls } from "node:tls"
import { Array, Effect, Option, Redacted } from "effect"
import { Command, TerminalCapabilities } from "effect/cli"
import { SecureRandom } from "effect/crypto"
import { isSqlError } from "effect/sql/SqlError"
import { handshake } from "../mail/SmtpMailer.ts"
import type { Preset } from "../presets/Preset.ts"
import { keptSecrets } from "../secrets/GeneratedSecret.ts"
import { Crypto } from "../server.ts"
import { examineSettings, type Settings } from "../settings.ts"
import { type DatabaseServer, examineServer, examineWebhooks, lackingRights } from "../sql/Examination.ts"
import {
  examineAddresses,
  examineHost,
  examineLookUps,
  type HostExamination,
  ourSchema
} from "../sql/HostExamination.ts"
import { pendingMigrations, shippedMigrations } from "../sql/Migrations.ts"
import { EmbeddedDatabaseBroken, hasDatabase } from "../sql/PgliteClient.ts"
import { describe } from "../sql/SqlState.ts"
import { AllSaid } from "./endings.ts"
import { SqlOf } from "./layers.ts"
import { counted, Json, jsonLine, print, table } from "./output.ts"

/** What was found of one thing: all is well, something to know, or something to mend, with how. */
interface Finding {
  readonly check: string
  readonly state: "ok" | "note" | "wrong"
  readonly message: string
  readonly fix?: string
}

const ok = (check: string, message: string): Finding => ({ check, state: "ok", message })
const note = (check: string, message: string, fix: string): Finding => ({ check, state: "note", message, fix })
const wrong = (check: string, message: string, fix: string): Finding => ({ check, state: "wrong", message, fix })

const settingsFindings = (settings: Settings, problems: ReadonlyArray<string>): ReadonlyArray<Finding> => {
  if (problems.length > 0) {
    return problems.map((problem) => wrong("settings", problem, "Set it in the environment or in .env."))
  }
  const insecure = settings.production && settings.publicUrl.protocol !== "https:"
  return [
    ok("settings", "Each is as it should be."),
    ...(insecure
      ? [note("settings", "PUBLIC_URL isn't https: codes in links can be read on their way.", "Put TLS before it.")]
      : []),
    ...(settings.rateLimit ? [] : [note("settings", "RATE_LIMIT is off.", "Switch it on, unless a gateway limits.")])
  ]
}

/** A secret that was typed by hand has few different characters. */
const leastVariety = 12

const secretFindings = Effect.fnUntraced(
  function* (settings: Settings) {
    const secrets = Option.isSome(settings.appSecrets)
      ? settings.appSecrets.value
      : Option.match(yield* keptSecrets(settings.dataDir), { onNone: () => [], onSome: ({ secrets }) => secrets })
    if (secrets.length === 0) return [ok("secret", "The first start makes one in DATA_DIR.")]
    const weak = secrets.filter((secret) => new Set(Redacted.value(secret)).size < leastVariety)
    return [
      weak.length > 0
        ? wrong(
            "secret",
            "APP_SECRET has few different characters: it looks like one that can be guessed.",
            'Run "rekey keys rotate --print".'
          )
        : ok(
            "secret",
            secrets.length === 1
              ? "There is one."
              : `There are ${secrets.length}: the first is current, the others former.`
          )
    ]
  },
  Effect.catchTag("SecretUnkept", ({ message }) => Effect.succeed([wrong("secret", message, "Let its owner read it.")]))
)

const entropyFinding = Effect.gen(function* () {
  const random = yield* SecureRandom.SecureRandom
  const [one, other] = yield* Effect.all([random.randomBytes(32), random.randomBytes(32)])
  return Buffer.compare(one, other) === 0 || new Set(one).size < 16
    ? wrong("entropy", "The machine's random numbers repeat.", "Don't start it here: codes could be guessed.")
    : ok("entropy", "The machine gives random numbers.")
}).pipe(Effect.orElseSucceed(() => wrong("entropy", "The machine gives no random numbers.", "Look at /dev/urandom.")))

/** In milliseconds: more than a slow answer explains. */
const mostSkew = 5000

const clockFinding = (server: DatabaseServer, before: number, after: number): Finding => {
  const skew = Math.max(before - server.clockMillis, server.clockMillis - after, 0)
  return skew > mostSkew
    ? note(
        "clock",
        `This machine's clock and the database's are ${Math.round(skew / 1000)} s apart. Codes and sessions go by the database's.`,
        "Let both follow a time server."
      )
    : ok("clock", "This machine's clock and the database's agree.")
}

const serverFinding = (server: DatabaseServer): Finding => {
  if (server.versionNumber < 150_000) {
    return wrong("database", `PostgreSQL ${server.version} answers.`, "Rekey needs PostgreSQL 15 or newer.")
  }
  if (server.encoding !== "UTF8") {
    return wrong("database", `Its encoding is ${server.encoding}.`, "Make a database with encoding UTF8.")
  }
  if (server.readOnly) {
    return wrong(
      "database",
      `PostgreSQL ${server.version} answers, and can only be read.`,
      "Point DATABASE_URL to the primary."
    )
  }
  return ok("database", `PostgreSQL ${server.version} answers.`)
}

const poolFindings = (settings: Settings, server: DatabaseServer): ReadonlyArray<Finding> =>
  Option.isSome(settings.databaseUrl) && settings.databasePoolSize > server.maxConnections
    ? [
        wrong(
          "database",
          `DATABASE_POOL_SIZE ${settings.databasePoolSize} is more than its max_connections, ${server.maxConnections}.`,
          "Lower it: all servers together have to fit."
        )
      ]
    : []

const migrationsFinding = (server: DatabaseServer) =>
  pendingMigrations(shippedMigrations).pipe(
    Effect.map((missing) => {
      if (missing.length === 0) return ok("migrations", "All are applied.")
      const files = missing.map(({ file }) => file).join(", ")
      return server.mayCreate
        ? note("migrations", `Not applied yet: ${files}`, 'The next start applies them, or "rekey migrate".')
        : wrong(
            "migrations",
            `Not applied yet: ${files}, and the role ${server.role} may not create tables.`,
            'Have the output of "rekey migrate --dry-run" run by a role that may.'
          )
    }),
    Effect.catchTags({
      DatabaseNewer: ({ message }) => Effect.succeed(wrong("migrations", message, "Update Rekey.")),
      MigrationChanged: ({ message }) => Effect.succeed(wrong("migrations", message, "Restore the file."))
    })
  )

const rightsFinding = Effect.fnUntraced(function* (server: DatabaseServer, embedded: boolean) {
  const lacking = yield* lackingRights
  if (lacking.length > 0) {
    const grants = Object.entries(Array.groupBy(lacking, ({ table }) => table)).map(
      ([table, rights]) => `grant ${rights.map(({ privilege }) => privilege).join(", ")} on ${table} to ${server.role};`
    )
    return wrong(
      "rights",
      `The role ${server.role} lacks rights to ${counted(grants.length, "table")}.`,
      grants.join(" ")
    )
  }
  if (server.isSuperuser && !embedded) {
    return note(
      "rights",
      `The role ${server.role} is a superuser.`,
      "Give Rekey a role that owns its own database alone."
    )
  }
  return ok("rights", `The role ${server.role} may do what Rekey needs.`)
})

const schemaFinding = ({ database, hasSchema, mayMakeSchema, path, role }: HostExamination): Finding | undefined => {
  if (!hasSchema) {
    return mayMakeSchema
      ? note("schema", `The schema ${ourSchema} isn't there yet.`, "The first start makes it.")
      : wrong(
          "schema",
          `There is no schema ${ourSchema}, and the role ${role} may not make it.`,
          'Run what "rekey grants" prints.'
        )
  }
  return path === ourSchema
    ? undefined
    : wrong(
        "schema",
        `Connections look for tables in ${path ?? "no schema"}.`,
        `alter role ${role} in database ${database} set search_path = ${ourSchema};`
      )
}

/** Whom of the host's users a reset can reach. */
const addressFindings = Effect.fnUntraced(function* (preset: Preset, { found }: HostExamination) {
  const { accounts, examples, shared, unusable } = yield* examineAddresses(preset, found)
  const slow = yield* examineLookUps(preset, found)
  const listed = examples.map(({ users }) => users.join(" and ")).join("; ")
  return [
    ok("users", `${counted(accounts, "user has", "users have")} a password.`),
    ...(shared > 0
      ? [
          note(
            "users",
            `${counted(shared, "address is", "addresses are")} that of several users, who differ in case alone and get no code. By their keys: ${listed}${shared > examples.length ? ", ..." : ""}`,
            "Give each user an address of their own."
          )
        ]
      : []),
    ...(unusable > 0
      ? [
          note(
            "users",
            `${counted(unusable, "user has", "users have")} no address that Rekey can write to.`,
            "An address is ASCII, without spaces around it; see docs/presets.md."
          )
        ]
      : []),
    ...slow.map((column) =>
      note("users", `No index serves the look-up by ${column}: the whole table is read.`, '"rekey grants" prints one.')
    )
  ]
})

const hostFindings = Effect.fnUntraced(function* (preset: Preset, host: HostExamination) {
  const { absent, excess, problems } = host
  if (problems.length > 0) return problems.map((problem) => wrong("host", problem, "See docs/presets.md."))
  return [
    ok("host", `Its tables are as USERS_PRESET says${absent.length > 0 ? `; without ${absent.join(", ")}` : ""}.`),
    ...excess.map((line) => note("rights", line, 'A role with what "rekey grants" prints has no more than it needs.')),
    ...(yield* addressFindings(preset, host))
  ]
})

const databaseFindings = Effect.fnUntraced(
  function* (settings: Settings) {
    const embedded = Option.isNone(settings.databaseUrl)
    if (embedded && !hasDatabase(settings.dataDir)) {
      return [ok("database", `The first start makes one in DATA_DIR ${settings.dataDir}.`)]
    }
    return yield* Effect.gen(function* () {
      const before = Date.now()
      const server = yield* examineServer
      const after = Date.now()
      const preset = Option.map(settings.users, ({ preset }) => preset)
      const host = yield* Effect.transposeOption(Option.map(preset, examineHost))
      const schema = Option.flatMapNullishOr(host, schemaFinding)
      return [
        serverFinding(server),
        ...poolFindings(settings, server),
        ...(Option.isSome(schema)
          ? [schema.value]
          : [yield* migrationsFinding(server), yield* rightsFinding(server, embedded)]),
        ...(Option.isSome(preset) && Option.isSome(host) ? yield* hostFindings(preset.value, host.value) : []),
        clockFinding(server, before, after),
        ...(yield* toldFindings(settings))
      ]
    }).pipe(Effect.provide(SqlOf(settings)))
  },
  Effect.timeoutOption("10 seconds"),
  Effect.map(
    Option.getOrElse(() => [
      wrong("database", "It doesn't answer within 10 seconds.", "Is DATABASE_URL right, and may this machine reach it?")
    ])
  ),
  Effect.catchTags({
    DataDirectoryInUse: ({ message }) =>
      Effect.succeed([
        note(
          "database",
          message,
          "The embedded database belongs to one process: stop the server to look into it, or use PostgreSQL."
        )
      ]),
    DataDirectoryUnusable: ({ message }) =>
      Effect.succeed([wrong("database", message, "Set DATA_DIR to a folder that can be written.")]),
    SchemaError: (error) => Effect.die(error)
  }),
  Effect.catchIf(isSqlError, (error) =>
    Effect.succeed([
      error.reason.cause instanceof EmbeddedDatabaseBroken
        ? wrong("database", error.reason.cause.message, "Restore DATA_DIR from a backup.")
        : wrong("database", `It can't be used: ${describe(error)}`, "Is DATABASE_URL right, and does the server run?")
    ])
  )
)

const mailFinding = (settings: Settings) =>
  Option.match(settings.smtp, {
    onNone: () =>
      Effect.succeed(
        note(
          "mail",
          "Mails stay in the development inbox: nobody gets one.",
          "Set SMTP_URL and MAIL_FROM to send them."
        )
      ),
    onSome: ({ from, url }) =>
      handshake(url).pipe(
        Effect.as(ok("mail", `The mail server greets and lets us in; mails come from ${from}.`)),
        Effect.catchTag("MailNotSent", ({ reason }) =>
          Effect.succeed(
            wrong(
              "mail",
              `The mail server of SMTP_URL can't be used: ${reason}`,
              /EAUTH|^53/.test(reason)
                ? "Look at the user and the password in it."
                : "Look at its host and port, and at the firewall."
            )
          )
        )
      )
  })

/** Whether somebody listens there, by TLS with a certificate that fits where the URL says so. */
const reaches = ({ hostname, port, protocol }: URL) =>
  Effect.callback<boolean>((resume) => {
    const host = hostname.replace(/^\[|\]$/g, "")
    const connected = () => {
      resume(Effect.succeed(true))
      socket.destroy()
    }
    const socket =
      protocol === "https:"
        ? connectTls({ host, port: Number(port || 443), ...(isIP(host) === 0 && { servername: host }) }, connected)
        : connectTcp({ host, port: Number(port || 80) }, connected)
    socket.on("error", () => resume(Effect.succeed(false)))
    return Effect.sync(() => socket.destroy())
  }).pipe(Effect.timeoutOption("5 seconds"), Effect.map(Option.getOrElse(() => false)))

/** Nothing is sent: a receiver takes what it gets for something that happened. */
const webhookFinding = Effect.fnUntraced(function* (settings: Settings) {
  if (Option.isNone(settings.webhooks)) return []
  return (yield* reaches(Redacted.value(settings.webhooks.value.url)))
    ? [ok("webhooks", "Somebody listens at WEBHOOK_URL.")]
    : [
        wrong(
          "webhooks",
          "Nobody can be reached at WEBHOOK_URL.",
          "Look at its host, port and certificate, and at the firewall. Events wait for three days."
        )
      ]
})

/** What became of webhooks so far. */
const toldFindings = Effect.fnUntraced(function* (settings: Settings) {
  if (Option.isNone(settings.webhooks)) return []
  const { href } = Redacted.value(settings.webhooks.value.url)
  const found = yield* examineWebhooks(createHash("sha256").update(href).digest())
  if (Option.isNone(found)) return []
  const { dead, stoppedAt } = found.value
  return [
    ...(stoppedAt === null
      ? []
      : [
          wrong(
            "webhooks",
            `The receiver said at ${stoppedAt.toISOString()} that it wants no more (410).`,
            'Ask whoever runs it; "rekey events replay" has it told again.'
          )
        ]),
    ...(dead === 0
      ? []
      : [
          note(
            "webhooks",
            `${counted(dead, "event")} couldn't be told.`,
            '"rekey events list --state dead" shows them, "rekey events replay" has them told again.'
          )
        ])
  ]
})

const colours = { ok: 32, note: 33, wrong: 31 }

/** `rekey doctor`. */
export const doctorCommand = Command.make(
  "doctor",
  {},
  Effect.fnUntraced(function* () {
    const json = yield* Json
    const { canColor } = yield* TerminalCapabilities.TerminalCapabilities
    const { inForce, problems, settings } = yield* examineSettings()
    yield* print(
      json
        ? inForce
            .map((setting) => jsonLine({ setting: setting.name, value: setting.value, given: setting.given }))
            .join("")
        : `${table(
            ["SETTING", "VALUE", ""],
            inForce.map(({ given, name, value }) => [name, value, given ? "" : value === "" ? "not set" : "default"])
          )}\n`
    )
    const told = Effect.fnUntraced(function* (findings: ReadonlyArray<Finding>) {
      const lines = findings.map(({ check, fix, message, state }) => {
        const word = state.padEnd(5)
        const coloured = canColor ? `\x1b[${colours[state]}m${word}\x1b[0m` : word
        return `${coloured}  ${check.padEnd(10)}  ${message}${fix === undefined ? "" : `\n${" ".repeat(19)}${fix}`}\n`
      })
      yield* print(json ? findings.map(jsonLine).join("") : lines.join(""))
      return findings
    })
    const findings = [
      ...(yield* told(settingsFindings(settings, problems))),
      ...(yield* told(yield* secretFindings(settings))),
      ...(yield* told([yield* entropyFinding])),
      ...(yield* told(yield* databaseFindings(settings))),
      ...(yield* told([yield* mailFinding(settings)])),
      ...(yield* told(yield* webhookFinding(settings)))
    ]
    if (findings.some(({ state }) => state === "wrong")) return yield* new AllSaid({ how: "failed" })
  })
).pipe(
  Command.provide(Crypto),
  Command.withDescription(
    "Look at settings, database and mail server, and say of each that it is well or how to mend it"
  )
)
