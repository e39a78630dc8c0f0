import { connect, type Socket } from "node:net"
import { assert } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { SqlClient } from "effect/sql"
import { vi } from "vitest"
import { WatchedHasher } from "../passwords/doubles.ts"
import { assertError, textAt } from "../support/client.ts"
import { codeIn, onBothDatabases, onPostgres, Service, startService, timePasses } from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"
import {
  codesOf,
  documentedLimits,
  flood,
  forgotAndDone,
  found,
  mailedCode,
  newPassword,
  passwordHashOf,
  processes,
  statusesOf,
  times,
  told
} from "./common.ts"

/** Several codes for one account, one after the other. */
const codesFor = Effect.fnUntraced(function* (email: string, count: number) {
  const { codeFor } = yield* Service
  const codes: Array<string> = []
  while (codes.length < count) {
    codes.push(yield* codeFor(email))
    yield* timePasses("61 seconds")
  }
  return codes
})

/** Runs requests while the row of an account is held, so that a reset is under way for sure, until it waits. */
const whileHeld = Effect.fnUntraced(function* <A, E, R, B, F, S>(
  id: string,
  reset: Effect.Effect<A, E, R>,
  act: Effect.Effect<B, F, S>
) {
  const sql = yield* SqlClient.SqlClient
  return yield* Effect.gen(function* () {
    yield* sql`select from users where id = ${id}::uuid for update`
    const resetting = yield* Effect.forkChild(Effect.exit(reset))
    yield* found(sql`
      select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)
    yield* act
    return resetting
  }).pipe(sql.withTransaction)
})

/** Two real processes on one database, for all tests that need no more. */
class TwoProcesses extends Context.Service<TwoProcesses, Effect.Success<ReturnType<typeof processes>>>()(
  "rekey/test/TwoProcesses"
) {
  static readonly layer = Layer.effect(TwoProcesses, processes(2, { RESET_COOLDOWN: "60 seconds" }))
}

onPostgres("single use, by two processes", TwoProcesses.layer, (it) => {
  it.effect(
    "B1: of fifty resets at once with one code and fifty passwords one succeeds, and it is its password that is set",
    () =>
      Effect.gen(function* () {
        const { sql, started } = yield* TwoProcesses
        const [one = assert.fail(), other = assert.fail()] = started.map(({ client }) => client)
        const { email, id } = yield* one.register()
        const code = yield* mailedCode(one, email)
        const answers = yield* flood(50, (index) =>
          (index % 2 === 0 ? one : other).reset(code, `phrase number ${index}`)
        )
        assert.deepStrictEqual(statusesOf(answers), { 200: 1, 403: 49 })
        for (const answer of answers) if (answer.status !== 200) assertError(answer, 403, "ResetCodeUsed")
        const winner = answers.findIndex(({ status }) => status === 200)
        for (const [index] of answers.entries()) {
          const { status } = yield* (index % 2 === 0 ? other : one).signIn(email, `phrase number ${index}`)
          assert.strictEqual(status, index === winner ? 200 : 400)
        }
        const notice = yield* (yield* MailServer).next(email)
        assert.include(notice.parsed.subject, "was reset")
        yield* mailedCode(one, (yield* one.register()).email) // whatever was on its way before has arrived
        const arrived = yield* (yield* MailServer).arrived
        const notices = arrived.filter(
          ({ envelope, parsed }) => envelope.to.includes(email) && parsed.subject?.includes("was reset")
        )
        assert.lengthOf(notices, 1)
        const trail = yield* sql<{ readonly outcome: string; readonly requestId: string }>`
          select outcome, request_id from audit where event = 'password.reset' and user_id = ${id}::uuid and outcome = 'done'`
        assert.deepStrictEqual(trail, [
          { outcome: "done", requestId: String(answers[winner]?.headers["x-request-id"]) }
        ])
        const [row] = yield* sql`select credentials_version as version from users where id = ${id}::uuid`
        assert.deepStrictEqual(row, { version: 2 })
      })
  )

  it.effect("B2: fifty requests at once, at two processes, make one code and one mail, and no answer differs", () =>
    Effect.gen(function* () {
      const { sql, started } = yield* TwoProcesses
      const [one = assert.fail(), other = assert.fail()] = started.map(({ client }) => client)
      const { email, id } = yield* one.register()
      const answers = yield* flood(50, (index) => (index % 2 === 0 ? one : other).forgot(email))
      for (const answer of answers) assert.deepStrictEqual(told(answer), told(answers[0] ?? answer))
      assert.strictEqual(answers[0]?.status, 200)
      const mails = yield* MailServer
      const code = codeIn((yield* mails.next(email)).parsed.text ?? "")
      assert.strictEqual((yield* one.check(code)).status, 200)
      yield* mailedCode(one, (yield* one.register()).email) // all that was asked before has been worked off
      assert.strictEqual(yield* Effect.provideService(codesOf(id), SqlClient.SqlClient, sql), 1)
      assert.lengthOf(
        (yield* mails.arrived).filter(({ envelope }) => envelope.to.includes(email)),
        1
      )
    })
  )

  for (const end of ["its connection to the database is cut", "its process is killed"] as const) {
    it.effect(`B8: a reset that waits when ${end} is done as a whole or not at all`, () =>
      Effect.gen(function* () {
        const { sql, started } = yield* TwoProcesses
        const [{ client, server } = assert.fail(), { client: other } = assert.fail()] = started
        const { email, id, jwt, password } = yield* client.register()
        const code = yield* mailedCode(client, email)
        // Else the lease of a dead process would hold the notice back for a minute.
        yield* found(sql`select from outbox where user_id = ${id}::uuid and outcome = 'sent'`)
        const after = yield* Effect.gen(function* () {
          const cut = sql`
            select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'`
          const killed = end === "its process is killed"
          // Nobody listens to it any more, but its statement may still be done.
          const act: Effect.Effect<unknown, unknown> = killed ? server.stop("SIGKILL") : cut
          const resetting = yield* whileHeld(id, client.reset(code, newPassword), act)
          if (killed) {
            // What the dead process sent may be done only now: until then neither answer is the last.
            yield* found(sql`
              select where not exists (
                select from pg_stat_activity
                where datname = current_database() and pid <> pg_backend_pid() and state = 'active')`)
            return other
          }
          const answer = yield* Effect.flatten(Fiber.join(resetting))
          assertError(answer, 503, "Unavailable")
          return client
        }).pipe(Effect.provideService(SqlClient.SqlClient, sql))
        const withOld = (yield* after.signIn(email, password)).status
        if (withOld === 200) {
          assert.strictEqual((yield* after.signIn(email, newPassword)).status, 400)
          assert.strictEqual((yield* after.me(jwt)).status, 200)
          assert.strictEqual((yield* after.reset(code, newPassword)).status, 200)
        }
        assert.strictEqual((yield* after.signIn(email, newPassword)).status, 200)
        assertError(yield* after.signIn(email, password), 400, "InvalidCredentials")
        assertError(yield* after.me(jwt), 401, "Unauthenticated")
        assertError(yield* after.reset(code, newPassword), 403, "ResetCodeUsed")
        const notice = yield* Effect.repeat((yield* MailServer).next(email), {
          until: ({ parsed }) => parsed.subject?.includes("was reset") === true
        })
        assert.deepStrictEqual(notice.envelope.to, [email])
      })
    )
  }
})

