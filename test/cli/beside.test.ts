import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Logger, Redacted } from "effect"
import { assertError, clientOf } from "../support/client.ts"
import { placeWith, postgresPlace } from "../support/commandLine.ts"
import { migratedPostgres } from "../support/databases.ts"
import { startServer } from "../support/server.ts"
import { codeIn } from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"

/** A server on a database, and the command line beside it. */
const served = Effect.gen(function* () {
  const mails = yield* MailServer
  const place = yield* postgresPlace
  const { url } = yield* startServer({
    env: { ...place.env, SMTP_URL: mails.url, MAIL_FROM: "Rekey <rekey@example.com>", RESET_COOLDOWN: "0 seconds" }
  })
  const client = yield* clientOf(url)
  const codeFor = (email: string) => Effect.map(mails.next(email), ({ parsed }) => codeIn(parsed.text ?? ""))
  return { ...place, client, codeFor, mails }
})

layer(Layer.merge(Logger.layer([]), MailServer.layer), { excludeTestServices: true })(
  "beside a running server",
  (it) => {
    it.effect(
      "a block ends sessions at once and keeps the owner out, until it is taken away",
      () =>
        Effect.gen(function* () {
          const { client, done } = yield* served
          const ada = yield* client.register()
          assert.include(yield* done("user", "block", ada.email), "1 session ended")
          assertError(yield* client.me(ada.jwt), 401, "Unauthenticated")
          assertError(yield* client.signIn(ada.email, ada.password), 403, "AccountBlocked")
          yield* done("user", "unblock", ada.email)
          assertError(yield* client.me(ada.jwt), 401, "Unauthenticated")
          assert.strictEqual((yield* client.signIn(ada.email, ada.password)).status, 200)
        }),
      180_000
    )

    it.effect(
      "a reset that is sent goes to the owner, who is told that they didn't ask for it, and the trail says who did",
      () =>
        Effect.gen(function* () {
          const { client, codeFor, done, rekey, told } = yield* served
          const ada = yield* client.register()
          const stdout = yield* done("reset", "send", ada.username)
          const code = yield* codeFor(ada.email)
          assert.notInclude(stdout, code)
          assert.strictEqual((yield* client.reset(code, "a new long phrase")).status, 200)
          const [asked] = yield* told("audit", "tail", "--user", ada.id, "--event", "recovery")
          assert.deepInclude(asked, { event: "recovery.requested", outcome: "done", actor: "cli", userId: ada.id })
          const unknown = yield* rekey("reset", "send", "nobody@example.com")
          assert.strictEqual(unknown.code, 1)
          yield* done("user", "block", ada.id)
          assert.include((yield* rekey("reset", "send", ada.email)).stderr, "blocked")
        })
    )

    it.effect(
      "sessions and the code of one account end, and nobody else's",
      () =>
        Effect.gen(function* () {
          const { client, codeFor, told } = yield* served
          const [ada, bob] = [yield* client.register(), yield* client.register()]
          yield* client.forgot(ada.email)
          const code = yield* codeFor(ada.email)
          const [ended] = yield* told("sessions", "revoke", ada.email)
          assert.deepInclude(ended, { id: ada.id, sessions: 1, codes: 1 })
          assertError(yield* client.me(ada.jwt), 401, "Unauthenticated")
          assertError(yield* client.reset(code, "a new long phrase"), 403, "ResetCodeSuperseded")
          assert.strictEqual((yield* client.me(bob.jwt)).status, 200)
        }),
      180_000
    )

    it.effect(
      "the outbox shows what waits, tries it when it is told to, and drops it",
      () =>
        Effect.gen(function* () {
          const { client, codeFor, done, mails, rekey, sql, told } = yield* served
          const ada = yield* client.register()
          yield* mails.behave("refuse")
          yield* client.forgot(ada.email)
          const waiting = Effect.repeat(Effect.delay(told("outbox", "list"), "10 millis"), {
            until: ([mail]) => mail?.state === "waiting" && Number(mail.attempts) > 0
          })
          const [mail] = yield* waiting
          assert.deepInclude(mail, { kind: "reset-code", recipient: ada.email })
          // So that nothing but the command has it tried soon.
          yield* sql`update outbox set due_at = now() + interval '1 hour'`
          yield* mails.behave("take")
          yield* done("outbox", "retry", String(mail?.id))
          const code = yield* codeFor(ada.email)
          assert.strictEqual((yield* client.check(code)).status, 200)

          yield* mails.behave("refuse")
          yield* client.forgot(ada.email)
          yield* waiting
          yield* sql`update outbox set due_at = now() + interval '1 hour', leased_until = null where outcome is null`
          yield* done("outbox", "drop", "--all", "--yes")
          yield* mails.behave("take")
          assert.deepStrictEqual(yield* told("outbox", "list"), [])
          const [dropped] = yield* told("outbox", "list", "--state", "dropped")
          assert.strictEqual(dropped?.recipient, ada.email)
          const [step] = yield* told("audit", "tail", "--event", "mail", "--lines", "1")
          assert.deepInclude(step, { outcome: "dropped", reason: "operator", actor: "cli", userId: ada.id })
          const nothing = yield* rekey("outbox", "retry", String(dropped?.id))
          assert.strictEqual(nothing.code, 1)
        }),
      180_000
    )

    it.effect(
      "the trail is followed as it grows",
      () =>
        Effect.gen(function* () {
          const { client, spawn } = yield* served
          const ada = yield* client.register()
          const following = yield* spawn("audit", "tail", "--follow", "--user", ada.id)
          yield* following.waitFor("stdout", /account\.registered/)
          yield* client.signIn(ada.email, "a wrong phrase")
          yield* following.waitFor("stdout", /sign-in +refused +wrong-password/)
          assert.strictEqual((yield* following.stop("SIGINT")).code, 130)
        }),
      180_000
    )

    it.effect(
      "the trail is exported from its beginning, in both forms",
      () =>
        Effect.gen(function* () {
          const { client, done } = yield* served
          const ada = yield* client.register()
          const lines = (yield* done("audit", "export", "--user", ada.id)).trimEnd().split("\n")
          assert.deepStrictEqual(
            lines.map((line) => JSON.parse(line).event),
            ["account.registered", "sign-in"]
          )
          const csv = (yield* done("audit", "export", "--user", ada.id, "--format", "csv")).trimEnd().split("\n")
          assert.strictEqual(
            csv[0],
            "id,at,event,outcome,reason,actor,administrator,userId,requestId,clientAddress,device"
          )
          assert.lengthOf(csv, 3)
        }),
      180_000
    )
  }
)

