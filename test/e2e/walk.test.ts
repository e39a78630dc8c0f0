import { assert, layer } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { assertError, clientOf } from "../support/client.ts"
import { emptyPostgres } from "../support/databases.ts"
import { type Runtime, startServer } from "../support/server.ts"
import { codeIn } from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"

const runtimes: ReadonlyArray<Runtime> = ["node", "bun", "deno"]
const databases = ["embedded", "PostgreSQL"] as const

layer(MailServer.layer, { excludeTestServices: true })("from forgotten to signed in", (it) => {
  for (const runtime of runtimes) {
    for (const database of databases) {
      it.effect(
        `on ${runtime}, ${database}`,
        () =>
          Effect.gen(function* () {
            const mails = yield* MailServer
            const server = yield* startServer({
              runtime,
              env: {
                SMTP_URL: mails.url,
                MAIL_FROM: "Rekey <rekey@example.com>",
                ...(database === "PostgreSQL" && { DATABASE_URL: Redacted.value(yield* emptyPostgres) })
              }
            })
            const client = yield* clientOf(server.url)
            const ada = yield* client.register()

            assert.strictEqual((yield* client.forgot(ada.email)).text, `{"ok":true}`)
            const { envelope, parsed } = yield* mails.next(ada.email)
            assert.deepStrictEqual(envelope, { from: "rekey@example.com", to: [ada.email] })
            const code = codeIn(parsed.text ?? "")
            assert.include(parsed.text, `${server.url}/reset-password?code=${code}`)

            assert.strictEqual((yield* client.reset(code, "a new long phrase")).status, 200)
            assertError(yield* client.me(ada.jwt), 401, "Unauthenticated")
            assertError(yield* client.signIn(ada.email, ada.password), 400, "InvalidCredentials")
            assert.strictEqual((yield* client.signIn(ada.username, "a new long phrase")).status, 200)
            assertError(yield* client.reset(code, "yet another phrase"), 403, "ResetCodeUsed")

            // What the parser of each runtime refuses before Effect sees it has the one shape too.
            assertError(yield* client.raw("NOT HTTP AT ALL\r\n\r\n"), 400, "InvalidRequest")
            const long = `GET /health HTTP/1.1\r\nHost: x\r\n${`X-Long: ${"a".repeat(8000)}\r\n`.repeat(4)}\r\n`
            assertError(yield* client.raw(long), 431, "HeadersTooLarge")

            const end = yield* server.stop()
            assert.deepStrictEqual(end, { code: 0, signal: null }, server.output.stderr)
            const written = server.output.stdout + server.output.stderr
            for (const secret of [code, ada.password, "a new long phrase", ada.jwt]) assert.notInclude(written, secret)
          }),
        60_000
      )
    }
  }
})
