import { assert } from "@effect/vitest"
import { Effect, Fiber, Layer, Option, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { argon2id } from "../../src/passwords/argon2.ts"
import { PasswordHasher } from "../../src/passwords/PasswordHasher.ts"
import { cheapCost, cheapHashing, WatchedHasher } from "../passwords/doubles.ts"
import { assertError, bearer, textAt } from "../support/client.ts"
import {
  administrators,
  aliceToken,
  codeIn,
  onBothDatabases,
  onPostgres,
  Service,
  startService
} from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"
import { newPassword, nobodysCode, passwordHashOf } from "./common.ts"

const sessionsOf = Effect.fnUntraced(function* (id: string) {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ readonly sessions: number }>`
    select count(*)::int as sessions from sessions where user_id = ${id}::uuid`
  return row?.sessions
})

/** Puts a hash of the same password in place that was made with other parameters than today's. */
const weaken = Effect.fnUntraced(function* (id: string, password: string) {
  const sql = yield* SqlClient.SqlClient
  const former = PasswordHasher.layer({ ...cheapHashing, writes: argon2id({ ...cheapCost, iterations: 2 }) })
  const hash = yield* PasswordHasher.use((hasher) => hasher.hash(Redacted.make(password))).pipe(Effect.provide(former))
  yield* sql`update users set password_hash = ${Redacted.value(hash)} where id = ${id}::uuid`
  return Redacted.value(hash)
})

