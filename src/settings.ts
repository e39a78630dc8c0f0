import { readFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import {
  Array,
  Config,
  ConfigProvider,
  Data,
  Duration,
  Effect,
  type LogLevel,
  Option,
  Record,
  Redacted,
  Result,
  Schema,
  String
} from "effect"
import { AdministratorName } from "./domain/Administrator.ts"
import type { AddressKept } from "./domain/ClientAddress.ts"
import { Email } from "./domain/Email.ts"
import { EventType, eventTypes } from "./events/RekeyEvent.ts"
import type { WebhookReceiver } from "./events/WebhookSender.ts"
import type { Administrators } from "./http/Administration.ts"
import { type TrustedProxies, trustedProxy } from "./http/clientAddress.ts"
import type { CorsOrigins } from "./http/headers.ts"
import { isColour, isLegible, lightened } from "./http/pages/Accent.ts"
import { type Branding, largestLogo, logoIn, ourAccent } from "./http/pages/Branding.ts"
import { ours, type Template, templateIn } from "./http/pages/Template.ts"
import { argon2id, highestCost, owaspCost } from "./passwords/argon2.ts"
import type { HashWriter, Pepper } from "./passwords/HashFormat.ts"
import type { Preset } from "./presets/Preset.ts"
import { columnsIn, type PresetName, presets, sqlIn, withColumns, withSql, withTable } from "./presets/presets.ts"
import { type HostHashes, hostHashes, type Writing } from "./presets/Writing.ts"

/** What the operator set in the environment or in `.env`, checked as a whole. */
export interface Settings {
  readonly production: boolean
  readonly host: string
  readonly port: number
  readonly publicUrl: URL
  /** None: the embedded database in `dataDir`. */
  readonly databaseUrl: Option.Option<Redacted.Redacted>
  readonly databasePoolSize: number
  readonly databasePrepare: boolean
  readonly dataDir: string
  /** None: one is generated into `dataDir`. The first is the current one. */
  readonly appSecrets: Option.Option<Array.NonEmptyReadonlyArray<Redacted.Redacted>>
  readonly appName: string
  /** None: mails go to the development inbox. */
  readonly smtp: Option.Option<{ readonly url: Redacted.Redacted; readonly from: string }>
  /** None: the team has pages of its own. */
  readonly pages: Option.Option<Branding>
  readonly resetUrl: URL
  readonly resetLimits: {
    readonly codeTtlMillis: number
    readonly cooldownMillis: number
    readonly hourlyCap: number
  }
  readonly rateLimit: boolean
  readonly trustedProxies: TrustedProxies
  readonly corsOrigins: CorsOrigins
  /** None: Rekey keeps the accounts itself. */
  readonly users: Option.Option<{ readonly preset: Preset; readonly hashes: HostHashes }>
  readonly registration: boolean
  readonly emailConfirmation: {
    /** Whether an account is made only once its address is confirmed. */
    readonly required: boolean
    /** How long a registration waits, its user name reserved; codes for accounts live as long. */
    readonly ttlMillis: number
    /** The page that takes the code. */
    readonly url: URL
  }
  readonly emailChange: {
    /** How long the way back to a former address is open. */
    readonly undoTtlMillis: number
    /** The page that takes the code of a change. */
    readonly url: URL
    /** The page that takes the code of a way back. */
    readonly undoUrl: URL
  }
  readonly passwordLength: { readonly minLength: number; readonly maxLength: number }
  readonly breachCheck: { readonly mode: "off" | "open" | "closed"; readonly url: URL }
  readonly hashing: {
    /** The format of the hashes that are made. */
    readonly writes: HashWriter
    readonly pepper: Pepper
    readonly concurrency: number
    readonly queueLimit: number
  }
  /** How far the threads that hash stand back behind all other work of the machine. */
  readonly hashNice: number
  readonly signInAfterReset: boolean
  /** None: there is no door for them. */
  readonly administrators: Administrators
  /** None: nobody is told, and nothing is written to be told. */
  readonly webhooks: Option.Option<WebhookReceiver & { readonly types: ReadonlyArray<EventType> }>
  /** None: there is no `/metrics`. */
  readonly metricsToken: Option.Option<Redacted.Redacted>
  readonly sessionTtlMillis: number
  readonly audit: { readonly retentionMillis: number; readonly address: AddressKept }
  readonly logLevel: LogLevel.LogLevel
  /** None: `pretty` on a terminal, else `json`. */
  readonly logFormat: Option.Option<"pretty" | "json">
}

/** Settings that are wrong or missing, all of them: a line for each. No line holds a secret. */
export class SettingsInvalid extends Data.TaggedError("SettingsInvalid")<{
  readonly problems: Array.NonEmptyReadonlyArray<string>
}> {
  override get message() {
    return this.problems.join("\n")
  }
}

/** A setting as it is in force, for people. No value shows a secret. */
export interface SettingInForce {
  readonly name: string
  readonly value: string
  /** Whether it was set; else it is the default. */
  readonly given: boolean
}

/** A kind of value: how it is read, what it should be, in words, an example, and how one is shown. */
interface Kind<A> {
  readonly read: (name: string) => Config.Config<A>
  readonly should: string
  readonly example: string
  show?(value: A): string
  /** Where it is a secret: how what was typed is shown all the same. */
  readonly hide?: (typed: string) => string
}

/** Of a secret nothing but that it is there. */
const wholly = (typed: string): string => `hidden (${typed.length} characters)`

/** Of a URL with a secret where it leads; a user's name may be one too. */
const butItsPlace = (typed: string): string => {
  const parsed = URL.parse(typed)
  if (parsed === null || parsed.hostname === "") return wholly(typed)
  const user = parsed.username === "" && parsed.password === "" ? "" : "***@"
  return `${parsed.protocol}//${user}${parsed.host}${parsed.pathname}`
}

const integer = (minimum: number, maximum: number, example: number): Kind<number> => ({
  read: (name) => Config.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })), name),
  should: `a whole number from ${minimum} to ${maximum}`,
  example: `${example}`
})

