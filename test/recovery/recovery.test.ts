import { assert, layer } from "@effect/vitest"
import { Array, Effect, Exit, Layer, Option, Redacted, Scope } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { codesOf, documentedLimits, forgotAndDone } from "../attacks/common.ts"
import { assertError, bearer, textAt } from "../support/client.ts"
import {
  codeIn,
  OnPostgres,
  onBothDatabases,
  onPostgres,
  Service,
  startService,
  timePasses
} from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"

const newPassword = "a new long phrase"

/** Waits until a mail for this address is in the outbox, which it can't leave while the mail server takes none. */
const queued = Effect.fnUntraced(function* (address: string) {
  const sql = yield* SqlClient.SqlClient
  const waiting = sql`select from outbox where recipient = ${address} and outcome is null`
  yield* waiting.pipe(Effect.delay("10 millis"), Effect.repeat({ until: (rows) => rows.length > 0 }))
})

onBothDatabases("recovery", Service.layerWatched({ settings: { resetLimits: documentedLimits } }), (it) => {
  it.effect("a reset shows that mail to the address arrives: the account is confirmed", () =>
    Effect.gen(function* () {
      const { codeFor, me, register, reset } = yield* Service
      const ada = yield* register()
      assert.include((yield* me(ada.jwt)).text, '"confirmed":false')
      assert.include((yield* reset(yield* codeFor(ada.email), newPassword)).text, '"confirmed":true')
    })
  )

  it.effect("the password may be the former one: nobody is told what it was", () =>
    Effect.gen(function* () {
      const { codeFor, register, reset, signIn } = yield* Service
      const { email, password } = yield* register()
      assert.strictEqual((yield* reset(yield* codeFor(email), password)).status, 200)
      assert.strictEqual((yield* signIn(email, password)).status, 200)
    })
  )

  it.effect("of twenty resets at once with one code one succeeds, and it is its password that is set (B1)", () =>
    Effect.gen(function* () {
      const { codeFor, register, reset, signIn } = yield* Service
      const { email } = yield* register()
      const code = yield* codeFor(email)
      const passwords = Array.makeBy(20, (number) => `phrase number ${number}`)
      const answers = yield* Effect.forEach(passwords, (password) => reset(code, password), {
        concurrency: "unbounded"
      })
      const won = answers.flatMap(({ status }, index) => (status === 200 ? [index] : []))
      assert.lengthOf(won, 1)
      for (const answer of answers) if (answer.status !== 200) assertError(answer, 403, "ResetCodeUsed")
      for (const [index, password] of passwords.entries()) {
        assert.strictEqual((yield* signIn(email, password)).status, index === won[0] ? 200 : 400)
      }
    })
  )

  it.effect("a blocked account, one without that address, and a request older than the password get no code", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { register } = yield* Service
      const [blocked, ada] = [yield* register(), yield* register()]
      yield* sql`update users set blocked = true where id = ${blocked.id}::uuid`
      yield* forgotAndDone(blocked.email)
      yield* sql`insert into recovery_requests (email_key, asked_at) values (${ada.email}, now() - interval '1 minute')`
      yield* forgotAndDone("nobody@example.com")
      assert.deepStrictEqual([yield* codesOf(blocked.id), yield* codesOf(ada.id)], [0, 0])
      assert.deepStrictEqual(yield* sql`select * from recovery_requests`, [])
      const arrived = yield* (yield* MailServer).arrived
      const addressees = arrived.flatMap(({ envelope }) => envelope.to)
      for (const address of [blocked.email, ada.email, "nobody@example.com"]) assert.notInclude(addressees, address)
    })
  )
})

// With the clock of the test, which stands still: no poll and no retry happens.
layer(Layer.provideMerge(Service.layer(), OnPostgres))("a mail", (it) => {
  it.effect("is on its way as soon as it was asked for, without waiting for the next look", () =>
    Effect.gen(function* () {
      const { codeFor, register } = yield* Service
      yield* TestClock.adjust("10 seconds") // what failed while the migrations ran is tried again
      for (let time = 0; time < 3; time++) assert.lengthOf(yield* codeFor((yield* register()).email), 43)
    })
  )
})

onPostgres("signing in after a reset", Service.layerWithInbox({ settings: { signInAfterReset: true } }), (it) => {
  it.effect("is there where the operator switched it on: the answer holds a token for the one session", () =>
    Effect.gen(function* () {
      const { codeFor, get, me, register, reset } = yield* Service
      const ada = yield* register()
      const answer = yield* reset(yield* codeFor(ada.email), newPassword)
      assert.sameMembers(Object.keys(Object(answer.json)), ["user", "jwt"])
      const jwt = textAt(answer, "jwt")
      assert.strictEqual((yield* me(jwt)).status, 200)
      assertError(yield* me(ada.jwt), 401, "Unauthenticated")
      const { sessions } = Object((yield* get("/auth/sessions", bearer(jwt))).json)
      assert.lengthOf(sessions, 1)
    })
  )
})

const secret = (name: string) => Redacted.make(`the ${name} secret, long enough to be one`)
const withSecrets = (...secrets: Array.NonEmptyReadonlyArray<Redacted.Redacted>) => ({
  settings: { appSecrets: Option.some(secrets) }
})

onPostgres("rotating APP_SECRET", Layer.empty, (it) => {
  it.effect("leaves tokens, codes and queued mails of the former secret good while it is listed", () =>
    Effect.gen(function* () {
      const { behave, next } = yield* MailServer
      const life = yield* Scope.make()
      const before = yield* Scope.provide(startService(withSecrets(secret("former"))), life)
      const [ada, grace] = [yield* before.register(), yield* before.register()]
      const code = yield* before.codeFor(ada.email)
      yield* behave("defer")
      yield* before.forgot(grace.email)
      yield* queued(grace.email)
      yield* Scope.close(life, Exit.void)

      yield* behave("take")
      const after = yield* startService(withSecrets(secret("current"), secret("former")))
      yield* timePasses("2 minutes") // the pause of the mail that was deferred, or its lease
      yield* after.forgot("nobody@example.com")
      assert.strictEqual((yield* after.me(ada.jwt)).status, 200)
      assert.strictEqual((yield* after.reset(code, newPassword)).status, 200)
      const late = codeIn((yield* next(grace.email)).parsed.text ?? "")
      assert.strictEqual((yield* after.reset(late, newPassword)).status, 200)
      // What is made now is made with the current one.
      const alone = yield* startService(withSecrets(secret("current")))
      const { jwt } = yield* after.register()
      assert.strictEqual((yield* alone.me(jwt)).status, 200)
    })
  )

  it.effect(
    "ends tokens, and no mailed code, once the former is taken off the list, and says of a mail that it can't be made",
    () =>
      Effect.gen(function* () {
        const { behave } = yield* MailServer
        const life = yield* Scope.make()
        const before = yield* Scope.provide(startService(withSecrets(secret("former"))), life)
        const [ada, grace] = [yield* before.register(), yield* before.register()]
        const code = yield* before.codeFor(grace.email)
        yield* behave("defer")
        yield* before.forgot(ada.email)
        yield* queued(ada.email)
        yield* Scope.close(life, Exit.void)
        yield* behave("take")
        yield* timePasses("2 minutes")
        const after = yield* startService(withSecrets(secret("current")))
        assertError(yield* after.me(ada.jwt), 401, "Unauthenticated")
        assert.strictEqual((yield* after.reset(code, newPassword)).status, 200)
        const told = () => after.logs.some((line) => line.includes("none of the secrets made its code"))
        yield* after.codeFor((yield* after.register()).email).pipe(Effect.repeat({ until: told }))
      })
  )
})
