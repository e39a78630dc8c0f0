import { assert, layer } from "@effect/vitest"
import { Array, Effect, Exit, Layer, Option, Redacted, Scope } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { WatchedHasher } from "../passwords/doubles.ts"
import { assertError, bearer, textAt } from "../support/client.ts"
import { timePasses } from "../support/databases.ts"
import { codeIn, OnPostgres, onBothDatabases, onPostgres, Service, startService } from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"

const newPassword = "a new long phrase"
const nobodysCode = "x".repeat(43)

const documentedLimits = { codeTtlMillis: 1_800_000, cooldownMillis: 60_000, hourlyCap: 5 }

/** How many codes an account was given so far. */
const codesOf = Effect.fnUntraced(function* (id: string) {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ readonly codes: number }>`
    select count(*)::int as codes from reset_codes where user_id = ${id}::uuid`
  return row?.codes
})

/** Waits until a mail for this address is in the outbox, which it can't leave while the mail server takes none. */
const queued = Effect.fnUntraced(function* (address: string) {
  const sql = yield* SqlClient.SqlClient
  const waiting = sql`select from outbox where recipient = ${address} and outcome is null`
  yield* waiting.pipe(Effect.delay("10 millis"), Effect.repeat({ until: (rows) => rows.length > 0 }))
})

/** Asks without waiting for a mail, and waits until what was asked has been worked off, in its order. */
const forgotAndDone = Effect.fnUntraced(function* (email: string) {
  const { codeFor, forgot, register } = yield* Service
  yield* forgot(email)
  yield* codeFor((yield* register()).email)
})

/** Several codes for one account, one after the other. */
const codesFor = Effect.fnUntraced(function* (email: string, count: number) {
  const { codeFor } = yield* Service
  const codes: globalThis.Array<string> = []
  while (codes.length < count) {
    codes.push(yield* codeFor(email))
    yield* timePasses("61 seconds")
  }
  return codes
})

