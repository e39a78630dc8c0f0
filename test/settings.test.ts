import { readFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Option, Redacted } from "effect"
import { lightened } from "../src/http/pages/Accent.ts"
import { ourBranding } from "../src/http/pages/Branding.ts"
import { readSettings } from "../src/settings.ts"

const read = (env: Record<string, string>) =>
  readSettings.pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnvRecord(env))))

/** What is wrong with these, a line each. */
const problems = (env: Record<string, string>) =>
  Effect.map(Effect.flip(read(env)), ({ message }) => message.split("\n"))

const secret = "0123456789abcdef0123456789abcdef"
const webhookSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
const production = {
  NODE_ENV: "production",
  PUBLIC_URL: "https://accounts.example.com",
  APP_SECRET: secret,
  SMTP_URL: "smtp://mail.example.com",
  MAIL_FROM: "accounts@example.com"
}

const example = readFileSync(new URL("../.env.example", import.meta.url), "utf8")
const inExample = [...example.matchAll(/^([A-Z0-9_]+)=(.*)$/gm)].map(
  ([, name = "", value = ""]) => [name, value] as const
)

/** The names that are asked for. */
const namesRead = Effect.gen(function* () {
  const names = new Set<string>()
  const asking = ConfigProvider.make((path) => {
    names.add(path.join("_"))
    return Effect.succeed(undefined)
  })
  yield* Effect.provide(readSettings, ConfigProvider.layer(asking))
  return names
})

