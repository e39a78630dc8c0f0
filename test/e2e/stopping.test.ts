import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, Redacted } from "effect"
import * as PostgresClient from "../../src/sql/PostgresClient.ts"
import { clientOf } from "../support/client.ts"
import { emptyPostgres, timePasses } from "../support/databases.ts"
import { startServer } from "../support/server.ts"
import { codeIn } from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"

const onPostgres = Effect.gen(function* () {
  const mails = yield* MailServer
  return {
    SMTP_URL: mails.url,
    MAIL_FROM: "rekey@example.com",
    APP_SECRET: "a secret that outlives a process",
    DATABASE_URL: Redacted.value(yield* emptyPostgres)
  }
})

layer(MailServer.layer, { excludeTestServices: true })("stopping", (it) => {
  it.effect("resets that are under way at SIGTERM complete, and the process ends with 0 (B9)", () =>
    Effect.gen(function* () {
      const mails = yield* MailServer
      // Hashes that take a while, so that many are under way; clients that wait until the last is answered.
      const server = yield* startServer({ env: { ...(yield* onPostgres), ARGON2_ITERATIONS: "10" } })
      const client = yield* clientOf(server.url)
      const somebody = yield* Effect.all(Array.from({ length: 8 }, () => client.register()))
      const codes = yield* Effect.forEach(somebody, ({ email }) =>
        Effect.andThen(
          client.forgot(email),
          Effect.map(mails.next(email), ({ parsed }) => codeIn(parsed.text ?? ""))
        )
      )
      const underWay = yield* Effect.forkChild(
        Effect.all(
          codes.map((code) => client.reset(code, "a new long phrase")),
          { concurrency: "unbounded" }
        )
      )
      yield* server.waitFor("stderr", /"route":"\/auth\/reset-password","status":200/)
      const end = yield* server.stop()
      const answers = yield* Fiber.join(underWay)
      assert.deepStrictEqual(
        answers.map(({ status }) => status),
        codes.map(() => 200)
      )
      assert.deepStrictEqual(end, { code: 0, signal: null }, server.output.stderr)
    })
  )

  it.effect("a mail that a killed process didn't send is sent by the next, with a code that works (G2)", () =>
    Effect.gen(function* () {
      const mails = yield* MailServer
      const env = yield* onPostgres
      const first = yield* startServer({ env })
      const client = yield* clientOf(first.url)
      const ada = yield* client.register()
      yield* mails.behave("defer")
      yield* client.forgot(ada.email)
      yield* first.waitFor("stderr", /A mail was not sent/)
      yield* first.stop("SIGKILL")

      yield* mails.behave("take")
      // Whatever lease the dead process held.
      const url = Redacted.make(env.DATABASE_URL)
      yield* timePasses("61 seconds").pipe(
        Effect.provide(PostgresClient.layer({ url, poolSize: 1, prepare: true }), { local: true })
      )
      const second = yield* startServer({ env })
      const code = codeIn((yield* mails.next(ada.email)).parsed.text ?? "")
      const next = yield* clientOf(second.url)
      assert.strictEqual((yield* next.reset(code, "a new long phrase")).status, 200)
      assert.strictEqual((yield* next.signIn(ada.email, "a new long phrase")).status, 200)
    })
  )
})
