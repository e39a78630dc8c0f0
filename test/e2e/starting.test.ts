import { createServer } from "node:net"
import { assert, layer } from "@effect/vitest"
import { Effect, Logger, Redacted } from "effect"
import { assertError, clientOf } from "../support/client.ts"
import { emptyPostgres } from "../support/databases.ts"
import { type ServerOptions, spawnServer, startServer } from "../support/server.ts"

/** How a start that is refused ends, and what it says, a line an item. */
const refused = Effect.fnUntraced(function* (env: NonNullable<ServerOptions["env"]>) {
  const server = yield* spawnServer({ env })
  const { code } = yield* server.exit
  return { code, lines: server.output.stderr.trimEnd().split("\n") }
})

layer(Logger.layer([]), { excludeTestServices: true })("starting", (it) => {
  it.effect("a newcomer is told the address, the inbox, what is waited for, and what to type next", () =>
    Effect.gen(function* () {
      const server = yield* startServer({ runtime: "node" })
      yield* server.waitFor("stdout", /curl .*register/)
      const { stdout } = server.output
      assert.include(stdout, `Rekey listens on ${server.url}`)
      assert.match(stdout, /Opening the embedded database in .*\/data\.\.\./)
      assert.include(stdout, `${server.url}/dev/inbox`)
    })
  )

  it.effect("each wrong or missing setting has a line, all of them at once, and none shows a secret", () =>
    Effect.gen(function* () {
      const { code, lines } = yield* refused({
        NODE_ENV: "production",
        PORT: "banana",
        RESET_CODE_TTL: "soon",
        APP_SECRET: "too short a secret"
      })
      assert.strictEqual(code, 1)
      assert.deepStrictEqual(lines.map((line) => line.split(" ")[0]).sort(), [
        "APP_SECRET",
        "MAIL_FROM",
        "PORT",
        "PUBLIC_URL",
        "RESET_CODE_TTL",
        "SMTP_URL"
      ])
      assert.notInclude(lines.join(), "too short a secret")
    })
  )

  it.effect("a port that another process has is one line", () =>
    Effect.gen(function* () {
      const port = yield* Effect.acquireRelease(
        Effect.callback<number>((resume) => {
          const other = createServer().listen(0, "127.0.0.1", () => {
            const address = other.address()
            resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
          })
          return Effect.sync(() => other.close())
        }),
        () => Effect.void
      )
      const { code, lines } = yield* refused({ PORT: String(port), DATABASE_URL: "postgres://nobody@127.0.0.1:1/x" })
      assert.strictEqual(code, 1)
      const told = lines.filter((line) => line.startsWith(`PORT ${port} of HOST 127.0.0.1 can't be listened on`))
      assert.lengthOf(told, 1, lines.join("\n"))
    })
  )

  it.effect("a second process on one folder is refused in one line, and a killed one leaves nothing in the way", () =>
    Effect.gen(function* () {
      const first = yield* startServer()
      const ada = yield* Effect.flatMap(clientOf(first.url), (client) => client.register())
      const { code, lines } = yield* refused({ DATA_DIR: first.dataDir })
      assert.strictEqual(code, 1)
      assert.lengthOf(lines, 1)
      assert.include(lines[0], `DATA_DIR ${first.dataDir}`)

      assert.strictEqual((yield* first.stop("SIGKILL")).signal, "SIGKILL")
      const second = yield* startServer({ env: { DATA_DIR: first.dataDir } })
      const client = yield* clientOf(second.url)
      assert.strictEqual((yield* client.signIn(ada.email, ada.password)).status, 200)
      assert.strictEqual((yield* client.me(ada.jwt)).status, 200)
    })
  )

  it.effect("two processes that start at once on an empty database both serve it", () =>
    Effect.gen(function* () {
      const secret = "a secret that both of them have got"
      const env = { DATABASE_URL: Redacted.value(yield* emptyPostgres), APP_SECRET: secret }
      const servers = yield* Effect.all([startServer({ env }), startServer({ env })], { concurrency: 2 })
      const [one, other] = yield* Effect.all([clientOf(servers[0].url), clientOf(servers[1].url)])
      const ada = yield* one.register()
      assert.strictEqual((yield* other.me(ada.jwt)).status, 200)
    })
  )

  it.effect("a process whose database isn't there listens, says so, and ends at once when it is told to", () =>
    Effect.gen(function* () {
      const server = yield* spawnServer({ env: { DATABASE_URL: "postgres://nobody@127.0.0.1:1/x" } })
      yield* server.waitFor("stderr", /can't be used now/)
      yield* server.waitFor("stdout", /listens on/)
      const client = yield* clientOf(server.url)
      assert.strictEqual((yield* client.get("/health")).status, 200)
      assertError(yield* client.get("/ready"), 503, "Unavailable")
      assertError(yield* client.forgot("ada@example.com"), 503, "Unavailable")
      assert.deepStrictEqual(yield* server.stop("SIGINT"), { code: 0, signal: null })
    })
  )
})