layer(Logger.layer([]), { excludeTestServices: true })("rekey keys", (it) => {
  it.effect(
    "gives DATA_DIR a new secret: tokens of the former stay good until it is retired",
    () =>
      Effect.gen(function* () {
        const { env, done } = yield* placeWith({ DATABASE_URL: Redacted.value(yield* migratedPostgres) })
        const file = join(String(env.DATA_DIR), "app-secret")
        const serve = startServer({ env })
        const first = yield* serve
        const ada = yield* Effect.flatMap(clientOf(first.url), (client) => client.register())
        const stdout = yield* done("keys", "rotate")
        const [fresh = "", former = ""] = (yield* Effect.promise(() => readFile(file, "utf8"))).split(",")
        assert.notStrictEqual(fresh, former)
        for (const secret of [fresh, former]) assert.notInclude(stdout, secret)
        yield* first.stop()

        const second = yield* serve
        const client = yield* clientOf(second.url)
        assert.strictEqual((yield* client.me(ada.jwt)).status, 200)
        const bob = yield* client.register()
        yield* second.stop()

        yield* done("keys", "retire", "--yes")
        const third = yield* serve
        const last = yield* clientOf(third.url)
        assertError(yield* last.me(ada.jwt), 401, "Unauthenticated")
        assert.strictEqual((yield* last.me(bob.jwt)).status, 200)
      }),
    180_000
  )

  it.effect(
    "prints the new line of APP_SECRET only where it is asked for",
    () =>
      Effect.gen(function* () {
        const secret = "a-secret-of-the-tests-long-enough-to-be-one"
        const { rekey } = yield* placeWith({ APP_SECRET: secret })
        const told = yield* rekey("keys", "rotate")
        assert.deepStrictEqual([told.code, told.stdout], [0, ""])
        assert.notInclude(told.stderr, secret)
        const printed = yield* rekey("keys", "rotate", "--print")
        assert.match(printed.stdout, new RegExp(`^APP_SECRET=[\\w-]{43},${secret}\\n$`))
        const { rekey: rotated } = yield* placeWith({ APP_SECRET: `${"n".repeat(40)},${secret}` })
        assert.strictEqual((yield* rotated("keys", "retire", "--print")).stdout, `APP_SECRET=${"n".repeat(40)}\n`)
      }),
    180_000
  )
})
