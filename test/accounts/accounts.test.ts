import { createHmac, hkdfSync } from "node:crypto"
import { assert } from "@effect/vitest"
import { Array, Effect, Fiber, Option, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { SignJWT } from "jose"
import { argon2id } from "../../src/passwords/argon2.ts"
import { bcrypt } from "../../src/passwords/bcrypt.ts"
import { passwordHashOf } from "../attacks/common.ts"
import { cheapCost, cheapHashing, WatchedHasher } from "../passwords/doubles.ts"
import { vectors } from "../passwords/vectors.ts"
import { type Answer, assertError, bearer, textAt } from "../support/client.ts"
import { onBothDatabases, onPostgres, Service, startService, timePasses } from "../support/service.ts"

const newPassword = "a new long phrase"

onBothDatabases("accounts", Service.layerWatched(), (it) => {
  it.effect("the parameters of a hash are brought up to date at sign-in, without ending a session", () =>
    Effect.gen(function* () {
      const { me, register, signIn } = yield* Service
      const stronger = yield* startService({
        settings: { hashing: { ...cheapHashing, writes: argon2id({ ...cheapCost, iterations: 3 }) } }
      })
      const { email, id, jwt, password } = yield* register()
      const parameters = Effect.map(passwordHashOf(id), (hash) => hash.split("$")[3])
      assert.strictEqual(yield* parameters, "m=128,t=1,p=1")
      assertError(yield* stronger.signIn(email, "not the password"), 400, "InvalidCredentials")
      assert.strictEqual(yield* parameters, "m=128,t=1,p=1")
      assert.strictEqual((yield* stronger.signIn(email, password)).status, 200)
      assert.strictEqual(yield* parameters, "m=128,t=3,p=1")
      assert.strictEqual((yield* signIn(email, password)).status, 200)
      assert.strictEqual((yield* me(jwt)).status, 200)
    })
  )

  it.effect("a hash that another application made opens its account, and is made again in the table's own format", () =>
    Effect.gen(function* () {
      const { me, register, signIn } = yield* Service
      for (const { hash, password } of Array.dedupeWith(vectors, (one, other) => one.format === other.format)) {
        const { email, id } = yield* register()
        const sql = yield* SqlClient.SqlClient
        yield* sql`update users set password_hash = ${hash} where id = ${id}::uuid`
        assertError(yield* signIn(email, `${password}!`), 400, "InvalidCredentials")
        assert.strictEqual(yield* passwordHashOf(id), hash)
        const jwt = textAt(yield* signIn(email, password), "jwt")
        assert.match(yield* passwordHashOf(id), /^\$argon2id\$v=19\$m=128,t=1,p=1\$/, hash)
        assert.strictEqual((yield* signIn(email, password)).status, 200)
        assert.strictEqual((yield* me(jwt)).status, 200)
      }
    })
  )

  it.effect(
    "an account with a hash of no known format, or none, answers as to a wrong password, and the log says why",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { codeFor, logs, register, reset, signIn } = yield* Service
        const { asked } = yield* WatchedHasher
        for (const [hash, line] of [
          ["5f4dcc3b5aa765d61d8327deb882cf99", "A stored hash is of no known format"],
          ["$2b$31$lLsozpD/Khs71MULpIvD2.4whU0LWST1Gy3Ir1eLwrTrYFR1NIl8q", "A stored hash is of no known format"],
          ["", "A password was tried at an account that has none"]
        ] as const) {
          const { email, id } = yield* register()
          yield* sql`update users set password_hash = ${hash} where id = ${id}::uuid`
          const [written, worked] = [logs.length, asked.length]
          for (const guess of ["password", hash, " "])
            assertError(yield* signIn(email, guess), 400, "InvalidCredentials")
          assert.deepStrictEqual(asked.slice(worked), ["verify", "verify", "verify"])
          const lines = logs.slice(written).filter((logged) => logged.includes(line))
          assert.lengthOf(lines, 3)
          for (const logged of lines) assert.include(logged, id)
          if (hash !== "") for (const logged of logs.slice(written)) assert.notInclude(logged, hash)
          assert.strictEqual((yield* reset(yield* codeFor(email), newPassword)).status, 200)
          assert.strictEqual((yield* signIn(email, newPassword)).status, 200)
        }
      })
  )

  it.effect("where hashes are bcrypt, a password of more than 72 bytes is refused at each door, and never cut", () =>
    Effect.gen(function* () {
      const service = yield* startService({
        settings: { hashing: { ...cheapHashing, writes: bcrypt({ cost: 4, prefix: "2y" }) } }
      })
      const { changePassword, codeFor, post, register, reset, signIn } = service
      const { email, id, jwt, password } = yield* register()
      assert.match(yield* passwordHashOf(id), /^\$2y\$04\$/)
      const refused = (answer: Answer, message: string) => {
        assertError(answer, 400, "PasswordRejected")
        assert.include(textAt(answer, "message"), message)
      }
      const code = yield* codeFor(email)
      for (const [long, message] of [
        ["é".repeat(37), "72 bytes"],
        ["x".repeat(73), "72 characters"]
      ] as const) {
        refused(yield* reset(code, long), message)
        refused(yield* changePassword(jwt, password, long), message)
        const other = { username: "longwinded", email: "longwinded@example.com", password: long }
        refused(yield* post("/auth/local/register", other), message)
      }
      // Only a code that wasn't used up by the refusals resets now.
      assert.strictEqual((yield* reset(code, "é".repeat(36))).status, 200)
      assert.match(yield* passwordHashOf(id), /^\$2y\$04\$/)
      assert.strictEqual((yield* signIn(email, "é".repeat(36))).status, 200)
      assertError(yield* signIn(email, "é".repeat(35)), 400, "InvalidCredentials")
    })
  )

  it.effect("of ten who register one address or one user name at once, one gets it", () =>
    Effect.gen(function* () {
      const { post } = yield* Service
      const password = "a long phrase"
      for (const account of [
        (number: number) => ({ username: `one of ten ${number}`, email: "wanted@example.com", password }),
        (number: number) => ({ username: "wanted", email: `one.of.ten${number}@example.com`, password })
      ]) {
        const answers = yield* Effect.forEach(
          Array.range(1, 10),
          (number) => post("/auth/local/register", account(number)),
          { concurrency: "unbounded" }
        )
        const [won, ...others] = answers.sort((one, other) => one.status - other.status)
        assert.strictEqual(won?.status, 200)
        for (const answer of others) assertError(answer, 409, "AccountExists")
      }
    })
  )

  it.effect("of two changes of the password at once, one succeeds and the other is 401", () =>
    Effect.gen(function* () {
      const { changePassword, register, signIn } = yield* Service
      const { halt } = yield* WatchedHasher
      const { email, jwt, password } = yield* register()
      const other = textAt(yield* signIn(email, password), "jwt")
      const { reached, release } = yield* halt("hash")
      const late = yield* Effect.forkChild(changePassword(other, password, "the phrase of the other"))
      yield* reached
      assert.strictEqual((yield* changePassword(jwt, password, newPassword)).status, 200)
      yield* release
      assertError(yield* Fiber.join(late), 401, "Unauthenticated")
      assert.strictEqual((yield* signIn(email, newPassword)).status, 200)
    })
  )

  it.effect("a session ends with its time, by the database's clock", () =>
    Effect.gen(function* () {
      const { me, register } = yield* Service
      const { jwt } = yield* register()
      yield* timePasses("29 days 23 hours 59 minutes")
      assert.strictEqual((yield* me(jwt)).status, 200)
      yield* timePasses("2 minutes")
      assertError(yield* me(jwt), 401, "Unauthenticated")
    })
  )
})

