import { assert } from "@effect/vitest"
import { Array, Effect, Fiber, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { PasswordHasher } from "../../src/passwords/PasswordHasher.ts"
import { cheapCost, WatchedHasher } from "../passwords/doubles.ts"
import { assertError, textAt } from "../support/client.ts"
import { timePasses } from "../support/databases.ts"
import { onPostgres, Service, startService } from "../support/service.ts"

const newPassword = "a new long phrase"

const hashOf = Effect.fnUntraced(function* (id: string) {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ readonly passwordHash: string }>`select password_hash from users where id = ${id}::uuid`
  return row?.passwordHash
})

const sessionsOf = Effect.fnUntraced(function* (id: string) {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ readonly sessions: number }>`
    select count(*)::int as sessions from sessions where user_id = ${id}::uuid`
  return row?.sessions
})

/** Puts a hash of the same password in place that was made with other parameters than today's. */
const weaken = Effect.fnUntraced(function* (id: string, password: string) {
  const sql = yield* SqlClient.SqlClient
  const former = PasswordHasher.layer({ cost: { ...cheapCost, iterations: 2 }, concurrency: 1, queueLimit: 1 })
  const hash = yield* PasswordHasher.use((hasher) => hasher.hash(Redacted.make(password))).pipe(Effect.provide(former))
  yield* sql`update users set password_hash = ${Redacted.value(hash)} where id = ${id}::uuid`
  return Redacted.value(hash)
})

onPostgres("while a reset runs", Service.layerWatched(), (it) => {
  it.effect("a sign-in that has verified the old password gets no session (F8)", () =>
    Effect.gen(function* () {
      const { codeFor, register, reset, signIn } = yield* Service
      const { halt } = yield* WatchedHasher
      const { email, id, password } = yield* register()
      const code = yield* codeFor(email)
      const { reached, release } = yield* halt("verify")
      const signingIn = yield* Effect.forkChild(signIn(email, password))
      yield* reached
      assert.strictEqual((yield* reset(code, newPassword)).status, 200)
      yield* release
      assertError(yield* Fiber.join(signingIn), 400, "InvalidCredentials")
      assert.strictEqual(yield* sessionsOf(id), 0)
      assert.strictEqual((yield* signIn(email, newPassword)).status, 200)
    })
  )

  it.effect("a sign-in with the password that the reset sets gets its session at the second look (F8)", () =>
    Effect.gen(function* () {
      const { codeFor, me, register, reset, signIn } = yield* Service
      const { halt } = yield* WatchedHasher
      const { email, password } = yield* register()
      const code = yield* codeFor(email)
      const { reached, release } = yield* halt("verify")
      const signingIn = yield* Effect.forkChild(signIn(email, password))
      yield* reached
      assert.strictEqual((yield* reset(code, password)).status, 200)
      yield* release
      assert.strictEqual((yield* me(textAt(yield* Fiber.join(signingIn), "jwt"))).status, 200)
    })
  )

  it.effect("a sign-in that makes the old password's hash anew doesn't put it back (F8)", () =>
    Effect.gen(function* () {
      const { codeFor, register, reset, signIn } = yield* Service
      const { halt } = yield* WatchedHasher
      const { email, id, password } = yield* register()
      yield* weaken(id, password)
      const code = yield* codeFor(email)
      const { reached, release } = yield* halt("hash")
      const signingIn = yield* Effect.forkChild(signIn(email, password))
      yield* reached
      assert.strictEqual((yield* reset(code, newPassword)).status, 200)
      const stands = yield* hashOf(id)
      yield* release
      assertError(yield* Fiber.join(signingIn), 400, "InvalidCredentials")
      assert.strictEqual(yield* hashOf(id), stands)
      assert.strictEqual((yield* signIn(email, newPassword)).status, 200)
      assertError(yield* signIn(email, password), 400, "InvalidCredentials")
    })
  )

  for (const work of ["verify", "hash"] as const) {
    it.effect(`a change of the password, halted after its ${work}, is 401 and changes nothing (F9)`, () =>
      Effect.gen(function* () {
        const { changePassword, codeFor, register, reset, signIn } = yield* Service
        const { halt } = yield* WatchedHasher
        const { email, id, jwt, password } = yield* register()
        const code = yield* codeFor(email)
        const { reached, release } = yield* halt(work)
        const changing = yield* Effect.forkChild(changePassword(jwt, password, "the attacker's phrase"))
        yield* reached
        assert.strictEqual((yield* reset(code, newPassword)).status, 200)
        const stands = yield* hashOf(id)
        yield* release
        assertError(yield* Fiber.join(changing), 401, "Unauthenticated")
        assert.strictEqual(yield* hashOf(id), stands)
        assert.strictEqual((yield* signIn(email, newPassword)).status, 200)
      })
    )
  }

  it.effect("what takes the code away between its look-up and its use is told, and the password stays", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { changePassword, codeFor, register, reset, signIn } = yield* Service
      const { halt } = yield* WatchedHasher
      for (const [change, status, reason] of [
        ["another code", 403, "ResetCodeSuperseded"],
        ["another password", 403, "ResetCodeSuperseded"],
        ["a block", 403, "AccountBlocked"],
        ["its end", 403, "ResetCodeExpired"],
        ["a deletion", 404, "ResetCodeNotFound"]
      ] as const) {
        const { email, id, jwt, password } = yield* register()
        const code = yield* codeFor(email)
        const { reached, release } = yield* halt("hash")
        const resetting = yield* Effect.forkChild(reset(code, newPassword))
        yield* reached
        if (change === "another code") yield* codeFor(email)
        if (change === "another password") yield* changePassword(jwt, password, "a third phrase")
        if (change === "a block") yield* sql`update users set blocked = true where id = ${id}::uuid`
        if (change === "its end") yield* timePasses("31 minutes")
        if (change === "a deletion") yield* sql`delete from users where id = ${id}::uuid`
        yield* release
        assertError(yield* Fiber.join(resetting), status, reason)
        yield* sql`update users set blocked = false where id = ${id}::uuid`
        assertError(yield* signIn(email, newPassword), 400, "InvalidCredentials")
      }
    })
  )

  it.effect("a client that hangs up before its password is hashed has changed nothing, and its code is good (B8)", () =>
    Effect.gen(function* () {
      const { codeFor, register, reset, signIn, spans } = yield* Service
      const { halt } = yield* WatchedHasher
      const { email, password } = yield* register()
      const code = yield* codeFor(email)
      const { reached } = yield* halt("hash")
      const resetting = yield* Effect.forkChild(reset(code, newPassword))
      yield* reached
      yield* Fiber.interrupt(resetting)
      const underWay = () => spans.some(({ name, status }) => name === "PasswordReset.reset" && status._tag !== "Ended")
      yield* Effect.sleep("5 millis").pipe(Effect.repeat({ while: underWay }))
      assert.strictEqual((yield* signIn(email, password)).status, 200)
      assert.strictEqual((yield* reset(code, newPassword)).status, 200)
    })
  )
})