const oneOf = <const A extends string>(values: Array.NonEmptyReadonlyArray<A>): Kind<A> => ({
  read: (name) => Config.Literals(values, name),
  should: `one of ${values.join(", ")}`,
  example: values[0]
})

const onOff: Kind<boolean> = {
  read: Config.Boolean,
  should: "on or off",
  example: "on",
  show: (value) => (value ? "on" : "off")
}

/** Lengths of time, in milliseconds. */
const duration = (example: string, least: Duration.Duration): Kind<number> => ({
  read: (name) =>
    Config.schema(
      Schema.DurationFromString.check(
        Schema.makeFilter((value) => Duration.isFinite(value) && Duration.isGreaterThanOrEqualTo(value, least))
      ),
      name
    ).pipe(Config.map(Duration.toMillis)),
  should: `a length of time of at least ${Duration.format(least)}`,
  example,
  show: (millis) => Duration.format(Duration.millis(millis))
})

const text = (should: string, example: string, fits: (value: string) => boolean): Kind<string> => ({
  read: (name) => Config.schema(Schema.String.check(Schema.makeFilter(fits)), name),
  should,
  example
})

const secret = (
  should: string,
  example: string,
  fits: (value: string) => boolean,
  hide = wholly
): Kind<Redacted.Redacted> => ({
  read: (name) => Config.schema(Schema.RedactedFromValue(Schema.String.check(Schema.makeFilter(fits))), name),
  should,
  example,
  hide
})

const url =
  (...schemes: ReadonlyArray<string>) =>
  (value: string) => {
    const parsed = URL.parse(value)
    return parsed !== null && schemes.includes(parsed.protocol) && parsed.hostname !== "" && parsed.hash === ""
  }

/** Where a link of a page may lead. */
const isLink = (value: string) => url("http:", "https:")(value) || /^mailto:[^\s@]+@[^\s@]+$/.test(value)

const webUrl = (example: string) => text("an http or https URL", example, url("http:", "https:"))

const presetNames = ["django", "strapi", "devise", "laravel", "better-auth", "supabase", "custom"] as const

const tableKind = text("a table, with its schema or without", "public.users", (_) => /^[^.,=]+(\.[^.,=]+)?$/.test(_))

const columnsKind = text(
  "pairs of id, email, username or password and the column that has it, with commas between",
  "email=email_address,password=password_digest",
  (_) => columnsIn(_) !== undefined
)

const isMailFrom = (value: string) =>
  Option.isSome(Schema.decodeOption(Email)(/^[^<>\p{Cc}]*<([^<>]+)>$/u.exec(value)?.[1] ?? value))

