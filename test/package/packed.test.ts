import { execFile } from "node:child_process"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { publint } from "publint"
import { rolldown } from "rolldown"
import { Browser } from "../support/browser.ts"
import { assertError, clientOf } from "../support/client.ts"
import { emptyPostgres } from "../support/databases.ts"
import { Packed } from "../support/packed.ts"
import { startServer } from "../support/server.ts"
import { codeIn } from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"
import { examples } from "./examples.ts"

const project = fileURLToPath(new URL("../../", import.meta.url))

const commands = { node: "exec", bun: "exec bun", deno: "exec deno run --allow-all" } as const

layer(Layer.merge(Packed.layer, MailServer.layer), { excludeTestServices: true, timeout: 120_000 })(
  "the packed package",
  (it) => {
    it.effect("carries the service, its sources and its papers alone", () =>
      Effect.gen(function* () {
        const { files } = yield* Packed
        const strangers = files.filter(
          (path) =>
            !/^dist\/.*\.js$|^dist\/.*\.d\.ts(\.map)?$|^src\/.*\.ts$|^languages\/[a-z]+\.json$|^migrations\/.*\.sql$|^prepared\/.*\.tar\.zst$/.test(
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
          ...["dist/bin/rekey.js", "dist/index.js", "dist/index.d.ts"],
          ...["api", "client", "testing"].flatMap((entry) => [`dist/${entry}/index.js`, `dist/${entry}/index.d.ts`])
        ]) {
          assert.include(files, path)
        }
        assert.lengthOf(
          files.filter((path) => path.startsWith("prepared/")),
          1
        )
      })
    )

    it.effect("doesn't name the Node that only this repository brings along, nor the machine that built it", () =>
      Effect.gen(function* () {
        const { files, folder } = yield* Packed
        for (const path of files.filter((path) => !path.startsWith("prepared/"))) {
          const text = yield* Effect.promise(() => readFile(join(folder, path), "utf8"))
          assert.notMatch(text, /node-(linux|win|darwin)-/, path)
          assert.notInclude(text, process.cwd(), path)
        }
      })
    )

    it.effect("names the files of its declarations as those of its code, which Deno asks for", () =>
      Effect.gen(function* () {
        const { files, folder } = yield* Packed
        for (const path of files.filter((path) => path.endsWith(".d.ts"))) {
          assert.notMatch(
            yield* Effect.promise(() => readFile(join(folder, path), "utf8")),
            /"\.{1,2}\/[^"\n]+\.ts"/,
            path
          )
        }
      })
    )

    it.effect("has entries whose code and types every resolver finds", () =>
      Effect.gen(function* () {
        const { folder, tarball } = yield* Packed
        const { messages } = yield* Effect.promise(() => publint({ pkgDir: folder, strict: true }))
        assert.deepStrictEqual(messages, [])
        const tool = join(project, "node_modules", ".bin", "attw")
        const { stdout } = yield* Effect.promise(() =>
          promisify(execFile)(tool, [tarball, "--profile", "esm-only", "--format", "ascii"])
        )
        // What old resolvers, and those that can't read ESM, make of it is ignored, and said to be.
        const verdicts = stdout
          .split("\n")
          .filter((line) => /^(node|bundler)/.test(line) && !line.includes("(ignored)"))
        assert.isAtLeast(verdicts.length, 8, stdout)
        assert.deepStrictEqual(
          verdicts.filter((line) => !line.includes("🟢")),
          []
        )
      })
    )

    it.effect("gives each entry what it says, and loads no more for it than it needs", () =>
      Effect.gen(function* () {
        const { folder } = yield* Packed
        /** What an entry exports, and which packages are loaded with it. */
        const imported = Effect.fnUntraced(function* (entry: string) {
          const program = join(folder, "imports.js")
          const text = `import { registerHooks } from "node:module"
const packages = new Set()
registerHooks({ load: (url, context, next) => {
  const name = /.*node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1] ?? (url.startsWith("node:") ? url : undefined)
  if (name !== undefined) packages.add(name)
  return next(url, context)
} })
const names = Object.keys(await import(${JSON.stringify(entry)}))
console.log(JSON.stringify({ names, packages: [...packages] }))`
          const { stdout } = yield* Effect.promise(async () => {
            await writeFile(program, text)
            return promisify(execFile)(process.execPath, [program])
          })
          return JSON.parse(stdout) as Record<"names" | "packages", ReadonlyArray<string>>
        })
        const server = yield* imported("@rekey/server")
        assert.includeMembers([...server.names], ["Api", "HandlersLayer", "ServerLayer", "startRekey"])
        const api = yield* imported("@rekey/server/api")
        assert.includeMembers([...api.names], ["Api", "RekeyClient"])
        assert.deepStrictEqual(
          api.packages.filter(
            (name) => name.startsWith("node:") || /platform-node|sql|pglite|argon2|nodemailer|jose/.test(name)
          ),
          []
        )
        const client = yield* imported("@rekey/server/client")
        assert.sameMembers([...client.names], ["createClient", "RekeyError"])
        assert.deepStrictEqual(client.packages, [])
        const testing = yield* imported("@rekey/server/testing")
        assert.includeMembers([...testing.names], ["Mailbox", "startTestRekey", "timePasses"])
      })
    )

    it.effect(
      "has a contract that carries no code of the server, and takes less than 45 kB beside what it imports",
      () =>
        Effect.gen(function* () {
          const { folder } = yield* Packed
          const { code, imports, moduleIds } = yield* Effect.promise(async () => {
            const bundle = await rolldown({
              input: join(folder, "dist/api/index.js"),
              platform: "browser",
              external: (id) => !/^[./]/.test(id)
            })
            const { output } = await bundle.generate({ format: "esm", minify: true, codeSplitting: false })
            await bundle.close()
            return output[0]
          })
          const places = new Set(moduleIds.map((id) => /\/dist\/(\w+)\//.exec(id)?.[1] ?? id))
          assert.sameMembers([...places], ["api", "domain", "language"])
          assert.deepStrictEqual(
            imports.filter((name) => !/^(effect(\/|$)|intl-messageformat$)/.test(name)),
            []
          )
          assert.isAtMost(Buffer.byteLength(code), 45_000)
        })
    )

    it.effect("has a client of less than 3,000 bytes, built and minified, and before it is compressed", () =>
      Effect.gen(function* () {
        const { folder } = yield* Packed
        const bytes = yield* Effect.promise(async () => {
          const bundle = await rolldown({ input: join(folder, "dist/client/index.js"), platform: "browser" })
          const { output } = await bundle.generate({ format: "esm", minify: true })
          await bundle.close()
          return Buffer.byteLength(output[0].code)
        })
        assert.isBelow(bytes, 3000)
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

    it.layer(Browser.layer, { timeout: 120_000 })("beside the examples", examples)
  }
)
