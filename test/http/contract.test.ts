import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { type Answer, assertError, bearer, textAt } from "../support/client.ts"
import { onBothDatabases, Service, timePasses } from "../support/service.ts"

const newPassword = "a new long phrase"
/** Of the form of a code, and nobody's. */
const nobodysCode = "x".repeat(43)
/** Of what is stored, and of a request. */
const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const uuidV4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

const setBlocked = Effect.fnUntraced(function* (email: string, blocked: boolean) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`update users set blocked = ${blocked} where email = ${email}`
})

/** The user on the wire: these members and no other, a password hash least of all. */
const assertUser = (
  answer: Answer,
  at: ReadonlyArray<string>,
  { email, username }: { email: string; username: string }
) => {
  const user = at.reduce<unknown>((value, key) => Reflect.get(Object(value), key), answer.json)
  assert.deepInclude(user, { email, username, blocked: false })
  assert.sameMembers(Object.keys(Object(user)), [
    ...["id", "username", "email", "confirmed", "blocked", "createdAt", "updatedAt"]
  ])
  assert.match(textAt(answer, ...at, "id"), uuidV7)
  assert.match(textAt(answer, ...at, "createdAt"), instant)
  assert.match(textAt(answer, ...at, "updatedAt"), instant)
}

const done = { ok: true }