/** Fit to be a bearer token that nobody guesses. */
const isToken = (value: string) => /^[\x21-\x7e]{32,}$/.test(value)

const appSecret = secret(
  "at least 32 characters, or a comma-separated list of such, the current one first",
  "$(openssl rand -base64 32)",
  (value) => value.split(",").every((one) => one.trim().length >= 32)
)

/** What stands between the commas. */
const listed = (value: string): ReadonlyArray<string> => value.split(",").map((one) => one.trim())

/** None where one of the pairs is wrong, or two have one token: nobody could tell whose deed it was. */
const administratorsIn = (value: string): Option.Option<Administrators> => {
  const pairs = listed(value).map((pair) => {
    const [name = "", ...token] = pair.split(":")
    return { name, token: token.join(":") }
  })
  const right = pairs.every(({ name, token }) => Schema.is(AdministratorName)(name) && isToken(token))
  return right && new Set(pairs.map(({ token }) => token)).size === pairs.length
    ? Option.some(
        pairs.map(({ name, token }) => ({
          name: AdministratorName.make(name),
          token: Redacted.make(token, { label: "ADMIN_TOKENS" })
        }))
      )
    : Option.none()
}

/** A secret of Standard Webhooks: 24 to 64 bytes. */
const isWebhookSecret = (value: string): boolean => {
  const [, base64 = ""] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(value) ?? []
  const { length } = Buffer.from(base64, "base64")
  return base64.length % 4 === 0 && length >= 24 && length <= 64
}

/** Which colour a scheme can do with. */
const accentColour = (scheme: "light" | "dark", example: string) =>
  text(
    `a colour like ${example} whose contrast with the ${scheme} pages is at least 4.5 (WCAG 2.2)`,
    example,
    (value) => isColour(value) && isLegible(value, scheme)
  )

const fileAt = (path: string): Option.Option<Buffer> => {
  try {
    return Option.some(readFileSync(path))
  } catch {
    return Option.none()
  }
}

/** As browsers send it: scheme, host and a port that isn't the scheme's own. A URL parser takes `*` for a part of a name. */
const isWebOrigin = (value: string): boolean =>
  url("http:", "https:")(value) && URL.parse(value)?.origin === value && !value.includes("*")

const inUrl = (host: string) => (host.includes(":") ? `[${host}]` : host)

