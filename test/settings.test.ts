import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Option, Redacted } from "effect"
import { readSettings } from "../src/settings.ts"

const read = (env: Record<string, string>) =>
  Effect.provideService(readSettings, ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))

/** The complaints, each a line. */
const problemsOf = (env: Record<string, string>) => Effect.map(Effect.flip(read(env)), ({ problems }) => problems)

const production = {
  NODE_ENV: "production",
  PUBLIC_URL: "https://accounts.example.com/rekey",
  APP_SECRET: "k".repeat(32),
  SMTP_URL: "smtp://user:s3cr3t@mail.example.com:587",
  MAIL_FROM: "Example <accounts@example.com>"
}

describe("settings", () => {
  it.effect("without any, everything has its default", () =>
    Effect.gen(function* () {
      const settings = yield* read({})
      assert.strictEqual(settings.publicUrl.href, "http://127.0.0.1:1337/")
      assert.strictEqual(settings.resetUrl.href, "http://127.0.0.1:1337/reset-password")
      assert.deepStrictEqual(settings.resetLimits, { codeTtlMillis: 1_800_000, cooldownMillis: 60_000, hourlyCap: 5 })
      assert.deepStrictEqual(settings.hashing.cost, { memoryKib: 19_456, iterations: 2, parallelism: 1 })
      assert.deepStrictEqual(settings.passwordLength, { minLength: 8, maxLength: 256 })
      assert.isTrue(
        Option.isNone(settings.databaseUrl) && Option.isNone(settings.smtp) && Option.isNone(settings.appSecrets)
      )
      assert.isFalse(settings.signInAfterReset)
    })
  )

  it.effect("a value that is empty counts as none", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* read({ PORT: "", DATABASE_URL: "", SMTP_URL: "" })).port, 1337)
    })
  )

  it.effect(".env.example names every setting with its default", () =>
    Effect.gen(function* () {
      const example = readFileSync(new URL("../.env.example", import.meta.url), "utf8")
      const source = readFileSync(new URL("../src/settings.ts", import.meta.url), "utf8")
      const named = [...example.matchAll(/^([A-Z0-9_]+)=/gm)].map(([, name]) => name)
      const readNames = [...source.matchAll(/(?:optional|required|withDefault)\(\s*"([A-Z0-9_]+)"/g)].map(
        ([, name]) => name
      )
      assert.deepStrictEqual(named.toSorted(), readNames.toSorted())
      const provider = ConfigProvider.fromDotEnvContents(example)
      const asShown = yield* Effect.provideService(readSettings, ConfigProvider.ConfigProvider, provider)
      assert.deepStrictEqual(asShown, yield* read({}))
    })
  )

  it.effect("in production what can't be guessed is required, and every gap is told at once", () =>
    Effect.gen(function* () {
      const problems = yield* problemsOf({ NODE_ENV: "production" })
      assert.deepStrictEqual(
        problems.map((line) => line.split(" ")[0]),
        ["PUBLIC_URL", "APP_SECRET", "SMTP_URL", "MAIL_FROM"]
      )
      for (const line of problems) assert.match(line, /is missing, which is required in production.*for example/)
      assert.isTrue((yield* read(production)).production)
    })
  )

  it.effect("mail has to be set where others can reach the service, and a sender wherever mail is", () =>
    Effect.gen(function* () {
      const [line] = yield* problemsOf({ HOST: "0.0.0.0" })
      assert.match(line, /^SMTP_URL is missing, which is required where HOST is not a loopback address/)
      const [from] = yield* problemsOf({ SMTP_URL: "smtp://localhost:25" })
      assert.match(from, /^MAIL_FROM is missing/)
      for (const HOST of ["127.0.0.2", "::1", "localhost"]) assert.strictEqual((yield* read({ HOST })).host, HOST)
    })
  )

  for (const [name, ...wrong] of [
    ["HOST", "a b", "http://x"],
    ["PORT", "0", "65536", "banana", "1.5"],
    ["PUBLIC_URL", "accounts.example.com", "ftp://x", "https://x/#y"],
    ["DATABASE_URL", "mysql://x/y", "localhost", "/var/lib"],
    ["DATABASE_POOL_SIZE", "0", "many"],
    ["DATABASE_PREPARE", "perhaps"],
    ["APP_SECRET", "k".repeat(31), `${"k".repeat(32)},short`, `${"k".repeat(32)},`],
    ["SMTP_URL", "mail.example.com", "http://mail.example.com"],
    ["RESET_URL", "javascript:alert(1)", "//evil"],
    ["RESET_CODE_TTL", "soon", "30", "0 seconds", "-1 minutes", "Infinity"],
    ["RESET_COOLDOWN", "later"],
    ["RESET_HOURLY_CAP", "0", "-1"],
    ["REGISTRATION", "closed"],
    ["PASSWORD_MIN_LENGTH", "0", "257"],
    ["PASSWORD_MAX_LENGTH", "7", "5000"],
    ["ARGON2_MEMORY_KIB", "1", "4194304"],
    ["ARGON2_ITERATIONS", "0", "1000000000"],
    ["HASH_CONCURRENCY", "0", "5"],
    ["SESSION_TTL", "for ever"],
    ["LOG_LEVEL", "loud"],
    ["LOG_FORMAT", "xml"]
  ] as const) {
    it.effect(`${name}: a wrong value is named, with what it should be and an example, and isn't repeated`, () =>
      Effect.gen(function* () {
        for (const value of wrong) {
          const problems = yield* problemsOf({ [name]: value, MAIL_FROM: "a@example.com" })
          assert.lengthOf(problems, 1, `${value}: ${problems.join()}`)
          assert.match(problems[0], new RegExp(`^${name} is wrong: it should be .+, for example ${name}=.+`))
          if (value.length > 5) assert.notInclude(problems[0].replace(/, for example .*/, ""), value)
        }
      })
    )
  }

  it.effect("MAIL_FROM is one address, with a name or without", () =>
    Effect.gen(function* () {
      for (const MAIL_FROM of ["accounts@example.com", "Example <accounts@example.com>", "Ä & Ö <a@b.example>"]) {
        const { smtp } = yield* read({ SMTP_URL: "smtp://localhost", MAIL_FROM })
        assert.strictEqual(Option.getOrThrow(smtp).from, MAIL_FROM)
      }
      for (const MAIL_FROM of ["nobody", "a@b.example, c@d.example", "A <a@b.example>\r\nBcc: c@d.example", "<>"]) {
        assert.match((yield* problemsOf({ SMTP_URL: "smtp://localhost", MAIL_FROM }))[0], /^MAIL_FROM is wrong/)
      }
    })
  )

  it.effect("APP_SECRET may list former secrets behind the current one", () =>
    Effect.gen(function* () {
      const list = ["n".repeat(32), "o".repeat(40)]
      const { appSecrets } = yield* read({ APP_SECRET: list.join(", ") })
      assert.deepStrictEqual(Option.getOrThrow(appSecrets).map(Redacted.value), list)
    })
  )

  it.effect("nothing secret is shown, whatever prints the settings", () =>
    Effect.gen(function* () {
      const DATABASE_URL = "postgres://rekey:s3cr3t@localhost/rekey"
      const settings = yield* read({ ...production, DATABASE_URL })
      const shown = JSON.stringify(settings) + String(settings.smtp) + String(settings.appSecrets)
      assert.notInclude(shown, "s3cr3t")
      assert.notInclude(shown, "kkkk")
    })
  )
})
