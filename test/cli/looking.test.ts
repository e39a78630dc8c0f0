import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Logger, Redacted } from "effect"
import { clientOf } from "../support/client.ts"
import { type Ended, embeddedPlace, placeWith, postgresPlace } from "../support/commandLine.ts"
import { emptyPostgres, migratedPostgres } from "../support/databases.ts"
import { startServer } from "../support/server.ts"
import { MailServer } from "../support/smtp.ts"

const secret = "a-secret-of-the-tests-long-enough-to-be-one"

/** What doctor says of a thing. */
const stateOf = ({ stdout }: Ended, check: string) =>
  [...stdout.matchAll(/^(ok|note|wrong) +(\w+) /gm)].filter(([, , name]) => name === check).map(([, state]) => state)

layer(Layer.merge(Logger.layer([]), MailServer.layer), { excludeTestServices: true })("rekey doctor", (it) => {
  it.effect(
    "says that all is well, on both databases and with a mail server, and shows no secret",
    () =>
      Effect.gen(function* () {
        const mails = yield* MailServer
        const embedded = yield* embeddedPlace
        const healthy = yield* embedded.rekey("doctor")
        assert.strictEqual(healthy.code, 0, healthy.stdout)
        const url = Redacted.value(yield* emptyPostgres)
        const smtp = new URL(mails.url)
        smtp.username = "mailuser"
        smtp.password = "mailpassword"
        const place = yield* placeWith({
          DATABASE_URL: url,
          APP_SECRET: secret,
          SMTP_URL: smtp.href,
          MAIL_FROM: "rekey@example.com",
          ADMIN_TOKENS: `alice:${"t".repeat(40)}`
        })
        const fresh = yield* place.rekey("doctor")
        assert.deepStrictEqual(stateOf(fresh, "migrations"), ["note"])
        yield* place.done("migrate")
        const ended = yield* place.rekey("doctor")
        for (const check of ["settings", "secret", "entropy", "database", "migrations", "clock"]) {
          assert.deepStrictEqual(stateOf(ended, check), ["ok"], ended.stdout)
        }
        assert.match(ended.stdout, /^APP_SECRET +hidden \(43 characters\)$/m)
        assert.match(ended.stdout, /^DATABASE_URL +postgres:\/\/\*\*\*@127\.0\.0\.1:\d+\/rekey_test_\w+$/m)
        const { password } = new URL(url)
        for (const hidden of [secret, "mailuser", "mailpassword", "t".repeat(40), `:${password}@`]) {
          assert.notInclude(ended.stdout + ended.stderr, hidden)
        }
      }),
    180_000
  )

  it.effect(
    "says of each thing that is wrong how to mend it, and ends with 1",
    () =>
      Effect.gen(function* () {
        const place = yield* placeWith({
          DATABASE_URL: "postgres://nobody@127.0.0.1:1/x",
          APP_SECRET: "a".repeat(40),
          PORT: "banana",
          SMTP_URL: "smtp://127.0.0.1:1",
          MAIL_FROM: "rekey@example.com"
        })
        const ended = yield* place.rekey("doctor")
        assert.strictEqual(ended.code, 1)
        for (const check of ["settings", "secret", "database", "mail"]) {
          assert.deepStrictEqual(stateOf(ended, check), ["wrong"], ended.stdout)
        }
        assert.match(ended.stdout, /ECONNREFUSED.*\n +Is DATABASE_URL right/)
      }),
    180_000
  )

  it.effect(
    "names the rights that a role lacks, as SQL that grants them",
    () =>
      Effect.gen(function* () {
        const { env, sql } = yield* postgresPlace
        const role = `role_${crypto.randomUUID().replaceAll("-", "")}`
        yield* sql.unsafe(`create role ${role} login password 'secret'`)
        yield* Effect.addFinalizer(() =>
          Effect.ignore(sql.unsafe(`drop owned by ${role}; `).pipe(Effect.andThen(sql.unsafe(`drop role ${role}`))))
        )
        yield* sql.unsafe(`grant select, insert, update, delete on all tables in schema public to ${role}`)
        yield* sql.unsafe(`revoke update, delete on outbox from ${role}`)
        const url = new URL(String(env.DATABASE_URL))
        url.username = role
        url.password = "secret"
        const place = yield* placeWith({ ...env, DATABASE_URL: url.href })
        const ended = yield* place.rekey("doctor")
        assert.strictEqual(ended.code, 1)
        assert.include(ended.stdout, `grant delete, update on outbox to ${role};`)
        yield* sql.unsafe(`grant update, delete on outbox to ${role}`)
        assert.deepStrictEqual(stateOf(yield* place.rekey("doctor"), "rights"), ["ok"])
      }),
    180_000
  )
})