const isHost = (value: string) => /^[^/?#@\\]+$/.test(value) && url("http:")(`http://${inUrl(value)}`)

/** Where the service listens, as this machine reaches it. */
export const localUrl = ({ host, port }: Pick<Settings, "host" | "port">): string => `http://${inUrl(host)}:${port}`

export const isLoopback = (host: string) => /^(localhost|127(\.\d{1,3}){3}|::1)$/.test(host)

/** What an application that embeds Rekey brings itself, and so needs no setting for. */
export interface Brought {
  /** What sends mails. */
  readonly mailer: boolean
  /** The path that it has Rekey under; none where that is a host of its own. */
  readonly basePath?: string
  /** A database client. */
  readonly sql: boolean
}

const nothingBrought: Brought = { mailer: false, sql: false }

/** Every setting as it was set or by its default, and a line for each that is wrong or missing. */
export const examineSettings = Effect.fnUntraced(function* (brought: Brought = nothingBrought): Effect.fn.Return<{
  readonly settings: Settings
  readonly problems: ReadonlyArray<string>
  readonly inForce: ReadonlyArray<SettingInForce>
}> {
  const problems: globalThis.Array<string> = []
  const inForce: globalThis.Array<SettingInForce> = []

  const complain = (name: string, kind: Kind<unknown>, complaint: string) => {
    problems.push(`${name} ${complaint}: it should be ${kind.should}, for example ${name}=${kind.example}`)
  }

  /** The value that was set, and `unset` as what is in force where none was. */
  const look = Effect.fnUntraced(function* <A>(name: string, kind: Kind<A>, unset: string) {
    const typed = Option.flatten(yield* Effect.option(Config.option(Config.String(name))))
    const shown = kind.hide === undefined ? typed : Option.map(typed, kind.hide)
    inForce.push({ name, value: Option.getOrElse(shown, () => unset), given: Option.isSome(typed) })
    const value = yield* Effect.option(Config.option(kind.read(name)))
    if (Option.isSome(value)) return value.value
    complain(name, kind, "is wrong")
    return Option.none<A>()
  })
  const optional = <A>(name: string, kind: Kind<A>) => look(name, kind, "")
  /** Where the value is wrong the fallback stands in, until the problems stop the start. */
  const withDefault = <A>(name: string, kind: Kind<A>, fallback: A) =>
    Effect.map(
      look(name, kind, kind.show === undefined ? `${fallback}` : kind.show(fallback)),
      Option.getOrElse(() => fallback)
    )

  const production = (yield* optional(
    "NODE_ENV",
    text("a word", "production", () => true)
  )).pipe(Option.contains("production"))
  const host = yield* withDefault("HOST", text("a host name or an IP address", "127.0.0.1", isHost), "127.0.0.1")
  const port = yield* withDefault("PORT", integer(1, 65_535, 1337), 1337)

  const required = Effect.fnUntraced(function* <A>(name: string, kind: Kind<A>, when: string | undefined) {
    const before = problems.length
    const value = yield* optional(name, kind)
    if (when !== undefined && Option.isNone(value) && problems.length === before) {
      complain(name, kind, `is missing, which is required ${when}`)
    }
    return value
  })
  const inProduction = production ? "in production" : undefined
  const forMail = brought.mailer
    ? undefined
    : (inProduction ?? (isLoopback(host) ? undefined : "where HOST is not a loopback address"))

  const publicUrl = Option.getOrElse(
    yield* required("PUBLIC_URL", webUrl("https://accounts.example.com"), inProduction),
    () => `${localUrl({ host, port })}${brought.basePath ?? ""}`
  )
  const appSecrets = yield* required("APP_SECRET", appSecret, inProduction)
  const smtpUrl = yield* required(
    "SMTP_URL",
    secret("an smtp or smtps URL", "smtp://user:password@mail.example.com:587", url("smtp:", "smtps:"), butItsPlace),
    forMail
  )
  const mailFrom = yield* required(
    "MAIL_FROM",
    text("an e-mail address, with a name or without", "Example <accounts@example.com>", isMailFrom),
    Option.isSome(smtpUrl) ? "where SMTP_URL is set" : forMail
  )

  const withoutUser = (value: string) => URL.parse(value)?.username === "" && URL.parse(value)?.password === ""
  const webhookUrl = yield* optional(
    "WEBHOOK_URL",
    secret(
      production ? "an https URL without a user" : "an http or https URL without a user",
      "https://example.com/webhooks",
      (value) => url(...(production ? ["https:"] : ["http:", "https:"]))(value) && withoutUser(value),
      butItsPlace
    )
  )
  const webhookSecrets = yield* required(
    "WEBHOOK_SECRET",
    secret(
      "whsec_ and 24 to 64 bytes in base64, or a comma-separated list of such",
      "whsec_$(openssl rand -base64 32)",
      (value) => listed(value).every(isWebhookSecret)
    ),
    Option.isSome(webhookUrl) ? "where WEBHOOK_URL is set" : undefined
  )
  const webhookTypes = yield* withDefault(
    "WEBHOOK_EVENTS",
    text(`event types with commas between, of ${eventTypes.join(", ")}`, "password.reset,account.deleted", (_) =>
      listed(_).every(Schema.is(EventType))
    ),
    eventTypes.join(",")
  )

  const withPages = yield* withDefault("PAGES", onOff, true)
  const confirmsEmail = yield* withDefault("EMAIL_CONFIRMATION", onOff, false)
  const withoutPages = withPages ? undefined : "where PAGES is off"

  /** A page of the team's own, or else ours. */
  const page = (name: string, example: string, ours: string, when: string | undefined) =>
    Effect.map(
      required(name, webUrl(example), when),
      Option.match({
        onNone: () => new URL(`${publicUrl.replace(/\/$/, "")}/${ours}`),
        onSome: (url) => new URL(url)
      })
    )

  /** What a file holds, once it is read; none where it isn't set, or isn't right. */
  const fromFile = Effect.fnUntraced(function* <A>(
    name: string,
    file: { readonly should: string; readonly example: string },
    read: (bytes: Buffer) => Result.Result<A, string>
  ) {
    const kind = text(file.should, file.example, (_) => _ !== "")
    const path = yield* optional(name, kind)
    if (Option.isNone(path)) return Option.none<A>()
    const found = Option.match(fileAt(path.value), {
      onNone: () => Result.fail("it can't be read"),
      onSome: read
    })
    if (Result.isFailure(found)) complain(name, { ...kind, should: `${file.should} (${found.failure})` }, "is wrong")
    return Result.getSuccess(found)
  })

  const branding = Effect.gen(function* () {
    const link = text("an http, https or mailto URL", "https://example.com/help", isLink)
    const light = yield* withDefault("PAGES_ACCENT", accentColour("light", ourAccent.light), ourAccent.light)
    const accent = isColour(light) ? light : ourAccent.light
    const fallback = accent === ourAccent.light ? ourAccent.dark : lightened(accent)
    const dark = yield* withDefault("PAGES_ACCENT_DARK", accentColour("dark", ourAccent.dark), fallback)
    const found: Branding = {
      logo: yield* fromFile(
        "PAGES_LOGO",
        { should: `a file with an SVG, PNG, WebP or JPEG of at most ${largestLogo} bytes`, example: "./logo.svg" },
        (bytes) => Result.fromOption(logoIn(bytes), () => "it is another file")
      ),
      accent: { light: accent, dark: isColour(dark) ? dark : fallback },
      termsUrl: yield* optional("PAGES_TERMS_URL", link),
      supportUrl: yield* optional("PAGES_SUPPORT_URL", link),
      signInUrl: yield* optional("SIGN_IN_URL", webUrl("https://example.com/sign-in")),
      template: Option.getOrElse(
        yield* fromFile<Template>(
          "PAGES_TEMPLATE",
          { should: "an HTML file with the places that docs/pages.md names", example: "./page.html" },
          (bytes) => templateIn(bytes.toString())
        ),
        () => ours
      )
    }
    return withPages ? Option.some(found) : Option.none()
  })

  const presetName = yield* optional("USERS_PRESET", oneOf(presetNames))
  const withPreset = Option.isSome(presetName) ? "with USERS_PRESET" : undefined
  const users = yield* Effect.gen(function* () {
    const isCustom = Option.contains(presetName, "custom")
    const withCustom = isCustom ? "with USERS_PRESET=custom" : undefined
    const usual = presets[Option.getOrElse(presetName, (): PresetName => "custom")]
    const table = yield* required("USERS_TABLE", tableKind, withCustom)
    const columns = yield* required("USERS_COLUMNS", columnsKind, withCustom)
    const sql = yield* fromFile(
      "USERS_SQL",
      { should: "a file of SQL in parts with names, as docs/presets.md shows", example: "./users.sql" },
      (bytes) => sqlIn(bytes.toString())
    )
    const hashes: Readonly<Record<string, Writing>> = usual.hashes
    const names = Object.keys(hashes)
    const name = yield* required(
      "USERS_HASH",
      oneOf(Array.isReadonlyArrayNonEmpty(names) ? names : ["bcrypt"]),
      withCustom
    )
    const writing = hashes[Option.getOrElse(name, () => names[0] ?? "")]
    if (Option.isNone(presetName) || writing === undefined) return Option.none()
    const changes: ReadonlyArray<(preset: Preset) => Preset> = [
      ...Option.toArray(Option.map(table, (name) => (preset: Preset) => withTable(preset, name))),
      ...Option.toArray(Option.map(columns, (text) => (preset: Preset) => withColumns(preset, columnsIn(text) ?? {}))),
      ...Option.toArray(Option.map(sql, (parts) => (preset: Preset) => withSql(preset, parts)))
    ]
    const preset = changes.reduce((preset: Preset, change) => change(preset), usual)
    return Option.some({ preset, hashes: hostHashes(writing) })
  })
  if (withPreset !== undefined && confirmsEmail) {
    problems.push("EMAIL_CONFIRMATION is on: with USERS_PRESET it should be off, since the host registers its users.")
  }
  const registration = yield* withDefault("REGISTRATION", onOff, withPreset === undefined)
  if (withPreset !== undefined && registration) {
    problems.push("REGISTRATION is on: with USERS_PRESET it should be off, since the host registers its users.")
  }

  const minLength = yield* withDefault("PASSWORD_MIN_LENGTH", integer(1, 256, 8), 8)
  const mostAtOnce = Number(process.env.UV_THREADPOOL_SIZE ?? 4)
  const cores = Math.min(availableParallelism(), mostAtOnce)
  // One more than cores: no core waits while the next is handed to it.
  const hashesAtOnce = Math.min(availableParallelism() + 1, mostAtOnce)

  const ownHashes = argon2id({
    memoryKib: yield* withDefault(
      "ARGON2_MEMORY_KIB",
      integer(128, highestCost.memoryKib, owaspCost.memoryKib),
      owaspCost.memoryKib
    ),
    iterations: yield* withDefault(
      "ARGON2_ITERATIONS",
      integer(1, highestCost.iterations, owaspCost.iterations),
      owaspCost.iterations
    ),
    parallelism: yield* withDefault(
      "ARGON2_PARALLELISM",
      integer(1, highestCost.parallelism, owaspCost.parallelism),
      owaspCost.parallelism
    )
  })

  const settings: Settings = {
    production,
    host,
    port,
    publicUrl: new URL(publicUrl),
    databaseUrl: yield* required(
      "DATABASE_URL",
      secret(
        "a postgres URL",
        "postgres://rekey:password@localhost:5432/rekey",
        url("postgres:", "postgresql:"),
        butItsPlace
      ),
      brought.sql ? undefined : withPreset
    ),
    databasePoolSize: yield* withDefault("DATABASE_POOL_SIZE", integer(1, 1000, 10), 10),
    databasePrepare: yield* withDefault("DATABASE_PREPARE", onOff, true),
    dataDir: yield* withDefault(
      "DATA_DIR",
      text("a folder", "./data", (_) => _ !== ""),
      "./data"
    ),
    appSecrets: Option.map(appSecrets, (list) =>
      Array.map(String.split(Redacted.value(list), ","), (one) => Redacted.make(one.trim(), { label: "APP_SECRET" }))
    ),
    appName: yield* withDefault(
      "APP_NAME",
      text("a name of one line", "Example", (_) => /^\P{Cc}{1,100}$/u.test(_)),
      "Rekey"
    ),
    smtp: Option.zipWith(smtpUrl, mailFrom, (url, from) => ({ url, from })),
    pages: yield* branding,
    resetUrl: yield* page("RESET_URL", "https://example.com/new-password", "reset-password", withoutPages),
    resetLimits: {
      codeTtlMillis: yield* withDefault("RESET_CODE_TTL", duration("30 minutes", Duration.seconds(1)), 30 * 60_000),
      cooldownMillis: yield* withDefault("RESET_COOLDOWN", duration("60 seconds", Duration.zero), 60_000),
      hourlyCap: yield* withDefault("RESET_HOURLY_CAP", integer(1, 1_000_000, 5), 5)
    },
    rateLimit: yield* withDefault("RATE_LIMIT", onOff, true),
    trustedProxies: Option.match(
      yield* optional(
        "TRUSTED_PROXIES",
        text("addresses and networks in CIDR notation, with commas between", "10.0.0.0/8,2001:db8::7", (_) =>
          listed(_).every((one) => Option.isSome(trustedProxy(one)))
        )
      ),
      { onNone: () => [], onSome: (list) => Array.getSomes(listed(list).map(trustedProxy)) }
    ),
    corsOrigins: Option.match(
      yield* optional(
        "CORS_ORIGINS",
        text("origins without a path, with commas between", "https://app.example.com,http://localhost:5173", (_) =>
          listed(_).every(isWebOrigin)
        )
      ),
      { onNone: () => [], onSome: listed }
    ),
    users,
    registration,
    emailConfirmation: {
      required: confirmsEmail,
      ttlMillis: yield* withDefault(
        "EMAIL_CONFIRMATION_TTL",
        duration("24 hours", Duration.minutes(1)),
        24 * 3_600_000
      ),
      url: yield* page(
        "EMAIL_CONFIRMATION_URL",
        "https://example.com/confirm",
        "confirm-email",
        confirmsEmail ? withoutPages : undefined
      )
    },
    emailChange: {
      undoTtlMillis: yield* withDefault("EMAIL_UNDO_TTL", duration("7 days", Duration.hours(1)), 7 * 86_400_000),
      url: yield* page("EMAIL_CHANGE_URL", "https://example.com/new-address", "change-email/confirm", withoutPages),
      undoUrl: yield* page("EMAIL_UNDO_URL", "https://example.com/former-address", "change-email/undo", withoutPages)
    },
    passwordLength: {
      minLength,
      maxLength: yield* withDefault("PASSWORD_MAX_LENGTH", integer(minLength, 4096, 256), 256)
    },
    breachCheck: {
      mode: yield* withDefault("PASSWORD_BREACH_CHECK", oneOf(["off", "open", "closed"]), "off"),
      url: new URL(
        yield* withDefault(
          "PASSWORD_BREACH_URL",
          webUrl("https://api.pwnedpasswords.com/range/"),
          "https://api.pwnedpasswords.com/range/"
        )
      )
    },
    hashing: {
      // A host reads the formats that it knows, and no other.
      writes: Option.match(users, { onNone: () => ownHashes, onSome: ({ hashes }) => hashes.writes }),
      pepper: yield* optional(
        "BCRYPT_PEPPER",
        secret(
          "what the application that made your bcrypt hashes appended to each password",
          "$(openssl rand -hex 64)",
          (_) => _ !== ""
        )
      ),
      // More would only queue up inside libuv's pool, out of sight of the bulkhead.
      concurrency: yield* withDefault("HASH_CONCURRENCY", integer(1, mostAtOnce, hashesAtOnce), hashesAtOnce),
      queueLimit: yield* withDefault("HASH_QUEUE_LIMIT", integer(0, 1_000_000, 64 * cores), 64 * cores)
    },
    hashNice: yield* withDefault("HASH_NICE", integer(0, 19, 10), 10),
    signInAfterReset: yield* withDefault("SIGN_IN_AFTER_RESET", onOff, false),
    sessionTtlMillis: yield* withDefault("SESSION_TTL", duration("30 days", Duration.seconds(1)), 30 * 86_400_000),
    administrators: Option.match(
      yield* optional(
        "ADMIN_TOKENS",
        secret(
          "name:token, or a comma-separated list of such, each name of 1 to 64 characters, each token another one of at least 32 characters without spaces",
          "alice:$(openssl rand -hex 32)",
          (_) => Option.isSome(administratorsIn(_))
        )
      ),
      { onNone: () => [], onSome: (list) => Option.getOrElse(administratorsIn(Redacted.value(list)), () => []) }
    ),
    webhooks: Option.zipWith(webhookUrl, webhookSecrets, (url, secrets) => ({
      url: Redacted.make(new URL(Redacted.value(url)), { label: "WEBHOOK_URL" }),
      secrets: Array.map(String.split(Redacted.value(secrets), ","), (one) =>
        Redacted.make(one.trim(), { label: "WEBHOOK_SECRET" })
      ),
      types: listed(webhookTypes).filter(Schema.is(EventType))
    })),
    metricsToken: yield* optional(
      "METRICS_TOKEN",
      secret("at least 32 characters without spaces", "$(openssl rand -hex 32)", isToken)
    ),
    audit: {
      retentionMillis: yield* withDefault("AUDIT_RETENTION", duration("400 days", Duration.days(1)), 400 * 86_400_000),
      address: yield* withDefault("AUDIT_ADDRESS", oneOf(["truncated", "whole", "none"]), "truncated")
    },
    logLevel: yield* withDefault("LOG_LEVEL", oneOf(["Info", "Debug", "Warn", "Error", "None"]), "Info"),
    logFormat: yield* optional("LOG_FORMAT", oneOf(["pretty", "json"]))
  }
  return { settings, problems, inForce }
})

const readSettingsFor = Effect.fnUntraced(function* (brought: Brought) {
  const { problems, settings } = yield* examineSettings(brought)
  return Array.isReadonlyArrayNonEmpty(problems) ? yield* new SettingsInvalid({ problems }) : settings
})

/** Reads every setting; fails with all that is wrong, not with the first. */
export const readSettings: Effect.Effect<Settings, SettingsInvalid> = readSettingsFor(nothingBrought)

/** The same from `variables`, by the names that the environment has for them: `process.env` may stand for them. */
export const settingsFrom = (
  variables: Readonly<Record<string, string | undefined>>,
  brought: Brought = nothingBrought
): Effect.Effect<Settings, SettingsInvalid> =>
  Effect.provideService(
    readSettingsFor(brought),
    ConfigProvider.ConfigProvider,
    ConfigProvider.fromUnknown(Record.filter(variables, (value) => value !== undefined))
  )