onBothDatabases("the contract", Service.layerWithInbox(), (it) => {
  it.effect("POST /auth/reset-password sets the password and answers the user, without a session (F2)", () =>
    Effect.gen(function* () {
      const { codeFor, register, reset, signIn } = yield* Service
      const ada = yield* register()
      const answer = yield* reset(yield* codeFor(ada.email), newPassword)
      assert.strictEqual(answer.status, 200, answer.text)
      assert.deepStrictEqual(Object.keys(Object(answer.json)), ["user"])
      assertUser(answer, ["user"], ada)
      assert.strictEqual(textAt(answer, "user", "id"), ada.id)
      assert.strictEqual((yield* signIn(ada.email, newPassword)).status, 200)
      assertError(yield* signIn(ada.email, ada.password), 400, "InvalidCredentials")
    })
  )

  it.effect(
    "POST /auth/reset-password answers 403 for a code that was used, 404 for one that nobody was given (B6)",
    () =>
      Effect.gen(function* () {
        const { codeFor, register, reset } = yield* Service
        const code = yield* codeFor((yield* register()).email)
        assert.strictEqual((yield* reset(code, newPassword)).status, 200)
        assertError(yield* reset(code, newPassword), 403, "ResetCodeUsed")
        for (const unknown of [nobodysCode, "x", code.slice(1), `${code} `, "ü", "y".repeat(60_000)]) {
          assertError(yield* reset(unknown, newPassword), 404, "ResetCodeNotFound")
        }
      })
  )

  it.effect("POST /auth/reset-password answers 403 for a code that a newer one took the place of (B3)", () =>
    Effect.gen(function* () {
      const { codeFor, register, reset } = yield* Service
      const { email } = yield* register()
      const former = yield* codeFor(email)
      const newest = yield* codeFor(email)
      assertError(yield* reset(former, newPassword), 403, "ResetCodeSuperseded")
      assert.strictEqual((yield* reset(newest, newPassword)).status, 200)
    })
  )

  it.effect("POST /auth/reset-password answers 403 for a blocked account, and the code is good once it isn't", () =>
    Effect.gen(function* () {
      const { check, codeFor, register, reset } = yield* Service
      const { email } = yield* register()
      const code = yield* codeFor(email)
      yield* setBlocked(email, true)
      assertError(yield* reset(code, newPassword), 403, "AccountBlocked")
      assertError(yield* check(code), 403, "AccountBlocked")
      yield* setBlocked(email, false)
      assert.strictEqual((yield* reset(code, newPassword)).status, 200)
    })
  )

  it.effect("POST /auth/reset-password answers 404 for the code of a deleted account", () =>
    Effect.gen(function* () {
      const { check, codeFor, register, reset } = yield* Service
      const sql = yield* SqlClient.SqlClient
      const { email } = yield* register()
      const code = yield* codeFor(email)
      yield* sql`delete from users where email = ${email}`
      assertError(yield* reset(code, newPassword), 404, "ResetCodeNotFound")
      assertError(yield* check(code), 404, "ResetCodeNotFound")
    })
  )

  it.effect("tells the first of used, superseded, expired, blocked", () =>
    Effect.gen(function* () {
      const { check, codeFor, register, reset } = yield* Service
      const { email } = yield* register()
      const [superseded, used] = [yield* codeFor(email), yield* codeFor(email)]
      yield* reset(used, newPassword)
      const alsoBlocked = yield* codeFor(email)
      yield* timePasses("31 minutes")
      yield* setBlocked(email, true)
      for (const ask of [check, (code: string) => reset(code, newPassword)]) {
        assertError(yield* ask(used), 403, "ResetCodeUsed")
        assertError(yield* ask(superseded), 403, "ResetCodeSuperseded")
        assertError(yield* ask(alsoBlocked), 403, "ResetCodeExpired")
      }
    })
  )

  it.effect("checks the request in the documented order: form, mismatch, length, code", () =>
    Effect.gen(function* () {
      const { post, reset } = yield* Service
      const short = { code: nobodysCode, password: "short", passwordConfirmation: "shorter" }
      assertError(yield* post("/auth/reset-password", { ...short, code: 1 }), 400, "InvalidRequest")
      assertError(yield* post("/auth/reset-password", short), 400, "PasswordMismatch")
      assertError(yield* reset(nobodysCode, "short"), 400, "PasswordRejected")
      assertError(yield* reset(nobodysCode, "é".repeat(256)), 404, "ResetCodeNotFound")
    })
  )

  it.effect("POST /auth/reset-password/check says until when a code may be used, and doesn't use it", () =>
    Effect.gen(function* () {
      const { check, codeFor, register, reset } = yield* Service
      const sql = yield* SqlClient.SqlClient
      const code = yield* codeFor((yield* register()).email)
      const [stored] = yield* sql<{ readonly expiresAt: Date }>`
        select expires_at from reset_codes order by issued_at desc limit 1`
      for (let time = 0; time < 3; time++) {
        const answer = yield* check(code)
        assert.deepStrictEqual([answer.status, answer.json], [200, { expiresAt: stored?.expiresAt.toISOString() }])
      }
      assert.strictEqual((yield* reset(code, newPassword)).status, 200)
      assertError(yield* check(code), 403, "ResetCodeUsed")
      assertError(yield* check(nobodysCode), 404, "ResetCodeNotFound")
    })
  )

  it.effect("POST /auth/local/register makes an account and signs in to it", () =>
    Effect.gen(function* () {
      const { me, post } = yield* Service
      const ada = { username: "Ada Lovelace", email: "Ada@Example.COM", password: "a phrase" }
      const answer = yield* post("/auth/local/register", ada)
      assert.strictEqual(answer.status, 200, answer.text)
      assert.sameMembers(Object.keys(Object(answer.json)), ["jwt", "user"])
      assertUser(answer, ["user"], ada)
      assertUser(yield* me(textAt(answer, "jwt")), [], ada)
    })
  )

  it.effect(
    "POST /auth/local/register answers 409 where the address or the user name is taken, however it is spelt (A4, E2)",
    () =>
      Effect.gen(function* () {
        const { post, register } = yield* Service
        const ada = yield* register()
        const other = { username: "another name", email: "another@example.com", password: newPassword }
        for (const taken of [
          { email: ada.email },
          { email: ` ${ada.email.toUpperCase()} ` },
          { username: ada.username },
          { username: ` ${ada.username.toUpperCase()} ` }
        ]) {
          assertError(yield* post("/auth/local/register", { ...other, ...taken }), 409, "AccountExists")
        }
        assert.strictEqual((yield* post("/auth/local/register", other)).status, 200)
      })
  )

  it.effect("POST /auth/local/register refuses a password that is too short or too long", () =>
    Effect.gen(function* () {
      const { post } = yield* Service
      for (const password of ["1234567", "é".repeat(257)]) {
        const account = { username: "somebody", email: "somebody@example.com", password }
        assertError(yield* post("/auth/local/register", account), 400, "PasswordRejected")
      }
    })
  )

  it.effect("POST /auth/local signs in with the address or the user name, however they are spelt", () =>
    Effect.gen(function* () {
      const { register, signIn } = yield* Service
      const ada = yield* register()
      for (const identifier of [
        ada.email,
        ` ${ada.email.toUpperCase()} `,
        ada.username,
        ` ${ada.username.toUpperCase()} `
      ]) {
        const answer = yield* signIn(identifier, ada.password)
        assert.strictEqual(answer.status, 200, answer.text)
        assertUser(answer, ["user"], ada)
      }
    })
  )

  it.effect("POST /auth/local tells the owner of a blocked account, and nobody else", () =>
    Effect.gen(function* () {
      const { me, register, signIn } = yield* Service
      const { email, jwt, password } = yield* register()
      yield* setBlocked(email, true)
      assertError(yield* signIn(email, password), 403, "AccountBlocked")
      assertError(yield* signIn(email, "not the password"), 400, "InvalidCredentials")
      assertError(yield* me(jwt), 401, "Unauthenticated")
    })
  )

  it.effect("POST /auth/change-password answers a fresh token for the same session", () =>
    Effect.gen(function* () {
      const { changePassword, get, me, register, signIn } = yield* Service
      const ada = yield* register()
      const answer = yield* changePassword(ada.jwt, ada.password, newPassword)
      assert.strictEqual(answer.status, 200, answer.text)
      assert.sameMembers(Object.keys(Object(answer.json)), ["jwt", "user"])
      assertUser(answer, ["user"], ada)
      const fresh = textAt(answer, "jwt")
      assert.notStrictEqual(fresh, ada.jwt)
      const before = yield* get("/auth/sessions", bearer(ada.jwt))
      const after = yield* get("/auth/sessions", bearer(fresh))
      assert.deepStrictEqual(before.json, after.json)
      assert.strictEqual((yield* me(fresh)).status, 200)
      assert.strictEqual((yield* signIn(ada.email, newPassword)).status, 200)
      assertError(yield* signIn(ada.email, ada.password), 400, "InvalidCredentials")
    })
  )

  it.effect(
    "POST /auth/change-password refuses a wrong current password, a mismatch, a short one, and changes nothing",
    () =>
      Effect.gen(function* () {
        const { changePassword, post, register, signIn } = yield* Service
        const { email, jwt, password } = yield* register()
        const differing = { currentPassword: password, password: newPassword, passwordConfirmation: "another" }
        assertError(yield* changePassword(jwt, "not the password", newPassword), 400, "InvalidCredentials")
        assertError(yield* post("/auth/change-password", differing, bearer(jwt)), 400, "PasswordMismatch")
        assertError(yield* changePassword(jwt, password, "short"), 400, "PasswordRejected")
        assert.strictEqual((yield* signIn(email, password)).status, 200)
      })
  )

  it.effect("POST /auth/logout ends this session alone", () =>
    Effect.gen(function* () {
      const { me, register, send, signIn } = yield* Service
      const { email, jwt, password } = yield* register()
      const other = textAt(yield* signIn(email, password), "jwt")
      const answer = yield* send("POST", "/auth/logout", { headers: bearer(jwt) })
      assert.deepStrictEqual([answer.status, answer.json], [200, done])
      assertError(yield* me(jwt), 401, "Unauthenticated")
      assertError(yield* send("POST", "/auth/logout", { headers: bearer(jwt) }), 401, "Unauthenticated")
      assert.strictEqual((yield* me(other)).status, 200)
    })
  )

  it.effect("GET /auth/sessions lists the account's sessions, the current one first", () =>
    Effect.gen(function* () {
      const { get, post, register, signIn } = yield* Service
      const { email, jwt, password } = yield* register()
      yield* register()
      yield* signIn(email, password)
      const iphone =
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Mobile/15E148 Safari/604.1"
      yield* post("/auth/local", { identifier: email, password }, { "user-agent": iphone })
      const answer = yield* get("/auth/sessions", bearer(jwt))
      assert.strictEqual(answer.status, 200)
      const sessions = sessionsIn(answer)
      assert.deepStrictEqual(
        sessions.map(({ current }) => current),
        [true, false, false]
      )
      assert.deepStrictEqual(
        sessions.map(({ device }) => device),
        ["an unknown device", "Safari on an iPhone", "an unknown device"]
      )
      for (const session of sessions) {
        assert.sameMembers(Object.keys(session), ["id", "createdAt", "expiresAt", "current", "device", "clientAddress"])
        assert.strictEqual(session.clientAddress, "127.0.0.0/24")
        assert.match(session.id, uuidV7)
        assert.strictEqual(Date.parse(session.expiresAt) - Date.parse(session.createdAt), 30 * 86_400_000)
      }
    })
  )

  it.effect("DELETE /auth/sessions/{id} ends one session of the account, and none of another's", () =>
    Effect.gen(function* () {
      const { get, me, register, send, signIn } = yield* Service
      const [ada, eve] = [yield* register(), yield* register()]
      const other = textAt(yield* signIn(ada.email, ada.password), "jwt")
      const [, { id } = { id: "" }] = sessionsIn(yield* get("/auth/sessions", bearer(ada.jwt)))
      const end = (jwt: string, id: string) => send("DELETE", `/auth/sessions/${id}`, { headers: bearer(jwt) })
      assertError(yield* end(eve.jwt, id), 404, "SessionNotFound")
      assert.strictEqual((yield* me(other)).status, 200)
      const answer = yield* end(ada.jwt, id)
      assert.deepStrictEqual([answer.status, answer.json], [200, done])
      assertError(yield* me(other), 401, "Unauthenticated")
      assert.strictEqual((yield* me(ada.jwt)).status, 200)
      assertError(yield* end(ada.jwt, id), 404, "SessionNotFound")
      const details = assertError(yield* end(ada.jwt, "not-a-uuid"), 400, "InvalidRequest")
      assert.deepStrictEqual(
        details.map(({ path }) => path),
        [["id"]]
      )
    })
  )

  it.effect("DELETE /auth/sessions ends all but this one", () =>
    Effect.gen(function* () {
      const { me, register, send, signIn } = yield* Service
      const [ada, eve] = [yield* register(), yield* register()]
      const others = [
        textAt(yield* signIn(ada.email, ada.password), "jwt"),
        textAt(yield* signIn(ada.email, ada.password), "jwt")
      ]
      const answer = yield* send("DELETE", "/auth/sessions", { headers: bearer(ada.jwt) })
      assert.deepStrictEqual([answer.status, answer.json], [200, done])
      for (const other of others) assertError(yield* me(other), 401, "Unauthenticated")
      assert.strictEqual((yield* me(ada.jwt)).status, 200)
      assert.strictEqual((yield* me(eve.jwt)).status, 200)
    })
  )

  it.effect("asks for a bearer token wherever somebody has to be signed in", () =>
    Effect.gen(function* () {
      const { register, send } = yield* Service
      const { jwt } = yield* register()
      const change = { currentPassword: "a", password: newPassword, passwordConfirmation: newPassword }
      for (const [method, path, body] of [
        ["GET", "/users/me"],
        ["GET", "/users/me/language"],
        ["PUT", "/users/me/language", { language: "de" }],
        ["GET", "/users/me/events"],
        ["GET", "/users/me/export"],
        ["POST", "/auth/delete-account", { currentPassword: "a" }],
        ["POST", "/auth/change-email", { email: "a@example.com", currentPassword: "a" }],
        ["GET", "/auth/sessions"],
        ["DELETE", "/auth/sessions"],
        ["DELETE", "/auth/sessions/01a20fbe-1e09-71b6-b4ea-06529239c4aa"],
        ["POST", "/auth/logout"],
        ["POST", "/auth/change-password", change]
      ] as const) {
        for (const authorization of [
          undefined,
          "",
          "Bearer",
          "Bearer ",
          "Bearer x",
          "Basic eDp5",
          jwt,
          `Bearer ${jwt}x`
        ]) {
          const headers = {
            ...(authorization !== undefined && { authorization }),
            ...(body && { "content-type": "application/json" })
          }
          const answer = yield* send(method, path, { headers, body })
          assertError(answer, 401, "Unauthenticated")
          assert.strictEqual(answer.headers["www-authenticate"], "Bearer")
        }
      }
    })
  )

  it.effect("GET /health and GET /ready answer 200", () =>
    Effect.gen(function* () {
      const { get } = yield* Service
      for (const path of ["/health", "/ready"]) {
        const answer = yield* get(path)
        assert.deepStrictEqual([answer.status, answer.json], [200, done])
      }
    })
  )

  it.effect("puts an id, no-store and nosniff on every answer", () =>
    Effect.gen(function* () {
      const { get, post, reset } = yield* Service
      const answers = [
        yield* get("/health"),
        yield* get("/nowhere"),
        yield* get("/auth/local"),
        yield* get("/users/me"),
        yield* get("/docs"),
        yield* get("/openapi.json"),
        yield* get("/reset-password"),
        yield* post("/auth/local", "{"),
        yield* reset(nobodysCode, newPassword)
      ]
      for (const { headers } of answers) {
        assert.match(String(headers["x-request-id"]), uuidV4)
        assert.strictEqual(headers["cache-control"], "no-store")
        assert.strictEqual(headers["x-content-type-options"], "nosniff")
      }
      assert.strictEqual(new Set(answers.map(({ headers }) => headers["x-request-id"])).size, answers.length)
    })
  )
})

interface ListedSession {
  readonly id: string
  readonly createdAt: string
  readonly expiresAt: string
  readonly current: boolean
  readonly device: string
  readonly clientAddress: string | null
}

const sessionsIn = ({ json, text }: Answer): ReadonlyArray<ListedSession> => {
  const { sessions } = Object(json)
  assert(Array.isArray(sessions), text)
  return sessions
}
