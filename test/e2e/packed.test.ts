import { execFile } from "node:child_process"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { assertError, clientOf } from "../support/client.ts"
import { emptyPostgres } from "../support/databases.ts"
import { Packed } from "../support/packed.ts"
import { startServer } from "../support/server.ts"
import { codeIn } from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"

const commands = { node: "exec", bun: "exec bun", deno: "exec deno run --allow-all" } as const

layer(Layer.merge(Packed.layer, MailServer.layer), { excludeTestServices: true, timeout: 120_000 })(
  "the packed package",
  (it) => {
    it.effect("carries the service, its sources and its papers alone", () =>
      Effect.gen(function* () {
        const { files } = yield* Packed
        const strangers = files.filter(
          (path) =>
            !/^dist\/.*\.js$|^dist\/.*\.d\.ts$|^src\/.*\.ts$|^languages\/[a-z]+\.json$|^migrations\/.*\.sql$/.test(
              path
            ) && !/^(package\.json|(README|CHANGELOG)\.md|LICENSE|NOTICE|lists\/common-passwords\.txt)$/.test(path)
        )
        assert.deepStrictEqual(strangers, [])
        for (const path of [
          ...[
            "package.json",
            "LICENSE",
            "NOTICE",
            "lists/common-passwords.txt",
            "languages/ja.json",
            "src/domain/Email.ts"
          ],
          ...["dist/bin/rekey.js", "dist/index.js", "dist/index.d.ts"]
        ]) {
          assert.include(files, path)
        }
      })
    )

    it.effect("doesn't name the Node that only this repository brings along, nor the machine that built it", () =>
      Effect.gen(function* () {
        const { files, folder } = yield* Packed
        for (const path of files) {
          const text = yield* Effect.promise(() => readFile(join(folder, path), "utf8"))
          assert.notMatch(text, /node-(linux|win|darwin)-/, path)
          assert.notInclude(text, process.cwd(), path)
        }
      })
    )

    it.effect("gives its layers and its contract to who imports it", () =>
      Effect.gen(function* () {
        const { folder } = yield* Packed
        const program = join(folder, "embeds.js")
        const text = `import { Api, ServerLayer } from "@rekey/server"; console.log(typeof ServerLayer, Object.keys(Api.groups).includes("recovery"))`
        const { stdout } = yield* Effect.promise(async () => {
          await writeFile(program, text)
          return promisify(execFile)(process.execPath, [program])
        })
        assert.strictEqual(stdout, "function true\n")
      })
    )

    for (const runtime of ["node", "bun", "deno"] as const) {
      it.effect(
        `goes from forgotten to signed in on ${runtime}, with and without a PostgreSQL`,
        () =>
          Effect.gen(function* () {
            const { folder } = yield* Packed
            const mails = yield* MailServer
            for (const database of [{}, { DATABASE_URL: Redacted.value(yield* emptyPostgres) }]) {
              const server = yield* startServer({
                command: `${commands[runtime]} ${join(folder, "dist/bin/rekey.js")}`,
                env: { SMTP_URL: mails.url, MAIL_FROM: "Rekey <rekey@example.com>", ...database }
              })
              const client = yield* clientOf(server.url)
              const ada = yield* client.register()
              yield* client.forgot(ada.email)
              const code = codeIn((yield* mails.next(ada.email)).parsed.text ?? "")
              assert.strictEqual((yield* client.reset(code, "a new long phrase")).status, 200)
              assertError(yield* client.signIn(ada.email, ada.password), 400, "InvalidCredentials")
              assert.strictEqual((yield* client.signIn(ada.username, "a new long phrase")).status, 200)
              assertError(yield* client.reset(code, "password1"), 403, "ResetCodeUsed")
              assert.strictEqual((yield* client.send("GET", "/docs")).status, 200)
              assert.deepStrictEqual(yield* server.stop(), { code: 0, signal: null }, server.output.stderr)
            }
          }),
        60_000
      )
    }
  }
)