describe("the settings", () => {
  it.effect("are the documented ones where nothing is set", () =>
    Effect.gen(function* () {
      const { breachCheck, emailChange, emailConfirmation, hashing, publicUrl, resetUrl, ...others } = yield* read({})
      assert.strictEqual(publicUrl.href, "http://127.0.0.1:1337/")
      assert.strictEqual(resetUrl.href, "http://127.0.0.1:1337/reset-password")
      assert.deepStrictEqual(emailConfirmation, {
        required: false,
        ttlMillis: 86_400_000,
        url: new URL("http://127.0.0.1:1337/confirm-email")
      })
      assert.deepStrictEqual(emailChange, {
        undoTtlMillis: 7 * 86_400_000,
        url: new URL("http://127.0.0.1:1337/change-email/confirm"),
        undoUrl: new URL("http://127.0.0.1:1337/change-email/undo")
      })
      assert.strictEqual(breachCheck.mode, "off")
      assert.strictEqual(breachCheck.url.href, "https://api.pwnedpasswords.com/range/")
      assert.deepStrictEqual(hashing.writes.cost, { memoryKib: 19_456, iterations: 2, parallelism: 1 })
      const cores = availableParallelism()
      assert.strictEqual(hashing.concurrency, Math.min(cores + 1, 4))
      assert.strictEqual(hashing.queueLimit, 64 * Math.min(cores, 4))
      assert.deepStrictEqual(others, {
        production: false,
        host: "127.0.0.1",
        port: 1337,
        databaseUrl: Option.none(),
        databasePoolSize: 10,
        databasePrepare: true,
        dataDir: "./data",
        appSecrets: Option.none(),
        appName: "Rekey",
        smtp: Option.none(),
        pages: Option.some(ourBranding),
        resetLimits: { codeTtlMillis: 1_800_000, cooldownMillis: 60_000, hourlyCap: 5 },
        rateLimit: true,
        trustedProxies: [],
        corsOrigins: [],
        users: Option.none(),
        registration: true,
        passwordLength: { minLength: 8, maxLength: 256 },
        hashNice: 10,
        signInAfterReset: false,
        administrators: [],
        webhooks: Option.none(),
        metricsToken: Option.none(),
        sessionTtlMillis: 2_592_000_000,
        audit: { retentionMillis: 34_560_000_000, address: "truncated" },
        logLevel: "Info",
        logFormat: Option.none()
      })
    })
  )

  it.effect("are all in .env.example, which holds no other, and copying it changes nothing", () =>
    Effect.gen(function* () {
      assert.sameMembers(
        inExample.map(([name]) => name),
        [...(yield* namesRead)]
      )
      assert.deepStrictEqual(inspect(yield* read(Object.fromEntries(inExample))), inspect(yield* read({})))
    })
  )

  it.effect("count as absent where their value is empty", () =>
    Effect.gen(function* () {
      const empty = Object.fromEntries([...(yield* namesRead)].map((name) => [name, ""]))
      assert.deepStrictEqual(inspect(yield* read(empty)), inspect(yield* read({})))
      const lines = yield* problems({ ...production, APP_SECRET: "", SMTP_URL: "", MAIL_FROM: "", PUBLIC_URL: "" })
      assert.lengthOf(lines, 4)
    })
  )

  it.effect("are what is set", () =>
    Effect.gen(function* () {
      const settings = yield* read({
        ...production,
        HOST: "::1",
        PORT: "8080",
        PUBLIC_URL: "https://example.com/accounts/",
        DATABASE_URL: "postgres://rekey:p4ss@db/rekey",
        DATABASE_POOL_SIZE: "3",
        DATABASE_PREPARE: "off",
        DATA_DIR: "/var/lib/rekey",
        APP_SECRET: `${secret}new, ${secret}old`,
        APP_NAME: "Zoë's <shop>",
        PAGES_ACCENT: "#0a6b4f",
        PAGES_TERMS_URL: "https://example.com/terms?of=use",
        PAGES_SUPPORT_URL: "mailto:help@example.com",
        SIGN_IN_URL: "https://example.com/sign-in",
        MAIL_FROM: "Zoë's shop <accounts@example.com>",
        RESET_CODE_TTL: "1 hour",
        RESET_COOLDOWN: "0 seconds",
        RESET_HOURLY_CAP: "7",
        RATE_LIMIT: "off",
        TRUSTED_PROXIES: "10.0.0.0/8, 2001:db8::7,::ffff:192.0.2.1",
        CORS_ORIGINS: "https://app.example.com,http://localhost:5173",
        REGISTRATION: "off",
        EMAIL_CONFIRMATION: "on",
        EMAIL_CONFIRMATION_TTL: "2 hours",
        EMAIL_UNDO_TTL: "14 days",
        EMAIL_UNDO_URL: "https://example.com/former-address",
        PASSWORD_MIN_LENGTH: "15",
        PASSWORD_MAX_LENGTH: "64",
        PASSWORD_BREACH_CHECK: "closed",
        PASSWORD_BREACH_URL: "https://mirror.example.com/range",
        ARGON2_MEMORY_KIB: "65536",
        ARGON2_ITERATIONS: "3",
        ARGON2_PARALLELISM: "4",
        BCRYPT_PEPPER: "a pinch of it",
        HASH_CONCURRENCY: "1",
        HASH_QUEUE_LIMIT: "0",
        HASH_NICE: "0",
        SIGN_IN_AFTER_RESET: "true",
        SESSION_TTL: "1 day",
        ADMIN_TOKENS: `alice:${secret}:a, Zoë (night shift):${secret}z,alice:${secret}b`,
        METRICS_TOKEN: `${secret}metrics`,
        WEBHOOK_URL: "https://example.com/webhooks?token=secret",
        WEBHOOK_SECRET: `${webhookSecret}, whsec_${"b".repeat(32)}`,
        WEBHOOK_EVENTS: "password.reset, account.deleted",
        AUDIT_RETENTION: "30 days",
        AUDIT_ADDRESS: "none",
        LOG_LEVEL: "Debug",
        LOG_FORMAT: "json"
      })
      const {
        administrators,
        appSecrets,
        corsOrigins,
        databaseUrl,
        hashing: { pepper, writes, ...hashing },
        metricsToken,
        publicUrl,
        resetUrl,
        smtp,
        trustedProxies,
        webhooks,
        users,
        ...others
      } = settings
      assert.strictEqual(publicUrl.href, "https://example.com/accounts/")
      assert.deepStrictEqual(hashing, { concurrency: 1, queueLimit: 0 })
      assert.isTrue(Option.isNone(users))
      assert.strictEqual(writes.format, "argon2")
      assert.deepStrictEqual(writes.cost, { memoryKib: 65_536, iterations: 3, parallelism: 4 })
      assert.strictEqual(Redacted.value(Option.getOrThrow(pepper)), "a pinch of it")
      assert.strictEqual(resetUrl.href, "https://example.com/accounts/reset-password")
      assert.strictEqual(Redacted.value(Option.getOrThrow(databaseUrl)), "postgres://rekey:p4ss@db/rekey")
      assert.deepStrictEqual(Option.getOrThrow(appSecrets).map(Redacted.value), [`${secret}new`, `${secret}old`])
      assert.strictEqual(Redacted.value(Option.getOrThrow(metricsToken)), `${secret}metrics`)
      assert.deepStrictEqual(
        administrators.map(({ name, token }) => [name, Redacted.value(token)]),
        [
          ["alice", `${secret}:a`],
          ["Zoë (night shift)", `${secret}z`],
          ["alice", `${secret}b`]
        ]
      )
      const { secrets, types, url: webhookUrl } = Option.getOrThrow(webhooks)
      assert.strictEqual(Redacted.value(webhookUrl).href, "https://example.com/webhooks?token=secret")
      assert.deepStrictEqual(secrets.map(Redacted.value), [webhookSecret, `whsec_${"b".repeat(32)}`])
      assert.deepStrictEqual(types, ["password.reset", "account.deleted"])
      assert.deepStrictEqual(corsOrigins, ["https://app.example.com", "http://localhost:5173"])
      assert.deepStrictEqual(trustedProxies.map(String), ["10.0.0.0/8", "2001:db8::7/128", "192.0.2.1/32"])
      const { from, url } = Option.getOrThrow(smtp)
      assert.deepStrictEqual([Redacted.value(url), from], [production.SMTP_URL, "Zoë's shop <accounts@example.com>"])
      assert.deepStrictEqual(others, {
        production: true,
        host: "::1",
        port: 8080,
        databasePoolSize: 3,
        databasePrepare: false,
        dataDir: "/var/lib/rekey",
        appName: "Zoë's <shop>",
        pages: Option.some({
          ...ourBranding,
          accent: { light: "#0a6b4f", dark: lightened("#0a6b4f") },
          termsUrl: Option.some("https://example.com/terms?of=use"),
          supportUrl: Option.some("mailto:help@example.com"),
          signInUrl: Option.some("https://example.com/sign-in")
        }),
        resetLimits: { codeTtlMillis: 3_600_000, cooldownMillis: 0, hourlyCap: 7 },
        rateLimit: false,
        registration: false,
        emailConfirmation: {
          required: true,
          ttlMillis: 7_200_000,
          url: new URL("https://example.com/accounts/confirm-email")
        },
        emailChange: {
          undoTtlMillis: 14 * 86_400_000,
          url: new URL("https://example.com/accounts/change-email/confirm"),
          undoUrl: new URL("https://example.com/former-address")
        },
        passwordLength: { minLength: 15, maxLength: 64 },
        breachCheck: { mode: "closed", url: new URL("https://mirror.example.com/range") },
        hashNice: 0,
        signInAfterReset: true,
        sessionTtlMillis: 86_400_000,
        audit: { retentionMillis: 2_592_000_000, address: "none" },
        logLevel: "Debug",
        logFormat: Option.some("json")
      })
    })
  )

  it.effect("name RESET_URL alone as the page of another application", () =>
    Effect.gen(function* () {
      const { publicUrl, resetUrl } = yield* read({ RESET_URL: "https://shop.example.com/new-password?from=mail" })
      assert.strictEqual(resetUrl.href, "https://shop.example.com/new-password?from=mail")
      assert.strictEqual(publicUrl.href, "http://127.0.0.1:1337/")
    })
  )

  it.effect("name EMAIL_CONFIRMATION_URL alone as the page of another application", () =>
    Effect.gen(function* () {
      const { emailConfirmation, resetUrl } = yield* read({
        EMAIL_CONFIRMATION_URL: "https://shop.example.com/confirm"
      })
      assert.strictEqual(emailConfirmation.url.href, "https://shop.example.com/confirm")
      assert.strictEqual(resetUrl.href, "http://127.0.0.1:1337/reset-password")
    })
  )

  for (const [name, ...values] of [
    ["HOST", "not a host", "host/path", "host:80", "user@host", "host?query", "host#hash"],
    ["PORT", "banana", "0", "65536", "-1", "80.5", "1e3x", "0x"],
    [
      "PUBLIC_URL",
      "accounts.example.com",
      "ftp://example.com",
      "https://",
      "javascript:alert(1)",
      "//evil.example",
      "https://example.com/#x"
    ],
    ["EMAIL_CONFIRMATION", "maybe", "required"],
    ["EMAIL_CONFIRMATION_TTL", "soon", "0 seconds", "59 seconds", "Infinity"],
    ["EMAIL_CONFIRMATION_URL", "/confirm-email", "javascript:alert(1)"],
    ["EMAIL_UNDO_TTL", "soon", "0 seconds", "59 minutes", "Infinity"],
    ["EMAIL_CHANGE_URL", "/change-email", "javascript:alert(1)"],
    ["EMAIL_UNDO_URL", "/change-email", "javascript:alert(1)"],
    ["RESET_URL", "/reset-password", "mailto:ada@example.com", "https://example.com/#reset"],
    ["DATABASE_URL", "mysql://localhost/x", "localhost:5432", "postgres:", "data/rekey.db"],
    ["DATABASE_POOL_SIZE", "0", "-3", "1001", "many"],
    ["DATABASE_PREPARE", "maybe", "2"],
    ["APP_SECRET", "too short", "x".repeat(31), `${secret},short`, `${secret},`],
    ["APP_NAME", "two\nlines", "x".repeat(101), "\u0007"],
    ["SMTP_URL", "mail.example.com", "http://mail.example.com", "smtp:"],
    [
      "MAIL_FROM",
      "Rekey",
      "a@b, c@d",
      "Rekey <accounts@example.com> x",
      "Rekey\r\nBcc: x <accounts@example.com>",
      "<>",
      "@example.com"
    ],
    ["PAGES", "some", "2"],
    ["PAGES_LOGO", "no/such/file.png", "package.json", "lists"],
    ["PAGES_ACCENT", "blue", "#fff", "#ffd700", "#8080800"],
    ["PAGES_ACCENT_DARK", "#000000", "#2a55d4", "rgb(0,0,0)"],
    ["PAGES_TERMS_URL", "javascript:alert(1)", "/terms", "data:text/html,x"],
    ["PAGES_SUPPORT_URL", "help@example.com", "mailto:", "javascript:alert(1)"],
    ["PAGES_TEMPLATE", "no/such/page.html", "README.md"],
    ["SIGN_IN_URL", "/sign-in", "mailto:ada@example.com"],
    ["RESET_CODE_TTL", "soon", "30", "-30 minutes", "0 seconds", "999 millis", "Infinity", "30 minutes and more"],
    ["RESET_COOLDOWN", "a minute", "-1 seconds", "60", "Infinity"],
    ["RESET_HOURLY_CAP", "0", "-1", "1.5", "none"],
    ["RATE_LIMIT", "some", "10"],
    [
      "TRUSTED_PROXIES",
      "*",
      "proxy.example.com",
      "10.0.0.1/8",
      "10.0.0.0/33",
      "::/129",
      "10.0.0.1,",
      "10.0.0",
      "0x7f.1"
    ],
    [
      "CORS_ORIGINS",
      "*",
      "null",
      "app.example.com",
      "https://app.example.com/",
      "https://app.example.com/path",
      "https://*.example.com",
      "https://app.example.com:443",
      "HTTPS://app.example.com",
      "https://user@app.example.com",
      "https://app.example.com,",
      "ftp://app.example.com"
    ],
    ["REGISTRATION", "open", "2"],
    ["PASSWORD_MIN_LENGTH", "0", "257", "eight"],
    ["PASSWORD_MAX_LENGTH", "7", "4097", "long"],
    ["PASSWORD_BREACH_CHECK", "on", "maybe"],
    ["PASSWORD_BREACH_URL", "api.pwnedpasswords.com", "ftp://mirror.example/range/"],
    ["ARGON2_MEMORY_KIB", "7", "262145", "19 MiB"],
    ["ARGON2_ITERATIONS", "0", "17"],
    ["ARGON2_PARALLELISM", "0", "17"],
    ["HASH_CONCURRENCY", "0", "1000000", "all"],
    ["HASH_QUEUE_LIMIT", "-1", "1.5"],
    ["HASH_NICE", "-1", "20", "low"],
    ["SIGN_IN_AFTER_RESET", "sometimes"],
    ["SESSION_TTL", "for ever", "0 days", "30", "Infinity"],
    [
      "ADMIN_TOKENS",
      secret,
      `:${secret}`,
      "alice:too-short",
      `alice:${"x".repeat(31)}`,
      `alice:${secret} with a space`,
      `alice:${secret}é`,
      `alice:${secret},`,
      `alice:${secret},bob`,
      `alice :${secret}`,
      `two\nlines:${secret}`,
      `\u202ealice:${secret}`,
      `${"x".repeat(65)}:${secret}`,
      `alice:${secret},bob:${secret}`
    ],
    ["METRICS_TOKEN", "too short", `${secret} with a space`],
    [
      "WEBHOOK_URL",
      "example.com/webhooks",
      "ftp://example.com",
      "https://user:pass@example.com/",
      "https://user@example.com/",
      "https://example.com/#x"
    ],
    [
      "WEBHOOK_SECRET",
      "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
      "whsec_short",
      `whsec_${"a".repeat(31)}`,
      `whsec_${"a".repeat(92)}`,
      `${webhookSecret},`,
      "whsec_MDEyMzQ1Njc4OWFiY2RlZjAx MjM0NTY3"
    ],
    ["WEBHOOK_EVENTS", "sign-in", "password.*", "password.reset,", "mail.reset-code"],
    ["LOG_LEVEL", "loud", "info!"],
    ["LOG_FORMAT", "xml"]
  ] as const) {
    it.effect(`say in one line what is wrong with ${name}, with an example that would be right`, () =>
      Effect.gen(function* () {
        const base =
          name === "MAIL_FROM"
            ? { SMTP_URL: "smtp://mail.example.com" }
            : name === "SMTP_URL"
              ? { MAIL_FROM: "a@example.com" }
              : name === "WEBHOOK_URL"
                ? { WEBHOOK_SECRET: webhookSecret }
                : {}
        for (const value of values) {
          const lines = yield* problems({ ...base, [name]: value })
          assert.lengthOf(lines, 1, JSON.stringify(value))
          const [, example] =
            new RegExp(`^${name} is wrong: it should be .+, for example ${name}=(.+)$`).exec(lines[0] ?? "") ?? []
          assert.isDefined(example, lines[0])
          const isFile = ["PAGES_LOGO", "PAGES_TEMPLATE"].includes(name)
          if (!["APP_SECRET", "ADMIN_TOKENS", "METRICS_TOKEN", "WEBHOOK_SECRET"].includes(name) && !isFile)
            yield* read({ ...base, [name]: example })
        }
      })
    )
  }

  it.effect("demand pages of the team's own where PAGES is off", () =>
    Effect.gen(function* () {
      const named = (env: Record<string, string>) =>
        Effect.map(problems(env), (lines) => lines.map((line) => line.split(" ")[0]))
      assert.deepStrictEqual(yield* named({ PAGES: "off" }), ["RESET_URL", "EMAIL_CHANGE_URL", "EMAIL_UNDO_URL"])
      assert.deepStrictEqual(yield* named({ PAGES: "off", EMAIL_CONFIRMATION: "on" }), [
        "RESET_URL",
        "EMAIL_CONFIRMATION_URL",
        "EMAIL_CHANGE_URL",
        "EMAIL_UNDO_URL"
      ])
      const { pages } = yield* read({
        PAGES: "off",
        RESET_URL: "https://example.com/new-password",
        EMAIL_CHANGE_URL: "https://example.com/new-address",
        EMAIL_UNDO_URL: "https://example.com/former-address"
      })
      assert.isTrue(Option.isNone(pages))
    })
  )

  it.effect("say all that is wrong and missing in one go", () =>
    Effect.gen(function* () {
      const lines = yield* problems({ NODE_ENV: "production", PORT: "x", LOG_LEVEL: "x", RESET_CODE_TTL: "x" })
      const named = lines.map((line) => line.split(" ").slice(0, 3).join(" "))
      assert.sameMembers(named, [
        "PORT is wrong:",
        "PUBLIC_URL is missing,",
        "APP_SECRET is missing,",
        "SMTP_URL is missing,",
        "MAIL_FROM is missing,",
        "RESET_CODE_TTL is wrong:",
        "LOG_LEVEL is wrong:"
      ])
      for (const line of lines) assert.match(line, / for example [A-Z_]+=/)
    })
  )

  for (const name of ["PUBLIC_URL", "APP_SECRET", "SMTP_URL", "MAIL_FROM"] as const) {
    it.effect(`demand ${name} in production, so there is no development inbox and no generated secret`, () =>
      Effect.gen(function* () {
        const { [name]: _, ...others } = production
        const lines = yield* problems(others)
        assert.lengthOf(lines, 1)
        assert.match(lines[0] ?? "", new RegExp(`^${name} is missing, which is required `))
        yield* read(production)
      })
    )
  }

  it.effect(
    "demand a mail server wherever HOST isn't a loopback address: the development inbox is for nobody else",
    () =>
      Effect.gen(function* () {
        for (const HOST of [
          "0.0.0.0",
          "::",
          "10.0.0.1",
          "example.com",
          "128.0.0.1",
          "localhost.example.com",
          "::ffff:127.0.0.1"
        ]) {
          const lines = yield* problems({ HOST })
          assert.deepStrictEqual(
            lines.map((line) => line.split(" ")[0]),
            ["SMTP_URL", "MAIL_FROM"],
            HOST
          )
          yield* read({ HOST, SMTP_URL: "smtp://mail.example.com", MAIL_FROM: "accounts@example.com" })
        }
        for (const HOST of ["localhost", "127.0.0.1", "127.8.8.8", "::1"]) yield* read({ HOST })
        const lines = yield* problems({ SMTP_URL: "smtp://mail.example.com" })
        assert.deepStrictEqual(
          lines.map((line) => line.split(" ")[0]),
          ["MAIL_FROM"]
        )
      })
  )

  it.effect("demand a secret and, in production, https for webhooks", () =>
    Effect.gen(function* () {
      const WEBHOOK_URL = "http://example.com/webhooks"
      assert.match((yield* problems({ WEBHOOK_URL })).join(), /^WEBHOOK_SECRET is missing, which is required/)
      const settings = { WEBHOOK_URL, WEBHOOK_SECRET: webhookSecret }
      assert.isTrue(Option.isSome((yield* read(settings)).webhooks))
      assert.match(
        (yield* problems({ ...production, ...settings })).join(),
        /^WEBHOOK_URL is wrong: it should be an https/
      )
    })
  )

  it.effect("never print a secret, right or wrong", () =>
    Effect.gen(function* () {
      const wrong = yield* Effect.flip(
        read({
          APP_SECRET: "s3cr3t-too-short",
          DATABASE_URL: "mysql://user:s3cr3t-database@host/x",
          SMTP_URL: "http://user:s3cr3t-mail@host",
          ADMIN_TOKENS: "alice:s3cr3t-too-short",
          WEBHOOK_URL: "https://user:s3cr3t@example.com/s3cr3t",
          WEBHOOK_SECRET: "whsec_s3cr3t"
        })
      )
      assert.lengthOf(wrong.problems, 6)
      const right = yield* read({
        ...production,
        APP_SECRET: `s3cr3t-${secret}`,
        DATABASE_URL: "postgres://user:s3cr3t-database@host/x",
        SMTP_URL: "smtp://user:s3cr3t-mail@host",
        ADMIN_TOKENS: `alice:s3cr3t-${secret}`,
        WEBHOOK_URL: "https://example.com/?token=s3cr3t",
        WEBHOOK_SECRET: "whsec_s3cr3t/s3cr3t/s3cr3t/s3cr3t/s3cr"
      })
      for (const value of [wrong, right]) {
        for (const text of [`${value}`, JSON.stringify(value), inspect(value, { depth: 9, showHidden: true })]) {
          assert.notInclude(text, "s3cr3t")
        }
      }
    })
  )
})
