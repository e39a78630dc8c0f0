import { type ExecFileOptions, execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { assert, type Vitest } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { Browser } from "../support/browser.ts"
import { assertError, bearer, type Client, clientOf, textAt } from "../support/client.ts"
import { emptyPostgres } from "../support/databases.ts"
import { Packed } from "../support/packed.ts"
import { freePort, type ServerProcess, spawnServer, startServer } from "../support/server.ts"

const newPassword = "a new long phrase"
const tools = fileURLToPath(new URL("../../node_modules/.bin/", import.meta.url))

/** What an example's reader runs by a name: npm's script, or Deno's task. */
const scriptOf = (folder: string, name: string) =>
  Effect.promise(async () => {
    const [file, kind] = existsSync(join(folder, "package.json")) ? ["package.json", "scripts"] : ["deno.json", "tasks"]
    return String(JSON.parse(await readFile(join(folder, file), "utf8"))[kind][name])
  })

/** Runs a program to its end: what it printed; it fails where the program does. */
const execute = (program: string, args: ReadonlyArray<string>, options: ExecFileOptions = {}) =>
  Effect.promise(() =>
    promisify(execFile)(program, [...args], {
      ...options,
      encoding: "utf8",
      env: { PATH: `${tools}:${process.env.PATH}`, ...options.env }
    }).then(
      ({ stdout }) => stdout,
      (error: { readonly stdout?: string; readonly stderr?: string }) =>
        Promise.reject(new Error(`${args.join(" ")}: ${error.stdout}${error.stderr}`, { cause: error }))
    )
  )

/** The same for such a script. */
const run = Effect.fnUntraced(function* (folder: string, name: string, env: Record<string, string> = {}) {
  const script = yield* scriptOf(folder, name)
  return yield* execute("sh", ["-c", script], { cwd: folder, env: { HOME: folder, ...env } })
})

/** The code of the mail that was printed last, once it is there. */
const printedCode = (server: ServerProcess) =>
  Effect.map(server.waitFor("stdout", /[?&]code=([\w-]{43})/), ([, code = ""]) => code)

/** From registered, by forgotten, to signed in, as the reader of an example would go. */
const walk = Effect.fnUntraced(function* (server: ServerProcess, client: Client) {
  const ada = yield* client.register({ username: "ada" })
  assert.strictEqual((yield* client.forgot(ada.email)).status, 200)
  const code = yield* printedCode(server)
  assert.include(server.output.stdout, `${client.url}/reset-password?code=${code}`)
  assert.strictEqual((yield* client.reset(code, newPassword)).status, 200)
  assertError(yield* client.signIn(ada.email, ada.password), 400, "InvalidCredentials")
  assertError(yield* client.me(ada.jwt), 401, "Unauthenticated")
  assertError(yield* client.reset(code, newPassword), 403, "ResetCodeUsed")
  const signedIn = yield* client.signIn("ada", newPassword)
  assert.strictEqual(signedIn.status, 200)
  return textAt(signedIn, "jwt")
})

/** Whatever a host makes of requests, Rekey's own answers arrive. */
const assertOurErrors = Effect.fnUntraced(function* (client: Client) {
  const json = { "content-type": "application/json" }
  const forgot = (headers: Record<string, string>, body?: string) =>
    client.send("POST", "/auth/forgot-password", { headers, body })
  assertError(yield* client.get("/nowhere"), 404, "NotFound")
  const wrongMethod = yield* client.send("PUT", "/auth/forgot-password", { headers: json, body: "{}" })
  assertError(wrongMethod, 405, "MethodNotAllowed")
  assert.strictEqual(wrongMethod.headers.allow, "POST")
  assertError(yield* forgot(json, '{"email":'), 400, "InvalidRequest")
  assertError(yield* forgot(json, '{"email":7}'), 400, "InvalidRequest")
  assertError(yield* forgot({ "content-type": "text/plain" }, "email"), 415, "UnsupportedMediaType")
  assertError(yield* forgot(json, JSON.stringify({ email: "x".repeat(70_000) })), 413, "PayloadTooLarge")
  const german = yield* client.get("/users/me", { "accept-language": "de" })
  assertError(german, 401, "Unauthenticated")
  assert.strictEqual(german.headers["content-language"], "de")
  assert.strictEqual(german.headers["www-authenticate"], "Bearer")
})

/** Each example, with the packed package. */
export const examples = (it: Vitest.MethodsNonLive<Packed | Browser>): void => {
  it.effect("has the types that the examples take them for", () =>
    Effect.gen(function* () {
      const { example } = yield* Packed
      // Without Deno's, which would first install what declarations need.
      const folders = yield* Effect.forEach(["hono", "express", "fastify", "effect", "testing", "browser"], example)
      for (const folder of folders) assert.strictEqual(yield* scriptOf(folder, "check"), "tsc")
      // One compiler for all takes a third of the time of one for each.
      yield* execute("tsc", ["--build", ...folders])
    })
  )

  for (const [name, database] of [
    ["hono", "embedded"],
    ["express", "PostgreSQL"],
    ["fastify", "PostgreSQL"],
    ["deno", "embedded"]
  ] as const) {
    it.effect(
      `in examples/${name} answers below a path of its own`,
      () =>
        Effect.gen(function* () {
          const folder = yield* (yield* Packed).example(name)
          const command = `exec ${yield* scriptOf(folder, "start")}`
          const given = database === "embedded" ? {} : { DATABASE_URL: Redacted.value(yield* emptyPostgres) }
          const server = yield* startServer({
            folder,
            env: { DATA_DIR: "data", ...given },
            command,
            basePath: "/accounts"
          })
          const client = yield* clientOf(server.url)
          yield* walk(server, client)
          yield* assertOurErrors(client)
          // Told to this machine alone, so it was told where the request came from.
          assert.strictEqual((yield* client.get("/dev/inbox")).status, 200)
          const shop = yield* clientOf(new URL("/", server.url).href)
          assert.strictEqual((yield* shop.get("/")).text, "The shop is open.")
          assert.deepStrictEqual(yield* server.stop(), { code: 0, signal: null }, server.output.stderr)
        }),
      180_000
    )
  }

  it.effect(
    "in examples/effect has Rekey's endpoints among its own, and its customers are Rekey's accounts",
    () =>
      Effect.gen(function* () {
        const folder = yield* (yield* Packed).example("effect")
        const server = yield* startServer({
          folder,
          env: { DATA_DIR: "data" },
          command: `exec ${yield* scriptOf(folder, "start")}`
        })
        const client = yield* clientOf(server.url)
        assertError(yield* client.get("/customers/me"), 401, "Unauthenticated")
        const jwt = yield* walk(server, client)
        assert.deepStrictEqual((yield* client.get("/customers/me", bearer(jwt))).json, { number: 1001, name: "ada" })
        const taken = { username: "ada", email: "another@example.com", password: newPassword }
        assertError(yield* client.post("/auth/local/register", taken), 409, "AccountExists")
        const bob = yield* client.register({ username: "bob" })
        assert.deepInclude((yield* client.get("/customers/me", bearer(bob.jwt))).json, { name: "bob" })
        const forget = join(folder, "forget.ts")
        const said = yield* execute("node", [forget, server.url, bob.email])
        assert.strictEqual(said, "If there is such an account, a code is on its way.\n")
        yield* server.waitFor("stdout", new RegExp(`Mail to ${bob.email}: Reset`))
        const { json } = yield* client.get("/openapi.json")
        assert.containsAllKeys((json as { readonly paths: object }).paths, ["/customers/me", "/auth/reset-password"])
        // What Effect ends an interrupted program with.
        assert.deepStrictEqual(yield* server.stop(), { code: 130, signal: null }, server.output.stderr)
      }),
    180_000
  )

  it.effect(
    "examples/testing tests an application, with a mailer and a clock of its own",
    () =>
      Effect.gen(function* () {
        const folder = yield* (yield* Packed).example("testing")
        const report = yield* run(folder, "test")
        assert.match(report, /pass 4\b/)
        assert.match(report, /fail 0\b/)
      }),
    180_000
  )

  it.effect(
    "examples/browser leads from forgotten to signed in in Chromium, from an origin of its own",
    () =>
      Effect.gen(function* () {
        const folder = yield* (yield* Packed).example("browser")
        const port = yield* freePort
        const origin = `http://127.0.0.1:${port}`
        const rekey = yield* startServer({
          folder,
          command: "exec rekey",
          env: { CORS_ORIGINS: origin, RESET_URL: `${origin}/` }
        })
        yield* run(folder, "build", { VITE_REKEY_URL: rekey.url })
        const pages = yield* spawnServer({ folder, command: `exec vite preview --host 127.0.0.1 --port ${port}` })
        yield* pages.waitFor("stdout", new RegExp(`:${port}/`))

        const page = yield* (yield* Browser).newPage()
        const complaints: Array<string> = []
        page.on("pageerror", (error) => complaints.push(error.message))
        /** Fills a form, sends it, and reads what it says. */
        const send = (form: string, fields: Record<string, string>) =>
          Effect.promise(async () => {
            for (const [name, text] of Object.entries(fields)) await page.fill(`#${form} [name=${name}]`, text)
            await page.click(`#${form} button`)
            const output = page.locator(`#${form} output:not(:empty)`)
            const said = await output.innerText()
            await output.evaluate((element) => element.replaceChildren())
            return said
          })
        const open = (path: string) => Effect.promise(() => page.goto(`${origin}${path}`))

        yield* open("/")
        const ada = { username: "ada", email: "ada@example.com", password: "an old long phrase" }
        assert.strictEqual(
          yield* send("register", { ...ada, password: "short" }),
          "The password must have at least 8 characters."
        )
        assert.strictEqual(yield* send("register", ada), "Welcome, ada.")
        assert.strictEqual(
          yield* send("forgot", { email: ada.email }),
          "If there is such an account, a code is on its way."
        )
        const code = yield* printedCode(rekey)
        assert.include(rekey.output.stdout, `${origin}/?code=${code}`)
        yield* open(`/?code=${code}`)
        assert.strictEqual(page.url(), `${origin}/`)
        const both = (password: string) => ({ password, passwordConfirmation: password })
        assert.strictEqual(
          yield* send("reset", { ...both(newPassword), password: "another" }),
          "The two passwords differ."
        )
        assert.strictEqual(yield* send("reset", both(newPassword)), "Your password is changed.")
        assert.strictEqual(
          yield* send("sign-in", { identifier: "ada", password: ada.password }),
          "Wrong e-mail address, user name or password."
        )
        assert.strictEqual(
          yield* send("sign-in", { identifier: "ada", password: newPassword }),
          "You are ada@example.com."
        )
        assert.isEmpty(complaints)
      }),
    180_000
  )
}
