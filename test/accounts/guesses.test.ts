import { NodeCrypto } from "@effect/platform-node"
import { assert } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { GuessLimits } from "../../src/accounts/GuessLimits.ts"
import { Busy } from "../../src/domain/Failure.ts"
import { trustedProxy } from "../../src/http/clientAddress.ts"
import { AppSecret } from "../../src/secrets/AppSecret.ts"
import { Pseudonyms } from "../../src/secrets/Pseudonyms.ts"
import * as RateLimitsSql from "../../src/sql/RateLimitsSql.ts"
import { WatchedHasher } from "../passwords/doubles.ts"
import { type Answer, assertError, bearer, type Client, textAt } from "../support/client.ts"
import { onEachDatabase } from "../support/databases.ts"
import { onBothDatabases, Service, testSettings, timePasses } from "../support/service.ts"

const settings = { rateLimit: true, trustedProxies: [Option.getOrThrow(trustedProxy("127.0.0.1"))] }
const password = "an old long phrase"

let clients = 0
/** The address of a client that nobody was before. */
const somewhere = () => `2001:db8:${(clients++).toString(16)}::1`

const signIn = (client: Client, address: string, identifier: string, password: string) =>
  client.post("/auth/local", { identifier, password }, { "x-forwarded-for": address })

const guess = (client: Client, address: string, identifier: string) =>
  signIn(client, address, identifier, `a wrong phrase ${address}`)

/** Somebody who registers from an address of their own. */
const register = Effect.fnUntraced(function* (client: Client) {
  const username = `guessed${clients}`
  const email = `${username}@example.com`
  const answer = yield* client.post(
    "/auth/local/register",
    { username, email, password },
    { "x-forwarded-for": somewhere() }
  )
  return { username, email, jwt: textAt(answer, "jwt") }
})

const assertWaits = (answer: Answer) => {
  assertError(answer, 429, "RateLimited")
  const seconds = Number(answer.headers["retry-after"])
  assert.isTrue(Number.isInteger(seconds) && seconds >= 1 && seconds <= 900, answer.headers["retry-after"])
}

const times = (count: number) => Array.from({ length: count }, (_, index) => index)