onPostgres("two processes on one database", Layer.provideMerge(Service.layer(), WatchedHasher.layer), (it) => {
  it.effect("fifty resets at once with one code: one succeeds, and its hash is stored (B1)", () =>
    Effect.gen(function* () {
      const one = yield* Service
      const other = yield* startService()
      const { email } = yield* one.register()
      const code = yield* one.codeFor(email)
      const answers = yield* Effect.forEach(
        Array.range(0, 49),
        (number) => (number % 2 === 0 ? one : other).reset(code, `phrase number ${number}`),
        { concurrency: "unbounded" }
      )
      const won = answers.flatMap(({ status }, number) => (status === 200 ? [number] : []))
      assert.lengthOf(won, 1)
      for (const answer of answers) if (answer.status !== 200) assertError(answer, 403, "ResetCodeUsed")
      assert.strictEqual((yield* one.signIn(email, `phrase number ${won[0]}`)).status, 200)
    })
  )

  it.effect("a reset on one ends the sessions of the other at once (F1)", () =>
    Effect.gen(function* () {
      const one = yield* Service
      const other = yield* startService()
      const { email, jwt, password } = yield* one.register()
      const there = textAt(yield* other.signIn(email, password), "jwt")
      assert.strictEqual((yield* other.me(jwt)).status, 200)
      assert.strictEqual((yield* one.reset(yield* one.codeFor(email), newPassword)).status, 200)
      for (const token of [jwt, there]) {
        assertError(yield* one.me(token), 401, "Unauthenticated")
        assertError(yield* other.me(token), 401, "Unauthenticated")
      }
    })
  )

  it.effect("a sign-in on one, under way while a reset runs on the other, gets no session (F8)", () =>
    Effect.gen(function* () {
      const { halt, layer } = yield* WatchedHasher
      const one = yield* Service
      const other = yield* startService({ hasher: layer })
      const { email, id, password } = yield* one.register()
      const code = yield* one.codeFor(email)
      const { reached, release } = yield* halt("verify")
      const signingIn = yield* Effect.forkChild(other.signIn(email, password))
      yield* reached
      assert.strictEqual((yield* one.reset(code, newPassword)).status, 200)
      yield* release
      assertError(yield* Fiber.join(signingIn), 400, "InvalidCredentials")
      assert.strictEqual(yield* sessionsOf(id), 0)
    })
  )
})
