import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Logger } from "effect"
import { assertError, clientOf } from "../support/client.ts"
import { postgresPlace } from "../support/commandLine.ts"
import { changeEmail, undoEmail } from "../support/emailChange.ts"
import { startServer } from "../support/server.ts"
import { codeIn } from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"

/** Clears a terminal and writes over what stood there. */
const hostile = "ada\u001b[2J\u001b]0;owned\u0007\u202exe"

layer(Layer.merge(Logger.layer([]), MailServer.layer), { excludeTestServices: true })("operators", (it) => {
  it.effect(
    "D15: a user name with control characters writes nothing but itself on an operator's terminal",
    () =>
      Effect.gen(function* () {
        const { done, env, told } = yield* postgresPlace
        const { url } = yield* startServer({ env })
        const client = yield* clientOf(url)
        const eve = yield* client.register({ username: hostile })
        for (const command of [["list"], ["list", "--json"], ["show", eve.email], ["export"]]) {
          const text = yield* done("user", ...command)
          assert.include(text, "\\u001b[2J")
          assert.notMatch(text.replaceAll("\n", ""), /[\p{Cc}\p{Cf}]/u, command.join(" "))
        }
        assert.strictEqual((yield* told("user", "list"))[0]?.username, hostile)
      }),
    180_000
  )

  it.effect(
    "F15: after a backup was restored no session and no code of it is of use, once the operator says so",
    () =>
      Effect.gen(function* () {
        const mails = yield* MailServer
        const { env, sql, told } = yield* postgresPlace
        const { url } = yield* startServer({
          env: { ...env, SMTP_URL: mails.url, MAIL_FROM: "rekey@example.com", RESET_COOLDOWN: "0 seconds" }
        })
        const client = yield* clientOf(url)
        const ada = yield* client.register()
        yield* client.forgot(ada.email)
        const code = codeIn((yield* mails.next(ada.email)).parsed.text ?? "")
        yield* sql`create table saved_users as select * from users`
        yield* sql`create table saved_sessions as select * from sessions`
        yield* sql`create table saved_codes as select * from reset_codes`
        assert.strictEqual((yield* client.reset(code, "a new long phrase")).status, 200)
        assertError(yield* client.me(ada.jwt), 401, "Unauthenticated")
        // The backup.
        yield* sql`delete from users`
        yield* sql`insert into users select * from saved_users`
        yield* sql`insert into sessions select * from saved_sessions`
        yield* sql`insert into reset_codes select * from saved_codes`
        assert.strictEqual((yield* client.me(ada.jwt)).status, 200)
        const [ended] = yield* told("sessions", "revoke", "--all", "--yes")
        assert.deepStrictEqual(ended, { accounts: 1, sessions: 1, codes: 1 })
        assertError(yield* client.me(ada.jwt), 401, "Unauthenticated")
        assertError(yield* client.reset(code, "another long phrase"), 403, "ResetCodeSuperseded")
        const [step] = yield* told("audit", "tail", "--event", "sessions.ended")
        assert.deepInclude(step, { actor: "cli", userId: ada.id })
      }),
    180_000
  )

  it.effect(
    "F29: whoever took an account over doesn't get it by a former address once an operator gave it back",
    () =>
      Effect.gen(function* () {
        const mails = yield* MailServer
        const { done, env, sql } = yield* postgresPlace
        const { url } = yield* startServer({ env: { ...env, SMTP_URL: mails.url, MAIL_FROM: "rekey@example.com" } })
        const client = yield* clientOf(url)
        const ada = yield* client.register()
        const wayBack = yield* changeEmail(client, ada, "eve@example.com")
        yield* done("user", "block", ada.id)
        assertError(yield* undoEmail(client, wayBack), 403, "AccountBlocked")
        yield* sql`update users set email = 'ada@new.example', email_key = 'ada@new.example', password_hash = ''
          where id = ${ada.id}::uuid`
        yield* done("user", "unblock", ada.id)
        assertError(yield* undoEmail(client, wayBack), 403, "EmailChangeCodeSuperseded")
        for (const name of [ada.username, ada.email, "eve@example.com", "ada@new.example"]) {
          assertError(yield* client.signIn(name, ada.password), 400, "InvalidCredentials")
        }
        yield* done("reset", "send", "ada@new.example")
        const code = codeIn((yield* mails.next("ada@new.example")).parsed.text ?? "")
        assert.strictEqual((yield* client.reset(code, "a new long phrase")).status, 200)
        assert.strictEqual((yield* client.signIn("ada@new.example", "a new long phrase")).status, 200)
      }),
    180_000
  )
})