onBothDatabases("guesses at a password", Service.layerWatched({ settings }), (it) => {
  it.effect("are five from one client, then the client waits and nobody else does", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { asked } = yield* WatchedHasher
      const { email } = yield* register(service)
      const attacker = somewhere()
      for (const _ of times(5)) assertError(yield* guess(service, attacker, email), 400, "InvalidCredentials")
      const before = asked.length
      assertWaits(yield* guess(service, attacker, email))
      assertWaits(yield* signIn(service, attacker, email, password)) // the right one tells nothing either
      assert.strictEqual(asked.length, before) // nothing was looked at
      assert.strictEqual((yield* signIn(service, somewhere(), email, password)).status, 200)
      assertWaits(yield* signIn(service, attacker, email, password)) // another's success opens nothing for the attacker
      yield* timePasses("15 minutes")
      assert.strictEqual((yield* signIn(service, attacker, email, password)).status, 200)
    })
  )

  it.effect("are the same for an account that doesn't exist (C5)", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { asked } = yield* WatchedHasher
      const { email } = yield* register(service)
      const told = Effect.fnUntraced(function* (identifier: string) {
        const address = somewhere()
        const before = asked.length
        const answers = yield* Effect.forEach(times(8), () => guess(service, address, identifier))
        return {
          hashes: asked.length - before,
          answers: answers.map(
            ({
              headers: { "retry-after": _, "ratelimit-reset": __, "x-request-id": ___, date: ____, ...headers },
              status,
              text
            }) => ({ headers, status, text })
          )
        }
      })
      assert.deepStrictEqual(yield* told(email), yield* told("nobody@example.com"))
      assert.deepStrictEqual(yield* told("nobody"), yield* told(`${email}x`))
    })
  )

  it.effect("are counted by the account's name however it is spelt (E2)", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { email } = yield* register(service)
      const attacker = somewhere()
      for (const spelt of [email, email.toUpperCase(), ` ${email}`, `${email} `, email]) {
        assert.strictEqual((yield* guess(service, attacker, spelt)).status, 400)
      }
      assertWaits(yield* guess(service, attacker, email))
    })
  )

  it.effect("start again after a success", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { username } = yield* register(service)
      const owner = somewhere()
      for (const _ of times(3)) {
        for (const _ of times(4)) assert.strictEqual((yield* guess(service, owner, username)).status, 400)
        assert.strictEqual((yield* signIn(service, owner, username, password)).status, 200)
      }
    })
  )

  it.effect("that come at once are no more than one after the other", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { asked } = yield* WatchedHasher
      const { email } = yield* register(service)
      const attacker = somewhere()
      const before = asked.length
      const answers = yield* Effect.forEach(times(25), () => guess(service, attacker, email), { concurrency: 25 })
      assert.lengthOf(
        answers.filter(({ status }) => status === 400),
        5
      )
      assert.lengthOf(
        answers.filter(({ status }) => status === 429),
        20
      )
      assert.strictEqual(asked.length - before, 5)
    })
  )

  it.effect("from everywhere get slower, and never keep the owner out", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { email } = yield* register(service)
      yield* Effect.forEach(
        times(20),
        Effect.fnUntraced(function* () {
          const attacker = somewhere()
          for (const _ of times(5)) assert.strictEqual((yield* guess(service, attacker, email)).status, 400)
        }),
        { concurrency: 5 }
      )
      const attacker = somewhere()
      assert.strictEqual((yield* guess(service, attacker, email)).status, 400)
      assertWaits(yield* guess(service, attacker, email))
      assert.strictEqual((yield* signIn(service, somewhere(), email, password)).status, 200)
      assert.strictEqual((yield* guess(service, somewhere(), "nobody-attacked")).status, 400)
      yield* timePasses("61 minutes")
      for (const _ of times(5)) assert.strictEqual((yield* guess(service, attacker, email)).status, 400)
    })
  )

  it.effect("by a stolen session are five too, wherever they come from, and the owner's own session goes on", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { email, jwt } = yield* register(service)
      const owner = textAt(yield* signIn(service, somewhere(), email, password), "jwt")
      const change = (jwt: string, currentPassword: string) =>
        service.post(
          "/auth/change-password",
          { currentPassword, password: "a new long phrase", passwordConfirmation: "a new long phrase" },
          { "x-forwarded-for": somewhere(), ...bearer(jwt) }
        )
      for (const _ of times(5)) assertError(yield* change(jwt, "a wrong phrase"), 400, "InvalidCredentials")
      assertWaits(yield* change(jwt, "a wrong phrase"))
      assertWaits(yield* change(jwt, password))
      assert.strictEqual((yield* change(owner, password)).status, 200)
    })
  )
})

const Limits = GuessLimits.layer.pipe(
  Layer.provide(RateLimitsSql.layerGuesses),
  Layer.provide(Pseudonyms.layer),
  Layer.provide(AppSecret.layer(Option.getOrThrow(testSettings.appSecrets))),
  Layer.provide(Layer.merge(NodeCrypto.layerKdf, NodeCrypto.layerMac))
)

onEachDatabase("guess limits", Limits, (it) => {
  it.effect("don't count what nobody had the time to look at", () =>
    Effect.gen(function* () {
      const { signIn } = yield* GuessLimits
      for (const _ of times(20)) {
        assert.strictEqual((yield* Effect.flip(signIn("ada@example.com", new Busy())))._tag, "Busy")
      }
      assert.strictEqual(yield* signIn("ada@example.com", Effect.succeed("in")), "in")
    })
  )

  it.effect("can't be turned against somebody by a name that reads like a name and an address", () =>
    Effect.gen(function* () {
      const { signIn } = yield* GuessLimits
      for (const name of ["ada unknown", 'ada","unknown', "ada\\", "ada\tunknown"]) {
        for (const _ of times(6)) yield* Effect.exit(signIn(name, Effect.interrupt))
      }
      assert.strictEqual(yield* signIn("ada", Effect.succeed("in")), "in")
    })
  )
})
