import { execFile, execFileSync, spawn } from "node:child_process"
import { closeSync, openSync } from "node:fs"
import { readdir, readFile, writeFile } from "node:fs/promises"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { promisify } from "node:util"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import { assertError, clientOf } from "../support/client.ts"
import { emptyPostgres } from "../support/databases.ts"
import { freePort, spawnServer, startServer } from "../support/server.ts"
import { codeIn } from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"
import { deployed, replaced, withTwoRoles } from "./deployed.ts"
import { temporaryFolder } from "./samples.ts"

const run = promisify(execFile)
const path = `${process.env.PATH}${delimiter}/usr/sbin`

const has = (program: string): boolean => {
  try {
    execFileSync("which", [program], { env: { PATH: path }, stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy()
      resolve(true)
    }).on("error", () => resolve(false))
  })

/** A proxy in the foreground, listening. `stop` lets it finish what is under way, and gives all that is in the folder's logs then. */
const startProxy = Effect.fnUntraced(function* (
  folder: string,
  port: number,
  command: string,
  ...parameters: ReadonlyArray<string>
) {
  const logs = Effect.promise(async () => {
    const files = (await readdir(folder)).filter((file) => file.endsWith(".log"))
    return (await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")))).join("\n")
  })
  const { child, ended } = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const said = openSync(join(folder, "said.log"), "a")
      const child = spawn(command, parameters, { env: { PATH: path, HOME: tmpdir() }, stdio: ["ignore", said, said] })
      closeSync(said)
      return { child, ended: new Promise<void>((resolve) => child.once("exit", () => resolve())) }
    }),
    ({ child, ended }) =>
      Effect.promise(async () => {
        // So that nginx ends its workers too.
        child.kill("SIGTERM")
        await Promise.race([ended, setTimeout(5000)])
        child.kill("SIGKILL")
        await ended
      })
  )
  yield* Effect.promise(async (signal) => {
    // Node's own timer, since in a test Effect's clock stands still.
    while (!(await listens(port))) await setTimeout(50, undefined, { signal })
  }).pipe(
    Effect.raceFirst(
      Effect.andThen(
        Effect.promise(() => ended),
        Effect.flatMap(logs, (logs) => Effect.die(`${command} ended: ${logs}`))
      )
    )
  )
  return {
    stop: Effect.sync(() => child.kill("SIGQUIT")).pipe(
      Effect.andThen(Effect.promise(() => ended)),
      Effect.andThen(logs)
    )
  }
})

const nginx = Effect.fnUntraced(function* (port: number, server: string) {
  const folder = yield* temporaryFolder
  const site = replaced(yield* deployed("nginx.conf"), {
    "127.0.0.1:1337": server,
    // Without TLS, for which it would take a certificate.
    "listen 443 ssl;": `listen 127.0.0.1:${port};`,
    "ssl_certificate /etc/ssl/accounts.example.com.pem;": "",
    "ssl_certificate_key /etc/ssl/accounts.example.com.key;": "",
    "/var/log/nginx/rekey.log": join(folder, "rekey.log"),
    "/var/log/nginx/rekey-error.log": join(folder, "error.log")
  })
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${join(folder, kind)};`
  )
  const user = process.getuid?.() === 0 ? "user root; " : "" // who may look into the folder
  const config = `${user}daemon off; pid ${join(folder, "pid")}; error_log ${join(folder, "start.log")}; events {}
http { ${temporary.join(" ")}\n${site} }`
  yield* Effect.promise(() => writeFile(join(folder, "nginx.conf"), config))
  const files = ["-e", join(folder, "start.log"), "-c", join(folder, "nginx.conf")]
  return yield* startProxy(folder, port, "nginx", "-p", folder, ...files)
})

const caddy = Effect.fnUntraced(function* (port: number, server: string) {
  const folder = yield* temporaryFolder
  const config = replaced(yield* deployed("Caddyfile"), {
    // Nor its door for whoever administers it, which the machine's own Caddy may have.
    "\n{\n": "\n{\n\tadmin off\n",
    "127.0.0.1:1337": server,
    "accounts.example.com {": `http://127.0.0.1:${port} {`,
    "/var/log/caddy/rekey.log": join(folder, "rekey.log")
  })
  const file = join(folder, "Caddyfile")
  yield* Effect.promise(() => writeFile(file, config))
  return yield* startProxy(folder, port, "caddy", "run", "--config", file, "--adapter", "caddyfile")
})