onBothDatabases("recovery", Service.layerWatched({ settings: { resetLimits: documentedLimits } }), (it) => {
  it.effect("a reset ends every session of the account at once, and no other account's (F1)", () =>
    Effect.gen(function* () {
      const { codeFor, get, me, register, reset, signIn } = yield* Service
      const [ada, eve] = [yield* register(), yield* register()]
      const tokens = [
        ada.jwt,
        textAt(yield* signIn(ada.email, ada.password), "jwt"),
        textAt(yield* signIn(ada.username, ada.password), "jwt")
      ]
      assert.strictEqual((yield* reset(yield* codeFor(ada.email), newPassword)).status, 200)
      for (const token of tokens) {
        assertError(yield* me(token), 401, "Unauthenticated")
        assertError(yield* get("/auth/sessions", bearer(token)), 401, "Unauthenticated")
      }
      assert.strictEqual((yield* me(eve.jwt)).status, 200)
      assert.strictEqual((yield* me(textAt(yield* signIn(ada.email, newPassword), "jwt"))).status, 200)
    })
  )

  it.effect("a change of the password ends every session but its own, and the live code (B4)", () =>
    Effect.gen(function* () {
      const { changePassword, check, codeFor, me, register, reset, signIn } = yield* Service
      const ada = yield* register()
      const other = textAt(yield* signIn(ada.email, ada.password), "jwt")
      const code = yield* codeFor(ada.email)
      const changed = yield* changePassword(ada.jwt, ada.password, newPassword)
      assertError(yield* me(other), 401, "Unauthenticated")
      assert.strictEqual((yield* me(ada.jwt)).status, 200)
      assert.strictEqual((yield* me(textAt(changed, "jwt"))).status, 200)
      assertError(yield* check(code), 403, "ResetCodeSuperseded")
      assertError(yield* reset(code, "another long phrase"), 403, "ResetCodeSuperseded")
      assert.strictEqual((yield* signIn(ada.email, newPassword)).status, 200)
    })
  )

  it.effect("after a reset no sibling of its code works (B4)", () =>
    Effect.gen(function* () {
      const { register, reset } = yield* Service
      const { email } = yield* register()
      const [newest = "", ...siblings] = (yield* codesFor(email, 3)).reverse()
      assert.strictEqual((yield* reset(newest, newPassword)).status, 200)
      for (const code of siblings) assertError(yield* reset(code, newPassword), 403, "ResetCodeSuperseded")
    })
  )

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

  it.effect(
    "a request that can't succeed costs no hash: a wrong code, a mismatch, a short or long password (E6, E8)",
    () =>
      Effect.gen(function* () {
        const { post, register, reset } = yield* Service
        const { asked } = yield* WatchedHasher
        const { email } = yield* register()
        const [former = "", code = ""] = yield* codesFor(email, 2)
        const { length } = asked
        yield* reset(nobodysCode, newPassword)
        yield* reset(former, newPassword)
        yield* reset(code, "short")
        yield* reset(code, "x".repeat(60_000))
        yield* post("/auth/reset-password", { code, password: newPassword, passwordConfirmation: "another" })
        assert.deepStrictEqual(asked.slice(length), [])
        yield* reset(code, newPassword)
        yield* reset(code, newPassword)
        assert.deepStrictEqual(asked.slice(length), ["hash"])
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

  it.effect("the mail goes to the stored address alone, whoever asked with whatever spelling (A4, D1)", () =>
    Effect.gen(function* () {
      const { next } = yield* MailServer
      const { post, register } = yield* Service
      const { email } = yield* register({ email: "Grace.Hopper@Bücher.Example" })
      const forged = {
        host: "evil.example",
        "x-forwarded-host": "evil.example",
        forwarded: "host=evil.example",
        origin: "https://evil.example",
        referer: "https://evil.example"
      }
      for (const spelling of [email, " grace.HOPPER@xn--bcher-kva.example "]) {
        yield* post("/auth/forgot-password", { email: spelling }, forged)
        const { envelope, parsed } = yield* next("Grace.Hopper@bücher.example")
        assert.deepStrictEqual(envelope.to, ["Grace.Hopper@bücher.example"])
        const text = parsed.text ?? ""
        const code = codeIn(text)
        assert.include(text, `http://accounts.example.com/reset-password?code=${code}`)
        assert.notInclude(`${text}${parsed.html}`, "evil")
        yield* timePasses("61 seconds")
      }
    })
  )

  it.effect("within a minute no second code is made, and the first still works (B3)", () =>
    Effect.gen(function* () {
      const { codeFor, forgot, register, reset } = yield* Service
      const { email, id } = yield* register()
      const code = yield* codeFor(email)
      for (let time = 0; time < 5; time++) yield* forgot(email)
      yield* timePasses("50 seconds")
      yield* forgotAndDone(email)
      assert.strictEqual(yield* codesOf(id), 1)
      assert.strictEqual((yield* reset(code, newPassword)).status, 200)
    })
  )

  it.effect("after a minute a newer code takes the place of the former (B3)", () =>
    Effect.gen(function* () {
      const { check, codeFor, register } = yield* Service
      const { email } = yield* register()
      const former = yield* codeFor(email)
      yield* timePasses("61 seconds")
      const newest = yield* codeFor(email)
      assertError(yield* check(former), 403, "ResetCodeSuperseded")
      assert.strictEqual((yield* check(newest)).status, 200)
    })
  )

  it.effect("past five codes an hour none is made while one lives, and the owner is never locked out (E4)", () =>
    Effect.gen(function* () {
      const { check, codeFor, register, reset } = yield* Service
      const { email, id } = yield* register()
      let code = ""
      for (let time = 0; time < 5; time++) {
        code = yield* codeFor(email)
        yield* timePasses("61 seconds")
      }
      yield* forgotAndDone(email)
      assert.strictEqual(yield* codesOf(id), 5)
      assert.strictEqual((yield* check(code)).status, 200)
      // The newest is over, and the cap isn't: still there is a way in.
      yield* timePasses("30 minutes")
      assertError(yield* check(code), 403, "ResetCodeExpired")
      code = yield* codeFor(email)
      assert.strictEqual((yield* reset(code, newPassword)).status, 200)
    })
  )

  it.effect("fifty requests at once make one code and one mail (B2)", () =>
    Effect.gen(function* () {
      const { next } = yield* MailServer
      const { check, forgot, register } = yield* Service
      const { email, id } = yield* register()
      const answers = yield* Effect.forEach(Array.range(1, 50), () => forgot(email), { concurrency: "unbounded" })
      for (const { status, text } of answers) assert.deepStrictEqual([status, text], [200, '{"ok":true}'])
      assert.strictEqual((yield* check(codeIn((yield* next(email)).parsed.text ?? ""))).status, 200)
      yield* forgotAndDone(email)
      assert.strictEqual(yield* codesOf(id), 1)
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

  it.effect("nothing in the database can be used as a code or as a token, not even while a mail waits (D5)", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { behave } = yield* MailServer
      const { check, forgot, me, register } = yield* Service
      const { email, jwt } = yield* register()
      yield* behave("hang")
      yield* forgot(email)
      yield* queued(email)
      const dump: globalThis.Array<string> = []
      const tables = yield* sql<{ readonly name: string }>`
        select table_name as name from information_schema.tables where table_schema = 'public'`
      for (const { name } of tables) {
        for (const row of yield* sql<Record<string, unknown>>`select * from ${sql(name)}`) {
          for (const value of Object.values(row)) {
            if (value instanceof Uint8Array) {
              const bytes = Buffer.from(value)
              dump.push(bytes.toString("base64url"), bytes.toString("hex"), bytes.toString("base64"))
            } else if (value !== null) dump.push(String(value))
          }
        }
      }
      yield* behave("take")
      assert.isAbove(dump.length, 50)
      const values = new Set(dump.filter((_) => _ !== ""))
      const tried = Effect.fnUntraced(function* (value: string) {
        assertError(yield* check(value), 404, "ResetCodeNotFound")
        assertError(yield* me(value), 401, "Unauthenticated")
      })
      yield* Effect.forEach(values, tried, { concurrency: 8, discard: true })
      assert.notInclude(dump, jwt)
    })
  )
})

onPostgres("asking for a code", Service.layer(), (it) => {
  it.effect("never looks at the accounts: it is answered while nobody can read them (C1)", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { forgot, register } = yield* Service
      const { email } = yield* register()
      yield* Effect.gen(function* () {
        yield* sql`lock table users in access exclusive mode`
        for (const address of [email, "nobody@example.com"]) {
          const answer = yield* forgot(address)
          assert.deepStrictEqual([answer.status, answer.text], [200, '{"ok":true}'])
        }
      }).pipe(sql.withTransaction)
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

  it.effect("ends tokens once the former is taken off the list, and says of a mail that it can't be made", () =>
    Effect.gen(function* () {
      const { behave } = yield* MailServer
      const life = yield* Scope.make()
      const before = yield* Scope.provide(startService(withSecrets(secret("former"))), life)
      const ada = yield* before.register()
      yield* behave("defer")
      yield* before.forgot(ada.email)
      yield* queued(ada.email)
      yield* Scope.close(life, Exit.void)
      yield* behave("take")
      yield* timePasses("2 minutes")
      const after = yield* startService(withSecrets(secret("current")))
      assertError(yield* after.me(ada.jwt), 401, "Unauthenticated")
      const told = () => after.logs.some((line) => line.includes("none of the secrets made its code"))
      yield* after.codeFor((yield* after.register()).email).pipe(Effect.repeat({ until: told }))
    })
  )
})