onBothDatabases("after the reset", Service.layer(), (it) => {
  it.effect("F1: a reset ends every session of the account at once, and no other account's", () =>
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

  it.effect("F1: no door takes a token from before, and none that was made anew in a session from before", () =>
    Effect.gen(function* () {
      const { changePassword, codeFor, post, register, reset, send } = yield* Service
      const { email, jwt, password } = yield* register()
      const fresh = textAt(yield* changePassword(jwt, password, "a second long phrase"), "jwt")
      assert.strictEqual((yield* reset(yield* codeFor(email), newPassword)).status, 200)
      const change = {
        currentPassword: newPassword,
        password: "a third long phrase",
        passwordConfirmation: "a third long phrase"
      }
      for (const token of [jwt, fresh]) {
        for (const [method, path] of [
          ["GET", "/users/me"],
          ["GET", "/users/me/language"],
          ["GET", "/auth/sessions"],
          ["DELETE", "/auth/sessions"],
          ["DELETE", "/auth/sessions/01a20fbe-1e09-71b6-b4ea-06529239c4aa"],
          ["POST", "/auth/logout"]
        ] as const) {
          assertError(yield* send(method, path, { headers: bearer(token) }), 401, "Unauthenticated")
        }
        // The right password doesn't help a session that has ended.
        assertError(yield* post("/auth/change-password", change, bearer(token)), 401, "Unauthenticated")
      }
    })
  )

  it.effect("F2: the answer to a reset, and the page's, holds no session, and makes none", () =>
    Effect.gen(function* () {
      const { codeFor, register, reset, send } = yield* Service
      const { email, id } = yield* register()
      const answer = yield* reset(yield* codeFor(email), newPassword)
      assert.deepStrictEqual(Object.keys(Object(answer.json)), ["user"])
      for (const header of ["set-cookie", "authorization", "location"]) assert.isUndefined(answer.headers[header])
      assert.notMatch(answer.text, /eyJ|jwt|token|session/i)
      const cookie = `rekey_reset_code=${yield* codeFor(email)}`
      const page = yield* send("POST", "/reset-password", {
        headers: { "content-type": "application/x-www-form-urlencoded", cookie },
        body: "password=another+long+phrase&passwordConfirmation=another+long+phrase"
      })
      assert.strictEqual(page.status, 303)
      const [cleared = "", ...others] = page.headers["set-cookie"] ?? []
      assert.isEmpty(others)
      assert.match(cleared, /^rekey_reset_code=;/)
      assert.strictEqual(yield* sessionsOf(id), 0)
    })
  )

  it.effect("F3: spaces around a password, and capitals in it, are a part of it", () =>
    Effect.gen(function* () {
      const { register, signIn } = yield* Service
      const { email, password } = yield* register({ password: "  A phrase in spaces\t" })
      assert.strictEqual((yield* signIn(email, password)).status, 200)
      for (const near of [password.trim(), password.trimStart(), password.trimEnd(), password.toLowerCase()]) {
        assertError(yield* signIn(email, near), 400, "InvalidCredentials")
      }
    })
  )

  it.effect("F3: a password is the same however a keyboard composes it, at each door", () =>
    Effect.gen(function* () {
      const { changePassword, codeFor, post, register, signIn } = yield* Service
      const [nfc, nfd] = ["Zoë's café 가".normalize("NFC"), "Zoë's café 가".normalize("NFD")]
      assert.notStrictEqual(nfc, nfd)
      const { email, jwt } = yield* register({ password: nfc })
      assert.strictEqual((yield* signIn(email, nfd)).status, 200)
      assert.strictEqual((yield* changePassword(jwt, nfd, newPassword)).status, 200)
      const mixed = { code: yield* codeFor(email), password: nfd, passwordConfirmation: nfc }
      assert.strictEqual((yield* post("/auth/reset-password", mixed)).status, 200)
      assert.strictEqual((yield* signIn(email, nfc)).status, 200)
    })
  )

  it.effect("F3: two long passwords that differ at their end are two passwords", () =>
    Effect.gen(function* () {
      const { register, signIn } = yield* Service
      const { email } = yield* register({ password: `${"x".repeat(255)}a` })
      assert.strictEqual((yield* signIn(email, `${"x".repeat(255)}a`)).status, 200)
      assertError(yield* signIn(email, `${"x".repeat(255)}b`), 400, "InvalidCredentials")
      assertError(yield* signIn(email, "x".repeat(255)), 400, "InvalidCredentials")
    })
  )

  it.effect("F3: a reset sets the password as it was typed, to its last byte", () =>
    Effect.gen(function* () {
      const { codeFor, register, reset, signIn } = yield* Service
      const { email } = yield* register()
      for (const [password, ...others] of [
        [`${"x".repeat(99)}a`, `${"x".repeat(99)}b`, "x".repeat(99), "x".repeat(72), `${"x".repeat(72)}a`],
        [`${"\u00fc".repeat(49)}aa`, `${"\u00fc".repeat(49)}ab`, "\u00fc".repeat(49), "\u00fc".repeat(36)],
        ["  a phrase in spaces ", "a phrase in spaces", " a phrase in spaces ", "  a phrase in spaces"],
        ["a phrase\twith a tab", "a phrase with a tab", "a phrase  with a tab"],
        ["\u{1f408} a phrase of cats", "\u{1f431} a phrase of cats", " a phrase of cats"],
        ["a phrase of ligatures \ufb01", "a phrase of ligatures fi"]
      ] as const) {
        assert.strictEqual((yield* reset(yield* codeFor(email), password)).status, 200, password)
        assert.strictEqual((yield* signIn(email, password)).status, 200)
        for (const other of others) assertError(yield* signIn(email, other), 400, "InvalidCredentials")
      }
    })
  )

  it.effect("F4: a stored hash that asks for 4 GiB or a billion rounds matches nothing, and a reset mends it", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { codeFor, get, register, reset, signIn } = yield* Service
      const { email, id, password } = yield* register()
      const hash = yield* passwordHashOf(id)
      assert.include(hash, "m=128,t=1,p=1")
      for (const cost of [
        ...["m=4194304,t=1,p=1", "m=128,t=1000000000,p=1", "m=128,t=4294967295,p=1", "m=4294967295,t=4294967295,p=255"],
        ...["m=128,t=1,p=16777215", "m=-1,t=1,p=1", "m=0,t=0,p=0", "m=99999999999999999999,t=1,p=1", "m=1e9,t=1,p=1"]
      ]) {
        yield* sql`update users set password_hash = ${hash.replace("m=128,t=1,p=1", cost)} where id = ${id}::uuid`
        assertError(yield* signIn(email, password), 400, "InvalidCredentials")
      }
      assert.strictEqual((yield* get("/health")).status, 200)
      assert.strictEqual((yield* reset(yield* codeFor(email), newPassword)).status, 200)
      assert.strictEqual((yield* signIn(email, newPassword)).status, 200)
    })
  )

  it.effect("F5: the owner is told of a reset by mail: when, from what, from where, what to do, and no secret", () =>
    Effect.gen(function* () {
      const { codeFor, post, register } = yield* Service
      const { email } = yield* register()
      const code = yield* codeFor(email)
      const firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
      const body = { code, password: newPassword, passwordConfirmation: newPassword }
      assert.strictEqual((yield* post("/auth/reset-password", body, { "user-agent": firefox })).status, 200)
      const { envelope, parsed, raw } = yield* (yield* MailServer).next(email)
      assert.deepStrictEqual(envelope.to, [email])
      assert.strictEqual(parsed.subject, "Your Rekey password was reset")
      for (const text of [parsed.text ?? "", String(parsed.html)]) {
        assert.match(text, new RegExp(`When: .*${new Date().getUTCFullYear()} at \\d\\d:\\d\\d UTC`))
        assert.include(text, "Device: Firefox on Windows")
        assert.include(text, "Network: 127.0.0.0/24")
        assert.match(text, /If it wasn(&#39;|')t you/)
        assert.notMatch(text, /code=|href/)
      }
      for (const secret of [code, newPassword]) assert.notInclude(raw, secret)
    })
  )

  it.effect("F6: the trail has a row a step, with actor, outcome and the request's id, and no secret", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { codeFor, forgot, post, register, reset, signIn } = yield* Service
      const { email, id, jwt, password } = yield* register()
      const rowsOf = (requestId: unknown) =>
        Effect.map(
          sql<{
            readonly event: string
            readonly outcome: string
            readonly reason: string | null
            readonly actor: string
          }>`
            select event, outcome, reason, actor from audit where request_id = ${String(requestId)} order by id`,
          (rows) => rows.map(({ actor, event, outcome, reason }) => [event, outcome, reason, actor].join(" "))
        )
      /** Refusals are written down behind the answer. */
      const steps = Effect.fnUntraced(function* (requestId: unknown, count: number) {
        const rows = yield* Effect.repeat(Effect.delay(rowsOf(requestId), "10 millis"), {
          until: (_) => _.length >= count
        })
        return rows
      })
      const code = yield* codeFor(email)
      const asked = yield* forgot(email)
      assert.deepStrictEqual(yield* steps(asked.headers["x-request-id"], 3), [
        "recovery.requested done  anonymous",
        "code.issued done  system",
        "mail.reset-code sent  system"
      ])
      const superseded = yield* reset(code, newPassword)
      assertError(superseded, 403, "ResetCodeSuperseded")
      assert.lengthOf(yield* steps(superseded.headers["x-request-id"], 1), 1)
      const newest = codeIn((yield* (yield* MailServer).next(email)).parsed.text ?? "")
      const weak = { password: "password123", passwordConfirmation: "password123" }
      const weakReset = yield* reset(newest, weak.password)
      assertError(weakReset, 400, "PasswordRejected")
      assert.deepStrictEqual(yield* steps(weakReset.headers["x-request-id"], 1), [
        "password.reset refused password-rejected anonymous"
      ])
      const weakChange = yield* post("/auth/change-password", { ...weak, currentPassword: password }, bearer(jwt))
      assertError(weakChange, 400, "PasswordRejected")
      assert.deepStrictEqual(yield* steps(weakChange.headers["x-request-id"], 1), [
        "password.changed refused password-rejected owner"
      ])
      const done = yield* reset(newest, newPassword)
      assert.deepStrictEqual((yield* steps(done.headers["x-request-id"], 2)).slice(0, 2), [
        "password.reset done  owner",
        "mail.password-reset sent  system"
      ])
      const refused = yield* signIn(email, password)
      assert.deepStrictEqual(yield* steps(refused.headers["x-request-id"], 1), [
        "sign-in refused wrong-password anonymous"
      ])
      const nobodys = yield* reset(nobodysCode, newPassword)
      assert.lengthOf(yield* rowsOf(nobodys.headers["x-request-id"]), 0)
      const trail = yield* sql<{ readonly row: string }>`
        select to_json(a)::text as row from audit a where user_id = ${id}::uuid`
      const text = trail.map(({ row }) => row).join("\n")
      for (const secret of [code, newest, newPassword, password, email, "argon2"]) assert.notInclude(text, secret)
      assert.isAtLeast(trail.length, 8)
    })
  )

  it.effect("F7: an administrator's start shows the code to the owner alone, and is in the trail under the name", () =>
    Effect.gen(function* () {
      const metricsToken = Redacted.make("a-token-of-the-tests-that-is-long-enough")
      const service = yield* startService({ settings: { administrators, metricsToken: Option.some(metricsToken) } })
      const { next } = yield* MailServer
      const sql = yield* SqlClient.SqlClient
      const { email, id, password } = yield* service.register()
      const path = "/admin/send-reset-code"
      const ask = (body: unknown, token = aliceToken) => service.post(path, body, bearer(token))

      // Nothing that is asked for beside it chooses a password, a mailbox or a code.
      const extras = { password: newPassword, email: "eve@example.com", to: "eve@example.com", code: nobodysCode }
      const answer = yield* ask({ ...extras, identifier: email })
      assert.deepStrictEqual([answer.status, answer.text], [200, '{"ok":true}'])
      const { envelope, parsed } = yield* next(email)
      assert.deepStrictEqual(envelope.to, [email])
      const text = parsed.text ?? ""
      assert.include(text, "An administrator of Rekey asked to reset the password")
      const code = codeIn(text)
      assert.notInclude(JSON.stringify(answer.headers), code)
      assert.strictEqual((yield* service.signIn(email, password)).status, 200)

      const requestId = String(answer.headers["x-request-id"])
      assert.deepStrictEqual(
        yield* sql`
          select event, outcome, actor, administrator, user_id from audit
          where request_id = ${requestId} and event not like 'mail.%' order by id`,
        [
          { event: "recovery.requested", outcome: "done", actor: "administrator", administrator: "alice", userId: id },
          { event: "code.issued", outcome: "done", actor: "system", administrator: null, userId: id }
        ]
      )
      assert.strictEqual((yield* service.reset(code, newPassword)).status, 200)

      const metrics = yield* service.get("/metrics", bearer(Redacted.value(metricsToken)))
      assert.include(metrics.text, `route="${path}"`)
      const trail = JSON.stringify(yield* sql`select a::text as row from audit a`)
      const spans = service.spans.map(({ attributes, name }) => `${name} ${[...attributes]}`)
      for (const place of [metrics.text, trail, ...service.logs, ...spans]) {
        for (const secret of [code, aliceToken]) assert.notInclude(place, secret)
      }

      for (const token of ["", "alice", "alice:", `alice:${aliceToken}`, aliceToken.slice(1), `${aliceToken}x`]) {
        assertError(yield* ask({ identifier: email }, token), 401, "Unauthenticated")
      }
    })
  )

  it.effect("F8: a session that bears an older password's version is dead, though its row is there", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { get, me, register } = yield* Service
      const { id, jwt } = yield* register()
      yield* sql`update users set credentials_version = credentials_version + 1 where id = ${id}::uuid`
      assertError(yield* me(jwt), 401, "Unauthenticated")
      assertError(yield* get("/auth/sessions", bearer(jwt)), 401, "Unauthenticated")
    })
  )
})

