import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { assertError, bearer } from "../support/client.ts"
import { administrators, aliceToken, onPostgres, Service } from "../support/service.ts"

const json = { "content-type": "application/json" }
const close = "Host: rekey.example\r\nConnection: close\r\n"
/** Whatever is refused may not be repeated, to the asker nor in the log. */
const marker = "s3cr3t-do-not-echo"

const register = { username: "ada", email: "ada@example.com", password: "a long phrase" }
const reset = { code: "x".repeat(43), password: "a long phrase", passwordConfirmation: "a long phrase" }
const change = { currentPassword: "a long phrase", password: "a new phrase", passwordConfirmation: "a new phrase" }

/** Each route that takes a body, with a good one. */
const bodies: Record<string, Record<string, string>> = {
  "/auth/forgot-password": { email: "ada@example.com" },
  "/auth/reset-password": reset,
  "/auth/reset-password/check": { code: reset.code },
  "/auth/local/register": register,
  "/auth/local": { identifier: "ada", password: "a long phrase" },
  "/auth/change-password": change,
  "/auth/send-email-confirmation": { email: "ada@example.com" },
  "/auth/email-confirmation": { code: reset.code },
  "/admin/send-reset-code": { identifier: "ada" }
}

/** Who may ask there. */
const credentials = (path: string, jwt: string) => bearer(path.startsWith("/admin/") ? aliceToken : jwt)

const badStrings = [7, true, null, ["a"], { $gt: "" }, {}, `${marker}\0`, `${marker}\ud800`]

/** How many rows each table has. */
const rows = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  return yield* sql`
    select (select count(*) from users) as users, (select count(*) from recovery_requests) as requests,
      (select count(*) from reset_codes) as codes, (select count(*) from registrations) as registrations,
      (select count(*) from confirmation_requests) as confirmations, (select count(*) from sessions) as sessions,
      (select count(*) from outbox) as mails`
})