onPostgres("closed registration", Service.layerWithInbox({ settings: { registration: false } }), (it) => {
  it.effect("is 403, and makes no account", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { post } = yield* Service
      const account = { username: "ada", email: "ada@example.com", password: "a long phrase" }
      assertError(yield* post("/auth/local/register", account), 403, "RegistrationClosed")
      assert.deepStrictEqual(yield* sql`select id from users`, [])
    })
  )
})

const secret = "the secret of the tokens, long enough"
const keyFor = (purpose: string, of = secret) => new Uint8Array(hkdfSync("sha256", of, "", `rekey ${purpose} v1`, 32))

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")

const claimsIn = (jwt: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString())

const signed = (claims: Record<string, unknown>, key = keyFor("session token"), header: Record<string, unknown> = {}) =>
  Effect.promise(() => new SignJWT(claims).setProtectedHeader({ alg: "HS256", typ: "JWT", ...header }).sign(key))

onPostgres(
  "a token",
  Service.layerWithInbox({ settings: { appSecrets: Option.some([Redacted.make(secret)]) } }),
  (it) => {
    it.effect("names its session and its account, says when it ends, and is never the same twice", () =>
      Effect.gen(function* () {
        const { get, register, signIn } = yield* Service
        const ada = yield* register()
        const claims = claimsIn(ada.jwt)
        assert.sameMembers(Object.keys(claims), ["sid", "sub", "jti", "iat", "exp"])
        assert.strictEqual(claims.sub, ada.id)
        assert.closeTo(Number(claims.exp) - Number(claims.iat), 30 * 86_400, 5)
        const { sessions } = Object((yield* get("/auth/sessions", bearer(ada.jwt))).json)
        assert.strictEqual(sessions[0].id, claims.sid)
        const other = claimsIn(textAt(yield* signIn(ada.email, ada.password), "jwt"))
        for (const name of ["sid", "jti"]) assert.notStrictEqual(other[name], claims[name])
        assert.deepStrictEqual(JSON.parse(Buffer.from(ada.jwt.split(".")[0] ?? "", "base64url").toString()), {
          alg: "HS256",
          typ: "JWT"
        })
      })
    )

    it.effect("is good while its session lives, whatever its own exp says", () =>
      Effect.gen(function* () {
        const { me, register } = yield* Service
        const sql = yield* SqlClient.SqlClient
        const { id, jwt } = yield* register()
        const claims = claimsIn(jwt)
        const past = yield* signed({ ...claims, exp: 1 })
        assert.strictEqual((yield* me(past)).status, 200)
        assert.strictEqual((yield* me(yield* signed({ sid: claims.sid }))).status, 200)
        yield* sql`update sessions set expires_at = now() where user_id = ${id}::uuid`
        assertError(yield* me(past), 401, "Unauthenticated")
        assertError(yield* me(yield* signed({ ...claims, exp: 99_999_999_999 })), 401, "Unauthenticated")
      })
    )

    it.effect("is refused where anything but the token key of APP_SECRET signed it", () =>
      Effect.gen(function* () {
        const { me, register } = yield* Service
        const { jwt } = yield* register()
        const claims = claimsIn(jwt)
        const [header = "", payload = "", signature = ""] = jwt.split(".")
        const unsigned = base64url({ alg: "none", typ: "JWT" })
        for (const forged of [
          yield* signed(claims, keyFor("reset code")),
          yield* signed(claims, keyFor("session token", "another secret, as long as this one is")),
          yield* signed(claims, new TextEncoder().encode(secret)),
          yield* signed(claims, new Uint8Array(32)),
          `${unsigned}.${payload}.`,
          `${unsigned}.${payload}`,
          `${unsigned}.${payload}.${signature}`,
          `${base64url({ alg: "None" })}.${payload}.${signature}`,
          `${header}.${payload}.`,
          `${header}.${payload}.${signature.slice(0, -1)}`,
          `${header}.${base64url({ ...claims, sub: "another" })}.${signature}`,
          `${header}.${payload}.${createHmac("sha1", keyFor("session token")).update(`${header}.${payload}`).digest("base64url")}`
        ]) {
          assertError(yield* me(forged), 401, "Unauthenticated")
        }
        assert.strictEqual((yield* me(jwt)).status, 200)
      })
    )

    it.effect("is refused under another algorithm, with a critical header, and without a session", () =>
      Effect.gen(function* () {
        const { me, register } = yield* Service
        const { jwt } = yield* register()
        const claims = claimsIn(jwt)
        const nobodys = "01a20fbe-1e09-71b6-b4ea-06529239c4aa"
        for (const forged of [
          yield* signed(claims, keyFor("session token"), { alg: "HS384" }),
          yield* signed(claims, keyFor("session token"), { alg: "HS512" }),
          ...(yield* Effect.forEach([undefined, 1, "", "x", nobodys, claims.jti, claims.sub, [claims.sid]], (sid) =>
            signed({ ...claims, sid })
          )),
          `${base64url({ alg: "HS256", crit: ["exp"], exp: 1 })}.${jwt.split(".")[1]}.${jwt.split(".")[2]}`,
          "",
          ".",
          "..",
          "...",
          `${jwt}.${jwt}`,
          "x".repeat(8000)
        ]) {
          assertError(yield* me(forged), 401, "Unauthenticated")
        }
      })
    )
  }
)
