import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer, Logger, Option, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { settingsFrom } from "../../src/settings.ts"
import * as PostgresClient from "../../src/sql/PostgresClient.ts"
import { assertError } from "../support/client.ts"
import { placeWith } from "../support/commandLine.ts"
import { emptyPostgres, roleOn } from "../support/databases.ts"
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
    letsIn: (who: Person) => Effect.map(signIn(who), ({ status }) => status === 200 || status === 201),
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
  const { done } = yield* placeWith({ ...host.variables, DATABASE_URL: Redacted.value(url) })
  const grants = (yield* done("grants", "--role", role.name)).split(/;\n/).filter((statement) => statement !== "")
  yield* Effect.orDie(Effect.forEach(grants, (statement) => sql.unsafe(statement)))
  const { hashing, users } = yield* Effect.orDie(
    settingsFrom({ ...host.variables, DATABASE_URL: Redacted.value(role.url) })
  )
  return yield* startService({
    settings: { databaseUrl: Option.some(role.url), users, registration: false, hashing }
  }).pipe(Effect.provideService(SqlClient.SqlClient, sql))
})

layer(Layer.merge(MailServer.layer, Logger.layer([])), { excludeTestServices: true })("on the host itself", (it) => {
  for (const host of hosts) {
    it.effect(
      `${host.name}: whom Rekey resets it lets in with the new password alone, and ends the sessions from before`,
      (context) =>
        Effect.gen(function* () {
          const missing = yield* Effect.promise(host.missing)
          if (missing !== undefined) {
            console.warn(`${host.name} isn't tried: missing is ${missing}`)
            return context.skip(missing)
          }
          const url = yield* emptyPostgres
          const { goesOn, letsIn, register, session } = yield* startHost(host, Redacted.value(url))
          const [ada, bob] = [person("ada"), person("bob")]
          yield* register(ada)
          yield* register(bob)
          const [before, bobs] = [yield* session(ada), yield* session(bob)]
          assert.isTrue(yield* goesOn(before))

          const { codeFor, reset, signIn } = yield* startRekey(host, url)
          assert.strictEqual((yield* signIn(ada.email, ada.password)).status, 200)
          assertError(yield* signIn(ada.email, "not the password"), 400, "InvalidCredentials")
          const answer = yield* reset(yield* codeFor(ada.email), newPassword)
          assert.strictEqual(answer.status, 200, answer.text)

          const renewed = { ...ada, password: newPassword }
          assert.isFalse(yield* goesOn(before))
          assert.isFalse(yield* letsIn(ada))
          assert.isTrue(yield* letsIn(renewed))
          assert.isTrue(yield* goesOn(yield* session(renewed)))
          assert.isTrue(yield* goesOn(bobs))
          assert.isTrue(yield* letsIn(bob))

          // The host may have made the hash anew meanwhile.
          assert.strictEqual((yield* signIn(ada.email, newPassword)).status, 200)
          assertError(yield* signIn(ada.email, ada.password), 400, "InvalidCredentials")
          assert.isTrue(yield* letsIn(renewed))
        }),
      600_000
    )
  }
})