onPostgres("what is refused", Service.layer({ settings: { administrators } }), (it) => {
  for (const [path, body] of Object.entries(bodies)) {
    it.effect(`${path} names each field that is wrong, never its value (A1, A2, A5)`, () =>
      Effect.gen(function* () {
        const service = yield* Service
        const { jwt } = yield* service.register()
        const before = yield* rows
        const { length: spans } = service.spans
        for (const field of Object.keys(body)) {
          for (const value of [...badStrings, undefined]) {
            const answer = yield* service.post(path, { ...body, [field]: value }, credentials(path, jwt))
            const details = assertError(answer, 400, "InvalidRequest")
            assert.deepStrictEqual(
              details.map(({ path }) => path),
              [[field]],
              answer.text
            )
            assert.notInclude(answer.text, marker)
          }
        }
        assert.notInclude(service.logs.join("\n"), marker)
        // The session of change-password is looked up before anything else.
        const asked = service.spans
          .slice(spans)
          .filter(({ name }) =>
            /Repository|ResetCodes|Requests\.add|Confirmations\.(register|askAgain|confirm)/.test(name)
          )
        assert.sameMembers(
          [...new Set(asked.map(({ name }) => name))],
          path === "/auth/change-password" ? ["SessionRepository.authenticate"] : []
        )
        assert.deepStrictEqual(yield* rows, before)
      })
    )

    it.effect(`${path} tells of all that is wrong at once`, () =>
      Effect.gen(function* () {
        const service = yield* Service
        const { jwt } = yield* service.register()
        const details = assertError(yield* service.post(path, {}, credentials(path, jwt)), 400, "InvalidRequest")
        assert.deepStrictEqual(
          details.map(({ path }) => path),
          Object.keys(body).map((field) => [field])
        )
      })
    )

    it.effect(`${path} takes a JSON object and nothing else`, () =>
      Effect.gen(function* () {
        const service = yield* Service
        const { jwt } = yield* service.register()
        const deep = "[".repeat(65_000)
        for (const text of [
          "",
          " ",
          "null",
          "[]",
          "1",
          `"${marker}"`,
          "true",
          "{",
          `{"${marker}":`,
          `{'a':1}`,
          "{}{}",
          deep,
          `\ufeff`
        ]) {
          const answer = yield* service.post(path, text, credentials(path, jwt))
          const details = assertError(answer, 400, "InvalidRequest")
          assert.deepStrictEqual(
            details.map(({ path }) => path),
            [[]],
            text.slice(0, 20)
          )
          assert.notInclude(answer.text, marker)
        }
        assert.notInclude(service.logs.join("\n"), marker)
      })
    )

    it.effect(`${path} takes application/json and no other type, so no form from another site (A6)`, () =>
      Effect.gen(function* () {
        const service = yield* Service
        const { jwt } = yield* service.register()
        const before = yield* rows
        const form = new URLSearchParams(body).toString()
        for (const [type, sent] of [
          ["text/plain", JSON.stringify(body)],
          ["application/x-www-form-urlencoded", form],
          ["multipart/form-data; boundary=x", "--x--"],
          ["application/jsonp", JSON.stringify(body)],
          ["application/problem+json", JSON.stringify(body)],
          ["text/json, application/json", JSON.stringify(body)],
          ["", JSON.stringify(body)]
        ]) {
          const headers = { ...credentials(path, jwt), ...(type && { "content-type": type }) }
          assertError(yield* service.send("POST", path, { headers, body: sent }), 415, "UnsupportedMediaType")
        }
        assert.deepStrictEqual(yield* rows, before)
        for (const type of ["application/json;charset=utf-8", "APPLICATION/JSON", "application/json ; charset=UTF-8"]) {
          assertError(
            yield* service.post(path, {}, { ...credentials(path, jwt), "content-type": type }),
            400,
            "InvalidRequest"
          )
        }
      })
    )

    it.effect(`${path} takes 64 KiB and no more, with a length or in chunks (A7)`, () =>
      Effect.gen(function* () {
        const service = yield* Service
        const { jwt } = yield* service.register()
        const headers = { ...json, ...credentials(path, jwt) }
        const most = "{}".padEnd(65_536)
        assertError(yield* service.send("POST", path, { headers, body: most }), 400, "InvalidRequest")
        assertError(yield* service.send("POST", path, { headers, body: `${most} ` }), 413, "PayloadTooLarge")
        const chunks = Array.from({ length: 16 }, (_, chunk) => most.slice(chunk * 4096, (chunk + 1) * 4096))
        assertError(yield* service.send("POST", path, { headers, chunks }), 400, "InvalidRequest")
        assertError(yield* service.send("POST", path, { headers, chunks: [...chunks, " "] }), 413, "PayloadTooLarge")
      })
    )

    it.effect(`${path} takes POST alone, and says so`, () =>
      Effect.gen(function* () {
        const { send } = yield* Service
        for (const method of ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]) {
          const answer = yield* send(method, path)
          assertError(answer, 405, "MethodNotAllowed")
          assert.strictEqual(answer.headers.allow, "POST")
        }
      })
    )
  }

  it.effect("user names that aren't 3 to 64 characters without @ are refused", () =>
    Effect.gen(function* () {
      const { post } = yield* Service
      for (const username of ["ab", "  ab  ", "a".repeat(65), "ada@example.com", "", "   "]) {
        const answer = yield* post("/auth/local/register", { ...register, username })
        const details = assertError(answer, 400, "InvalidRequest")
        assert.deepStrictEqual(
          details.map(({ path }) => path),
          [["username"]]
        )
      }
    })
  )

  it.effect("HTTP/1.0 needs no host: the health checks of some proxies have none", () =>
    Effect.gen(function* () {
      const { raw } = yield* Service
      const { status, text } = yield* raw("GET /health HTTP/1.0\r\n\r\n")
      assert.deepStrictEqual([status, text], [200, '{"ok":true}'])
    })
  )

  it.effect("a path that isn't there is 404, by whatever method", () =>
    Effect.gen(function* () {
      const { send } = yield* Service
      for (const path of [
        "/",
        "/nowhere",
        "/auth",
        "/auth/nowhere",
        "/auth/reset-password/check/x",
        "/auth/./local",
        "/.env"
      ]) {
        for (const method of ["GET", "POST", "OPTIONS"]) assertError(yield* send(method, path), 404, "NotFound")
      }
    })
  )

  it.effect("a path that can't be decoded is 404", () =>
    Effect.gen(function* () {
      const { get, send } = yield* Service
      for (const path of ["/%", "/%zz", "/auth/%zz", "/auth/%c0%af", "/auth/sessions/%zz", "/users/%"]) {
        assertError(yield* get(path), 404, "NotFound")
        assertError(yield* send("DELETE", path), 404, "NotFound")
      }
    })
  )

  it.effect("405 names the methods that a path takes", () =>
    Effect.gen(function* () {
      const { send } = yield* Service
      for (const [path, allow] of [
        ["/users/me", "GET, HEAD"],
        ["/auth/sessions", "GET, DELETE, HEAD"],
        ["/auth/sessions/01a20fbe-1e09-71b6-b4ea-06529239c4aa", "DELETE"],
        ["/auth/logout", "POST"],
        ["/health", "GET, HEAD"],
        ["/ready", "GET, HEAD"],
        ["/openapi.json", "GET, HEAD"],
        ["/docs", "GET, HEAD"],
        ["/reset-password", "GET, POST, HEAD"],
        ["/reset-password/done", "GET, HEAD"],
        ["/confirm-email", "GET, POST, HEAD"],
        ["/confirm-email/done", "GET, HEAD"]
      ] as const) {
        const answer = yield* send("PATCH", path)
        assertError(answer, 405, "MethodNotAllowed")
        assert.strictEqual(answer.headers.allow, allow, path)
      }
    })
  )

  it.effect("HEAD gets what GET gets, without a body", () =>
    Effect.gen(function* () {
      const { get, send } = yield* Service
      for (const path of ["/health", "/ready", "/users/me", "/openapi.json", "/reset-password", "/nowhere"]) {
        const [head, whole] = [yield* send("HEAD", path), yield* get(path)]
        assert.deepStrictEqual([head.status, head.text], [whole.status, ""])
        assert.strictEqual(head.headers["content-length"], whole.headers["content-length"])
      }
    })
  )

  for (const [what, bytes] of Object.entries({
    "a line that isn't HTTP": "NOT HTTP AT ALL\r\n\r\n",
    TLS: "\x16\x03\x01\x02\x00\x01\x00",
    "the preface of HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "another version": "GET /health HTTP/9.9\r\nHost: x\r\n\r\n",
    "no Host": "GET /health HTTP/1.1\r\nConnection: close\r\n\r\n",
    "two Hosts": "GET /health HTTP/1.1\r\nHost: rekey.example\r\nhost: rekey.example\r\nConnection: close\r\n\r\n",
    "a target that is no path": `GET rekey.example:80 HTTP/1.1\r\n${close}\r\n`,
    CONNECT: `CONNECT rekey.example:443 HTTP/1.1\r\n${close}\r\n`,
    "a header that is none": `GET /health HTTP/1.1\r\n${close}X Y: 1\r\n\r\n`,
    "a NUL in a header": `GET /health HTTP/1.1\r\n${close}X: \0\r\n\r\n`,
    "a folded header": `GET /health HTTP/1.1\r\n${close}X: 1\r\n 2\r\n\r\n`,
    "a length and chunks": `POST /auth/local HTTP/1.1\r\n${close}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    "two lengths": `POST /auth/local HTTP/1.1\r\n${close}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`,
    "a length below nothing": `POST /auth/local HTTP/1.1\r\n${close}Content-Length: -2\r\n\r\n{}`,
    "a chunk without a size": `POST /auth/local HTTP/1.1\r\n${close}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`
  })) {
    it.effect(`${what} is 400`, () =>
      Effect.gen(function* () {
        const { raw } = yield* Service
        assertError(yield* raw(bytes), 400, "InvalidRequest")
      })
    )
  }

  it.effect("headers that are too large are 431", () =>
    Effect.gen(function* () {
      const { raw } = yield* Service
      const long = "a".repeat(100_000)
      for (const bytes of [
        `GET /health HTTP/1.1\r\n${close}X: ${long}\r\n\r\n`,
        `GET /${long} HTTP/1.1\r\n${close}\r\n`
      ]) {
        assertError(yield* raw(bytes), 431, "HeadersTooLarge")
      }
    })
  )

  it.effect("an expectation that isn't 100-continue is 417", () =>
    Effect.gen(function* () {
      const { raw } = yield* Service
      const head = `POST /auth/local HTTP/1.1\r\n${close}Content-Type: application/json\r\nContent-Length: 2\r\n`
      assertError(yield* raw(`${head}Expect: 200-ok\r\n\r\n{}`), 417, "ExpectationFailed")
      // A body would be read as the next answer (RFC 9110, 9.3.2).
      const { status, text } = yield* raw(`HEAD /health HTTP/1.1\r\n${close}Expect: 200-ok\r\n\r\n`)
      assert.deepStrictEqual([status, text], [417, ""])
      const [, answer = ""] = (yield* raw(`${head}Expect: 100-continue\r\n\r\n{}`)).text.split("\r\n\r\n")
      assert.deepInclude(JSON.parse(answer), { code: 400, reason: "InvalidRequest" })
    })
  )

  it.effect("an offer to speak another protocol gets an ordinary answer", () =>
    Effect.gen(function* () {
      const { raw } = yield* Service
      const upgrade = "Host: x\r\nConnection: close, Upgrade\r\n"
      for (const protocol of ["websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==", "h2c"]) {
        const answer = yield* raw(`GET /nowhere HTTP/1.1\r\n${upgrade}Upgrade: ${protocol}\r\n\r\n`)
        assertError(answer, 404, "NotFound")
      }
      const post = `POST /auth/local HTTP/1.1\r\n${upgrade}Upgrade: h2c\r\nContent-Type: application/json\r\n`
      assertError(yield* raw(`${post}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`), 400, "InvalidRequest")
      assertError(yield* raw(`${post}Content-Length: 2\r\n\r\n{}`), 400, "InvalidRequest")
    })
  )
})