onPostgres("after the reset, what was under way", Service.layerWatched(), (it) => {
  it.effect("F8: a sign-in that has verified the old password gets no session", () =>
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

  it.effect("F8: a sign-in with the password that the reset sets gets its session at the second look", () =>
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

  it.effect("F8: a sign-in that makes the old password's hash anew doesn't put it back", () =>
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
      const stands = yield* passwordHashOf(id)
      yield* release
      assertError(yield* Fiber.join(signingIn), 400, "InvalidCredentials")
      assert.strictEqual(yield* passwordHashOf(id), stands)
      assert.strictEqual((yield* signIn(email, newPassword)).status, 200)
      assertError(yield* signIn(email, password), 400, "InvalidCredentials")
    })
  )

  for (const work of ["verify", "hash"] as const) {
    it.effect(`F9: a change of the password, halted after its ${work}, is 401 and changes nothing`, () =>
      Effect.gen(function* () {
        const { changePassword, codeFor, register, reset, signIn } = yield* Service
        const { halt } = yield* WatchedHasher
        const { email, id, jwt, password } = yield* register()
        const code = yield* codeFor(email)
        const { reached, release } = yield* halt(work)
        const changing = yield* Effect.forkChild(changePassword(jwt, password, "the attacker's phrase"))
        yield* reached
        assert.strictEqual((yield* reset(code, newPassword)).status, 200)
        const stands = yield* passwordHashOf(id)
        yield* release
        assertError(yield* Fiber.join(changing), 401, "Unauthenticated")
        assert.strictEqual(yield* passwordHashOf(id), stands)
        assert.strictEqual((yield* signIn(email, newPassword)).status, 200)
      })
    )
  }
})

onPostgres("after the reset, at two services", Layer.provideMerge(Service.layer(), WatchedHasher.layer), (it) => {
  it.effect("F1: a reset at one ends the sessions of the other at once", () =>
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

  it.effect("F8: a sign-in at one, under way while a reset runs at the other, gets no session", () =>
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
