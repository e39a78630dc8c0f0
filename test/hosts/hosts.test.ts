import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer, Logger, Option, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { afterAll } from "vitest"
import * as PostgresClient from "../../src/sql/PostgresClient.ts"
import { assertError } from "../support/client.ts"
import { emptyPostgres, roleOn } from "../support/databases.ts"
import { grantTo, hostSettings } from "../support/hosting.ts"
import { spawnServer } from "../support/server.ts"
import { startService } from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"
import { type HostApplication, hosts, type Person, type Session } from "./hosts.ts"

/** With letters that have another form in NFD, and one that NFKC takes apart: a host that normalises shows it. */
const newPassword = "ein längerer, neuer Satz mit ﬁ"

const person = (name: string): Person => ({
  username: name,
  email: `${name}@example.com`,
  password: `an old long phrase of ${name}`
})

/** The host, in a process of its own, on a database of its own. */
const startHost = Effect.fnUntraced(function* (host: HostApplication, databaseUrl: string) {
  const server = yield* spawnServer({
    command: host.command,
    env: { DATABASE_URL: databaseUrl, ...host.environment }
  })
  const ask = (path: string, { body, headers }: { readonly body?: unknown; readonly headers?: Session } = {}) =>
    fetch(server.url + path, {
      method: body === undefined ? "GET" : "POST",
      headers: { accept: "application/json", "content-type": "application/json", origin: server.url, ...headers },
      redirect: "manual",
      ...(body !== undefined && { body: JSON.stringify(body) })
    })
  const listening = Effect.promise(async () => {
    while (true) {
      try {
        return await ask("/")
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
  })
  yield* Effect.raceFirst(
    listening,
    Effect.flatMap(server.exit, (exit) =>
      Effect.die(new Error(`${host.name} ended: ${JSON.stringify(exit)}\n${server.output.stderr}`))
    )
  )
  const of = (given: Promise<Response>) => Effect.promise(() => given)
  const signIn = (who: Person) => of(host.signIn(ask, who))
  return {
    register: Effect.fnUntraced(function* (who: Person) {
      const { status } = yield* of(host.register(ask, who))
      assert.oneOf(status, [200, 201], `${host.name} makes no account`)
    }),
    /** The status of the answer to a sign-in. */
    signIn: (who: Person) => Effect.map(signIn(who), ({ status }) => status),
    session: Effect.fnUntraced(function* (who: Person) {
      const answer = yield* signIn(who)
      assert.oneOf(answer.status, [200, 201], `${host.name} lets ${who.username} not in`)
      return yield* Effect.promise(() => host.sessionIn(answer))
    }),
    goesOn: (session: Session) => Effect.promise(() => host.goesOn(ask, session))
  }
})

/** Rekey beside it, as the role of `rekey grants`. */
const startRekey = Effect.fnUntraced(function* (host: HostApplication, url: Redacted.Redacted) {
  const client = yield* Layer.build(PostgresClient.layer({ url, poolSize: 2, prepare: false }))
  const sql = Context.get(client, SqlClient.SqlClient)
  const role = yield* roleOn(url)
  const { hashing, preset, users } = yield* hostSettings(host.variables, role.url)
  yield* Effect.provideService(grantTo(role.name, preset), SqlClient.SqlClient, sql)
  return yield* startService({
    settings: { databaseUrl: Option.some(role.url), users, registration: false, hashing }
  }).pipe(Effect.provideService(SqlClient.SqlClient, sql))
})

/** What the host said to who came with which password, and whether a session went on: a row of docs/presets.md each. */
const said: Array<readonly [version: string, ...answers: ReadonlyArray<string>]> = []

const row = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`

afterAll(() => {
  const head = ["host", "before", "… its session", "after: new password", "former password", "session from before"]
  console.log([row(head), row(head.map(() => "---")), ...said.map(row)].join("\n"))
})

const isIn = (status: number) => status === 200 || status === 201
const words = (goesOn: boolean) => (goesOn ? "goes on" : "has ended")

layer(Layer.merge(MailServer.layer, Logger.layer([])), { excludeTestServices: true })("on the host itself", (it) => {
  for (const host of hosts) {
    it.effect(
      `${host.name}: whom Rekey resets it lets in with the new password alone, and ends the sessions from before`,
      (context) =>
        Effect.gen(function* () {
          const missing = yield* Effect.promise(host.missing)
          if (missing !== undefined) {
            console.log(`${host.name} is left out, because ${missing}.`)
            return context.skip(missing)
          }
          const url = yield* emptyPostgres
          const at = yield* startHost(host, Redacted.value(url))
          const [ada, bob] = [person("ada"), person("bob")]
          yield* at.register(ada)
          yield* at.register(bob)
          const before = yield* at.signIn(ada)
          assert.isTrue(isIn(before))
          const [adas, bobs] = [yield* at.session(ada), yield* at.session(bob)]
          const wentOn = yield* at.goesOn(adas)
          assert.isTrue(wentOn)

          const { codeFor, reset, signIn } = yield* startRekey(host, url)
          assert.strictEqual((yield* signIn(ada.email, ada.password)).status, 200)
          assertError(yield* signIn(ada.email, "not the password"), 400, "InvalidCredentials")
          const answer = yield* reset(yield* codeFor(ada.email), newPassword)
          assert.strictEqual(answer.status, 200, answer.text)

          const renewed = { ...ada, password: newPassword }
          const goesOn = yield* at.goesOn(adas)
          const [withNew, withFormer] = [yield* at.signIn(renewed), yield* at.signIn(ada)]
          const answers = [`${before}`, words(wentOn), `${withNew}`, `${withFormer}`, words(goesOn)]
          said.push([host.version(), ...answers])
          assert.deepStrictEqual([isIn(withNew), isIn(withFormer), goesOn], [true, false, false], answers.join(", "))
          assert.isTrue(yield* at.goesOn(yield* at.session(renewed)))
          assert.isTrue(yield* at.goesOn(bobs))
          assert.isTrue(isIn(yield* at.signIn(bob)))

          // The host may have made the hash anew meanwhile.
          assert.strictEqual((yield* signIn(ada.email, newPassword)).status, 200)
          assertError(yield* signIn(ada.email, ada.password), 400, "InvalidCredentials")
          assert.isTrue(isIn(yield* at.signIn(renewed)))
        }),
      600_000
    )
  }
})