layer(MailServer.layer, { excludeTestServices: true })("behind a proxy, as shipped", (it) => {
  for (const [program, proxy] of Object.entries({ nginx, caddy })) {
    it.effect.skipIf(!has(program))(
      `${program} logs no code, also while nobody is behind it, and says where a request came from, whatever the client says`,
      () =>
        Effect.gen(function* () {
          const mails = yield* MailServer
          const port = yield* freePort
          const database = Redacted.value(yield* emptyPostgres)
          const server = yield* startServer({
            env: {
              PUBLIC_URL: `http://127.0.0.1:${port}`,
              TRUSTED_PROXIES: "127.0.0.1",
              AUDIT_ADDRESS: "whole",
              DATABASE_URL: database,
              SMTP_URL: mails.url,
              MAIL_FROM: "rekey@example.com"
            }
          })
          const { stop } = yield* proxy(port, new URL(server.url).host)
          const client = yield* clientOf(`http://127.0.0.1:${port}`, { keepAlive: false })
          const ada = yield* client.register()
          const lies = { "x-forwarded-for": "203.0.113.7", forwarded: "for=203.0.113.8" }
          yield* client.post("/auth/forgot-password", { email: ada.email }, lies)
          const code = codeIn((yield* mails.next(ada.email)).parsed.text ?? "")
          assert.strictEqual((yield* client.get(`/reset-password?code=${code}`)).status, 303)
          assert.strictEqual((yield* client.reset(code, "a new long phrase")).status, 200)
          assert.strictEqual((yield* client.get("/metrics")).status, 404)
          const tooLong = { ...ada, username: "x".repeat(70_000) }
          assertError(yield* client.post("/auth/local/register", tooLong), 413, "PayloadTooLarge")

          const addresses = yield* PgClient.makeClient({ url: Redacted.make(database) }).pipe(
            Effect.flatMap(
              (sql) =>
                sql<{
                  readonly address: string
                }>`select distinct client_address as address from audit where client_address is not null`
            ),
            Effect.scoped,
            Effect.provide(Reactivity.layer)
          )
          assert.deepStrictEqual(
            addresses.map(({ address }) => address),
            ["127.0.0.1"]
          )

          // While Rekey is restarted its mails are opened all the same, with codes that live.
          yield* server.stop()
          const link = `/reset-password?code=${code}`
          assert.strictEqual((yield* client.get(link, { referer: `http://127.0.0.1:${port}${link}` })).status, 502)

          const logged = yield* stop
          assert.include(logged, "/reset-password")
          assert.notInclude(logged, code)
        }),
      60_000
    )
  }
})

describe("systemd", () => {
  it.skipIf(!has("systemd-analyze"))("finds nothing to say about the unit", async () => {
    const { stderr, stdout } = await run("systemd-analyze", [
      "verify",
      new URL("../../deploy/rekey.service", import.meta.url).pathname
    ])
    assert.strictEqual(stdout + stderr, "")
  })
})

layer(MailServer.layer, { excludeTestServices: true })("two roles in PostgreSQL, as shipped", (it) => {
  it.effect(
    "the service changes rows of tables that its own role may not change",
    () =>
      Effect.gen(function* () {
        const mails = yield* MailServer
        const { asSuperuser, owner, service } = yield* withTwoRoles
        const mail = { SMTP_URL: mails.url, MAIL_FROM: "rekey@example.com" }

        // Without the tables, and without the right to make them: a line, and the end.
        const early = yield* spawnServer({ env: { DATABASE_URL: service } })
        assert.strictEqual((yield* early.exit).code, 1)
        assert.match(early.output.stderr, /^The migration \S+ failed, and nothing was changed: permission denied/m)

        yield* (yield* startServer({ env: { DATABASE_URL: owner } })).stop()

        const server = yield* startServer({ env: { DATABASE_URL: service, ...mail } })
        const client = yield* clientOf(server.url)
        const ada = yield* client.register()
        yield* client.forgot(ada.email)
        const code = codeIn((yield* mails.next(ada.email)).parsed.text ?? "")
        assert.strictEqual((yield* client.reset(code, "a new long phrase")).status, 200)
        assert.strictEqual((yield* client.signIn(ada.email, "a new long phrase")).status, 200)
        // The clean-up and the outbox have what they need too.
        yield* mails.next(ada.email)
        assert.notMatch(server.output.stderr, /permission denied/)

        const [refused] = yield* asSuperuser(
          `select has_table_privilege('${new URL(service).username}', 'users', 'truncate') as truncate, has_schema_privilege('${new URL(service).username}', 'public', 'create') as create`
        )
        assert.deepStrictEqual(refused, { truncate: false, create: false })
      }),
    60_000
  )
})
