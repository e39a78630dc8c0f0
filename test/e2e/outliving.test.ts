import { connect } from "node:net"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Redacted } from "effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import { SqlClient } from "effect/sql"
import { inject } from "vitest"
import * as PgliteClient from "../../src/sql/PgliteClient.ts"
import * as PostgresClient from "../../src/sql/PostgresClient.ts"
import { assertError, clientOf } from "../support/client.ts"
import { emptyPostgres, timePasses } from "../support/databases.ts"
import { spawnServer, startServer } from "../support/server.ts"
import { codeIn } from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"

const newPassword = "a new long phrase"

const clientOfPostgres = (url: Redacted.Redacted) =>
  Effect.map(Layer.build(PostgresClient.layer({ url, poolSize: 2, prepare: true })), (context) =>
    Context.get(context, SqlClient.SqlClient)
  )

/** Waits until nobody listens there. */
const closed = (url: string) =>
  Effect.callback<boolean>((resume) => {
    const { hostname, port } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port) })
    const answer = (closed: boolean) => {
      socket.destroy()
      resume(Effect.succeed(closed))
    }
    socket.once("connect", () => answer(false)).once("error", () => answer(true))
  }).pipe(Effect.delay("10 millis"), Effect.repeat({ until: (closed) => closed }))

layer(MailServer.layer, { excludeTestServices: true })("what ends a process", (it) => {
  for (const [runtime, signal] of [
    ["node", "SIGTERM"],
    ["bun", "SIGINT"],
    ["deno", "SIGINT"]
  ] as const) {
    it.effect(
      `lets the reset that is under way complete: ${signal} on ${runtime} (B9)`,
      () =>
        Effect.gen(function* () {
          const url = yield* emptyPostgres
          const sql = yield* clientOfPostgres(url)
          const mails = yield* MailServer
          const env = { SMTP_URL: mails.url, MAIL_FROM: "rekey@example.com", DATABASE_URL: Redacted.value(url) }
          const server = yield* startServer({ runtime, env })
          const client = yield* clientOf(server.url)
          const { email, id } = yield* client.register()
          yield* client.forgot(email)
          const code = codeIn((yield* mails.next(email)).parsed.text ?? "")

          // Whoever holds the account's row holds the reset up, so that it is under way for sure.
          const { resetting, stopping } = yield* Effect.gen(function* () {
            yield* sql`select from users where id = ${id}::uuid for update`
            const resetting = yield* Effect.forkChild(client.reset(code, newPassword))
            const waits = sql`select from pg_locks where not granted`
            yield* waits.pipe(Effect.delay("10 millis"), Effect.repeat({ until: (rows) => rows.length > 0 }))
            const stopping = yield* Effect.forkChild(server.stop(signal))
            yield* closed(server.url)
            return { resetting, stopping }
          }).pipe(sql.withTransaction)
          const answer = yield* Fiber.join(resetting)
          assert.strictEqual(answer.status, 200, answer.text)
          assert.deepStrictEqual(yield* Fiber.join(stopping), { code: 0, signal: null })
          const [row] = yield* sql`select credentials_version as version from users`
          assert.deepStrictEqual(row, { version: 2 })
        }),
      60_000
    )
  }

  for (const database of ["embedded", "PostgreSQL"] as const) {
    it.effect(
      `loses no account, code or mail, even as kill -9 in the middle of a conversation: ${database} (B8, G2)`,
      () =>
        Effect.gen(function* () {
          const mails = yield* MailServer
          const url = yield* emptyPostgres
          const settings = {
            SMTP_URL: mails.url,
            MAIL_FROM: "rekey@example.com",
            ...(database === "PostgreSQL" && { DATABASE_URL: Redacted.value(url) })
          }
          const first = yield* startServer({ env: settings })
          const before = yield* clientOf(first.url)
          const [ada, grace] = [yield* before.register(), yield* before.register()]
          yield* before.forgot(ada.email)
          const code = codeIn((yield* mails.next(ada.email)).parsed.text ?? "")
          yield* mails.connected
          yield* mails.behave("hang")
          yield* before.forgot(grace.email)
          yield* mails.connected
          yield* first.stop("SIGKILL")

          // The dead process's lease runs out.
          const client = database === "PostgreSQL" ? clientOfPostgres(url) : embeddedIn(first.dataDir)
          yield* client.pipe(
            Effect.flatMap((sql) => Effect.provideService(timePasses("61 seconds"), SqlClient.SqlClient, sql)),
            Effect.scoped
          )
          yield* mails.behave("take")
          const second = yield* startServer({ env: { ...settings, DATA_DIR: first.dataDir } })
          const after = yield* clientOf(second.url)
          assert.strictEqual((yield* after.me(ada.jwt)).status, 200)
          assert.strictEqual((yield* after.reset(code, newPassword)).status, 200)
          const late = codeIn((yield* mails.next(grace.email)).parsed.text ?? "")
          assert.strictEqual((yield* after.reset(late, newPassword)).status, 200)
          assertError(yield* after.me(ada.jwt), 401, "Unauthenticated")
        }).pipe(Effect.provide(MailServer.layer)), // its own, so that each connection is known
      60_000
    )
  }

  it.effect("doesn't come from a database that isn't there yet: the process serves once it is", () =>
    Effect.gen(function* () {
      const url = new URL(inject("postgresUrl"))
      const name = `rekey_test_late_${crypto.randomUUID().replaceAll("-", "")}`
      const asOwner = (statement: string) =>
        PgClient.makeClient({ url: Redacted.make(url.href) }).pipe(
          Effect.flatMap((sql) => sql.unsafe(statement)),
          Effect.scoped,
          Effect.provide(Reactivity.layer),
          Effect.orDie
        )
      const late = new URL(url)
      late.pathname = name
      const server = yield* spawnServer({ env: { DATABASE_URL: late.href } })
      yield* server.waitFor("stderr", /can't be used now/)
      yield* server.waitFor("stdout", /listens on/)
      const client = yield* clientOf(server.url)
      assertError(yield* client.get("/ready"), 503, "Unavailable")
      yield* Effect.acquireRelease(asOwner(`create database ${name}`), () =>
        asOwner(`drop database ${name} with (force)`)
      )
      yield* server.waitFor("stdout", /curl .*register/)
      assert.strictEqual((yield* client.get("/ready")).status, 200)
      const { email, password } = yield* client.register()
      assert.strictEqual((yield* client.signIn(email, password)).status, 200)
      yield* server.stop()
    })
  )
})

const embeddedIn = (dataDir: string) =>
  Effect.map(Layer.build(PgliteClient.layer({ dataDir })), (context) => Context.get(context, SqlClient.SqlClient))