onBothDatabases("single use", Service.layer({ settings: { resetLimits: documentedLimits } }), (it) => {
  it.effect("B2: fifty requests at once make one code and one mail", () =>
    Effect.gen(function* () {
      const { next } = yield* MailServer
      const { check, forgot, register } = yield* Service
      const { email, id } = yield* register()
      const answers = yield* Effect.forEach(times(50), () => forgot(email), { concurrency: "unbounded" })
      for (const { status, text } of answers) assert.deepStrictEqual([status, text], [200, '{"ok":true}'])
      assert.strictEqual((yield* check(codeIn((yield* next(email)).parsed.text ?? ""))).status, 200)
      yield* forgotAndDone(email)
      assert.strictEqual(yield* codesOf(id), 1)
    })
  )

  it.effect("B3: within a minute no second code is made, and the first still works", () =>
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

  it.effect("B3: after a minute a newer code takes the place of the former", () =>
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

  it.effect("B4: a change of the password ends every session but its own, and the live code", () =>
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

  it.effect("B4: after a reset no sibling of its code works", () =>
    Effect.gen(function* () {
      const { register, reset } = yield* Service
      const { email } = yield* register()
      const [newest = "", ...siblings] = (yield* codesFor(email, 3)).reverse()
      assert.strictEqual((yield* reset(newest, newPassword)).status, 200)
      for (const code of siblings) assertError(yield* reset(code, newPassword), 403, "ResetCodeSuperseded")
    })
  )

  it.effect("B4: a code is refused once its account has another password or address, is blocked, or is gone", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { check, codeFor, register, reset, signIn } = yield* Service
      const other = yield* register()
      const hash = yield* passwordHashOf(other.id)
      for (const [change, status, reason] of [
        ["password", 403, "ResetCodeSuperseded"],
        ["address", 403, "ResetCodeSuperseded"],
        ["block", 403, "AccountBlocked"],
        ["deletion", 404, "ResetCodeNotFound"]
      ] as const) {
        const { email, id } = yield* register()
        const code = yield* codeFor(email)
        if (change === "password") yield* sql`update users set password_hash = ${hash} where id = ${id}::uuid`
        if (change === "address") {
          const moved = `moved.${email}`
          yield* sql`update users set email = ${moved}, email_key = ${moved} where id = ${id}::uuid`
        }
        if (change === "block") yield* sql`update users set blocked = true where id = ${id}::uuid`
        if (change === "deletion") yield* sql`delete from users where id = ${id}::uuid`
        for (const ask of [check(code), reset(code, newPassword)]) assertError(yield* ask, status, reason)
        assertError(yield* signIn(email, newPassword), 400, "InvalidCredentials")
      }
    })
  )

  it.effect("B5: a code works until its time is over, and then no more", () =>
    Effect.gen(function* () {
      const { check, codeFor, register, reset, signIn } = yield* Service
      const { email, password } = yield* register()
      const code = yield* codeFor(email)
      yield* timePasses("29 minutes 50 seconds")
      assert.strictEqual((yield* check(code)).status, 200)
      yield* timePasses("11 seconds")
      assertError(yield* reset(code, newPassword), 403, "ResetCodeExpired")
      assertError(yield* check(code), 403, "ResetCodeExpired")
      assert.strictEqual((yield* signIn(email, password)).status, 200)
    })
  )

  it.effect("B5: a code can't lose its end", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { check, codeFor, register } = yield* Service
      const code = yield* codeFor((yield* register()).email)
      assert.isTrue(Exit.isFailure(yield* Effect.exit(sql`update reset_codes set expires_at = null`)))
      yield* timePasses("31 minutes")
      assertError(yield* check(code), 403, "ResetCodeExpired")
    })
  )

  it.effect("B5: a code whose end is '-infinity' has expired, as far as anybody can tell", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { check, codeFor, register, reset } = yield* Service
      const { email, id } = yield* register()
      const code = yield* codeFor(email)
      yield* sql`update reset_codes set expires_at = '-infinity' where user_id = ${id}`
      assertError(yield* check(code), 403, "ResetCodeExpired")
      assertError(yield* reset(code, newPassword), 403, "ResetCodeExpired")
    })
  )

  it.effect("B6: a used code stays used, by every door, and is nobody's once the clean-up has been", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { check, codeFor, register, reset, send, signIn } = yield* Service
      const { email, id } = yield* register()
      const code = yield* codeFor(email)
      assert.strictEqual((yield* reset(code, newPassword)).status, 200)
      for (const password of [newPassword, "another long phrase", "another long phrase"]) {
        assertError(yield* reset(code, password), 403, "ResetCodeUsed")
      }
      assertError(yield* check(code), 403, "ResetCodeUsed")
      const page = yield* send("POST", "/reset-password", {
        headers: { "content-type": "application/x-www-form-urlencoded", cookie: `rekey_reset_code=${code}` },
        body: "password=another+long+phrase&passwordConfirmation=another+long+phrase"
      })
      assert.strictEqual(page.status, 403)
      yield* timePasses("2 days")
      yield* startService() // looks for leftovers at once
      yield* found(sql`select true where not exists (select from reset_codes where user_id = ${id}::uuid)`)
      assertError(yield* reset(code, "another long phrase"), 404, "ResetCodeNotFound")
      assert.strictEqual((yield* signIn(email, newPassword)).status, 200)
    })
  )

  it.effect("B7: a password that is refused leaves the code alive", () =>
    Effect.gen(function* () {
      const { check, codeFor, post, register, reset, signIn } = yield* Service
      const { email, password, username } = yield* register({ username: "Countess", email: "lovelace@example.com" })
      const code = yield* codeFor(email)
      for (const passwordConfirmation of ["another long phrase", "", newPassword.toUpperCase(), `${newPassword} `]) {
        const differing = { code, password: newPassword, passwordConfirmation }
        const details = assertError(yield* post("/auth/reset-password", differing), 400, "PasswordMismatch")
        assert.deepStrictEqual(
          details.map(({ path }) => path),
          [["passwordConfirmation"]]
        )
      }
      const weak = [
        "",
        " ",
        "1234567",
        "é".repeat(7),
        "é".repeat(257),
        "x".repeat(20_000),
        "password",
        "PassWord1",
        "12345678"
      ]
      for (const refused of [...weak, username, `${username}1`, email, "lovelace1815", "Rekey2026"]) {
        const details = assertError(yield* reset(code, refused), 400, "PasswordRejected")
        assert.isNotEmpty(details)
        for (const { path } of details) assert.deepStrictEqual(path, ["password"])
      }
      assert.strictEqual((yield* signIn(email, password)).status, 200)
      assert.strictEqual((yield* check(code)).status, 200)
      assert.strictEqual((yield* reset(code, newPassword)).status, 200)
    })
  )
})