layer(Logger.layer([]), { excludeTestServices: true })("rekey", (it) => {
  it.effect(
    "migrate prints what it would do as SQL that a database takes, and does it",
    () =>
      Effect.gen(function* () {
        const url = yield* emptyPostgres
        const { done } = yield* placeWith({ DATABASE_URL: Redacted.value(url) })
        const script = yield* done("migrate", "--dry-run")
        assert.match(script, /^begin;\n.*create table users .*commit;\n$/s)
        assert.match(yield* done("migrate"), /0001_accounts\.sql\n.*migrations applied\.\n$/s)
        assert.strictEqual(yield* done("migrate", "--dry-run"), "")
        assert.strictEqual(yield* done("migrate"), "The database is up to date.\n")
      }),
    180_000
  )

  it.effect(
    "migrate's script, run by somebody else, is what the server takes for its own work",
    () =>
      Effect.gen(function* () {
        const [url, other] = [yield* emptyPostgres, yield* postgresPlace]
        const { done } = yield* placeWith({ DATABASE_URL: Redacted.value(url) })
        const script = yield* done("migrate", "--dry-run")
        // As psql would, on another database, where nothing of it is yet.
        yield* other.sql.unsafe("drop schema public cascade")
        yield* other.sql.unsafe("create schema public")
        yield* other.sql.unsafe(
          `do $script$ begin\n${script.replace(/^begin;$|^commit;$|^select pg_.*$/gm, "")}\nend $script$`
        )
        assert.strictEqual(yield* other.done("migrate"), "The database is up to date.\n")
      }),
    180_000
  )

  it.effect(
    "openapi prints what the server serves",
    () =>
      Effect.gen(function* () {
        const { done } = yield* placeWith({})
        const { url } = yield* startServer({ env: { DATABASE_URL: Redacted.value(yield* migratedPostgres) } })
        const { json } = yield* Effect.flatMap(clientOf(url), (client) => client.get("/openapi.json"))
        assert.deepStrictEqual(JSON.parse(yield* done("openapi", "--public")), json)
        assert.property(JSON.parse(yield* done("openapi")).paths, "/admin/send-reset-code")
      }),
    180_000
  )

  it.effect(
    "says its version, helps, and completes what is typed",
    () =>
      Effect.gen(function* () {
        const { done, file } = yield* placeWith({})
        assert.match(yield* done("--version"), /^rekey v\d+\.\d+\.\d+\n$/)
        const help = yield* done("user", "import", "--help")
        assert.include(help, "--dry-run")
        assert.notInclude(help, "\u001b[")
        const script = yield* file("completions", yield* done("--completions", "bash"))
        yield* Effect.promise(() => promisify(execFile)("bash", ["-n", script]))
      }),
    180_000
  )

  it.effect(
    "says what is wrong with what was typed, on standard error alone, and ends with 2",
    () =>
      Effect.gen(function* () {
        const { rekey } = yield* placeWith({})
        for (const typed of [["usr"], ["user", "list", "--limit", "0"], ["user", "show"], ["--nonsense"]]) {
          const { code, stderr, stdout } = yield* rekey(...typed)
          assert.deepStrictEqual([code, stdout], [2, ""], typed.join(" "))
          assert.include(stderr, "--help")
        }
      }),
    180_000
  )
})