onPostgres("single use, while a reset runs", Service.layerWatched(), (it) => {
  it.effect("B5: a code's time is the database's, where the server's clock is an hour slow or fast", () =>
    Effect.gen(function* () {
      const { check, codeFor, register, reset } = yield* Service
      for (const hour of [-3_600_000, 3_600_000]) {
        yield* Effect.acquireUseRelease(
          Effect.sync(() => vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + hour })),
          () =>
            Effect.gen(function* () {
              const { email } = yield* register()
              const code = yield* codeFor(email)
              const expiresAt = Date.parse(textAt(yield* check(code), "expiresAt"))
              assert.closeTo(expiresAt - (Date.now() - hour), 1_800_000, 60_000)
              yield* timePasses("29 minutes 50 seconds")
              assert.strictEqual((yield* check(code)).status, 200)
              yield* timePasses("11 seconds")
              assertError(yield* reset(code, newPassword), 403, "ResetCodeExpired")
              assert.strictEqual((yield* reset(yield* codeFor(email), newPassword)).status, 200)
            }),
          () => Effect.sync(() => vi.useRealTimers())
        )
      }
    })
  )

  it.effect("B4: what takes the code away between its look-up and its use is told, and the password stays", () =>
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

  it.effect("B8: a client that hangs up before its password is hashed has changed nothing, and its code is good", () =>
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

/** A connection whose bytes are written and read as a test likes. */
const connectTo = Effect.fnUntraced(function* (url: string) {
  const { hostname, port } = new URL(url)
  const socket = yield* Effect.acquireRelease(
    Effect.callback<Socket>((resume) => {
      const socket = connect({ host: hostname, port: Number(port) }, () => resume(Effect.succeed(socket)))
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )
  let received = ""
  socket.on("data", (chunk) => {
    received += chunk
  })
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()))
  return {
    write: (text: string) => Effect.sync(() => void socket.write(text)),
    /** Waits for the next bytes. */
    next: Effect.callback<void>((resume) => void socket.once("data", () => resume(Effect.void))),
    /** Waits for the end, and gives all that came. */
    all: Effect.map(
      Effect.promise(() => closed),
      () => received
    )
  }
})

/** How a new connection is refused. */
const refusalOf = (url: string) =>
  Effect.callback<string>((resume) => {
    const { hostname, port } = new URL(url)
    connect({ host: hostname, port: Number(port) }).once("error", (error: NodeJS.ErrnoException) =>
      resume(Effect.succeed(error.code ?? ""))
    )
  })

onPostgres("single use, at the end of a process", WatchedHasher.layer, (it) => {
  it.effect(
    "B9: the reset that is under way completes, what still comes in is refused, and each connection is closed",
    () =>
      Effect.gen(function* () {
        const { halt, layer } = yield* WatchedHasher
        const life = yield* Scope.make()
        const service = yield* Scope.provide(startService({ hasher: layer }), life)
        const { email } = yield* service.register()
        const code = yield* service.codeFor(email)
        const [resetting, asking] = [yield* connectTo(service.url), yield* connectTo(service.url)]

        const health = "GET /health HTTP/1.1\r\nHost: x\r\n"
        // A request and the beginning of the next: by the first answer the server has read both.
        yield* asking.write(`${health}\r\n${health}`)
        yield* asking.next
        const { reached, release } = yield* halt("hash")
        const body = JSON.stringify({ code, password: newPassword, passwordConfirmation: newPassword })
        const head = "POST /auth/reset-password HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        yield* resetting.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`)
        yield* reached

        const stopped = yield* Effect.forkChild(Scope.close(life, Exit.void), { startImmediately: true })
        assert.strictEqual(yield* refusalOf(service.url), "ECONNREFUSED")
        yield* asking.write("\r\n")
        const [first, second] = (yield* asking.all).split(/(?=HTTP\/1\.1 \d{3} )/)
        assert.match(first ?? "", /^HTTP\/1\.1 200 /)
        assert.match(second ?? "", /^HTTP\/1\.1 503 [\s\S]*retry-after: 1[\s\S]*"reason":"Unavailable"/)
        yield* release
        assert.match(yield* resetting.all, /^HTTP\/1\.1 200 [\s\S]*"user"/)
        yield* Fiber.join(stopped)

        const next = yield* startService()
        assert.strictEqual(textAt(yield* next.signIn(email, newPassword), "user", "email"), email)
      })
  )
})
