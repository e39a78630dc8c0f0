import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { assertError, textAt } from "../support/client.ts"
import { both, browserOf } from "../support/page.ts"
import { onBothDatabases, onPostgres, Service } from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"
import { forgotAndDone, newPassword, nobodysCode, told } from "./common.ts"

const eve = "eve@evil.example"

/** Where mail went so far, once all that was asked is done. */
const addressees = Effect.gen(function* () {
  yield* forgotAndDone("nobody@example.com")
  return (yield* (yield* MailServer).arrived).flatMap(({ envelope }) => envelope.to)
})

/** What of the service a request reached: the names of the spans in which the database was asked. */
const reached = Effect.fnUntraced(function* <A, E, R>(requests: Effect.Effect<A, E, R>) {
  const { spans } = yield* Service
  const { length } = spans
  yield* requests
  return spans.slice(length).flatMap(({ name }) => (/Repository|ResetCodes|Requests\.add/.test(name) ? [name] : []))
})

/** Every type of JSON but a string, and what query languages would make a condition of. */
const otherTypes: ReadonlyArray<unknown> = JSON.parse(`[
  null, true, false, 0, 1, -1, 1.5, 1e308, [], {}, [null], [[]], ["a"], {"$gt": ""}, {"$ne": null}, {"$regex": ".*"},
  {"$in": [""]}, {"contains": ""}, {"startsWith": ""}, {"not": null}, {"$notNull": true}, {"length": 43}, {"toString": "a"}
]`)

onPostgres("input", Service.layer(), (it) => {
  it.effect("A1: several addresses are refused, in whatever list, and nobody gets a mail (CVE-2023-7028)", () =>
    Effect.gen(function* () {
      const { post, register } = yield* Service
      const { email } = yield* register()
      const lists = [
        ...[[email, eve], [eve, email], [email], [[email, eve]], [[email], [eve]], [email, null], [], [email, email]],
        ...[{ 0: email, 1: eve, length: 2 }, { email: [email, eve] }, [{ email }, { email: eve }], { [email]: eve }]
      ]
      const asked = yield* reached(
        Effect.forEach(lists, (list) =>
          Effect.map(post("/auth/forgot-password", { email: list }), (answer) =>
            assert.deepStrictEqual(
              assertError(answer, 400, "InvalidRequest").map(({ path }) => path),
              [["email"]]
            )
          )
        )
      )
      assert.isEmpty(asked)
      for (const text of [JSON.stringify([email, eve]), `${email},${eve}`, `${email}&email=${eve}`]) {
        assertError(yield* post("/auth/forgot-password", { email: text }), 400, "InvalidRequest")
      }
      for (const query of [`email=${email}`, `email[]=${email}&email[]=${eve}`]) {
        assertError(yield* post(`/auth/forgot-password?${query}`, {}), 400, "InvalidRequest")
      }
      const arrived = yield* addressees
      for (const address of [email, eve]) assert.notInclude(arrived, address)
    })
  )

  it.effect("A2: an address of another type, or none, is refused before anything is looked at", () =>
    Effect.gen(function* () {
      const { post } = yield* Service
      const asked = yield* reached(
        Effect.forEach([...otherTypes, "", " ", "\0", "\ud800", undefined], (email) =>
          Effect.map(post("/auth/forgot-password", { email }), (answer) => assertError(answer, 400, "InvalidRequest"))
        )
      )
      assert.isEmpty(asked)
    })
  )

  it.effect("A2: of a key that is there twice the last counts, once", () =>
    Effect.gen(function* () {
      const { post, register } = yield* Service
      const sql = yield* SqlClient.SqlClient
      const [ada, grace] = [yield* register(), yield* register()]
      yield* sql`delete from reset_codes`
      const answer = yield* post("/auth/forgot-password", `{"email":"${grace.email}","email":"${ada.email}"}`)
      assert.strictEqual(answer.status, 200)
      const mail = yield* (yield* MailServer).next(ada.email)
      assert.deepStrictEqual(mail.envelope.to, [ada.email])
      assert.deepStrictEqual(yield* sql`select user_id::text as id from reset_codes`, [{ id: ada.id }])
    })
  )

  it.effect("A2: keys that aren't known add no recipient, no header and no link to the mail", () =>
    Effect.gen(function* () {
      const { post, register } = yield* Service
      const { email } = yield* register()
      const extras: Record<string, unknown> = Object.fromEntries(
        ["to", "cc", "bcc", "from", "replyTo", "username", "identifier", "envelope", "headers", "subject", "text"]
          .concat(["html", "attachments", "raw", "url", "redirect", "link", "callbackURL", "Email", "EMAIL", "email "])
          .flatMap((key) => [
            [key, eve],
            [`${key}[]`, [eve]]
          ])
      )
      const answer = yield* post("/auth/forgot-password", { ...extras, email, id: 1, user: { email: eve } })
      assert.strictEqual(answer.status, 200)
      const { envelope, parsed, raw } = yield* (yield* MailServer).next(email)
      assert.deepStrictEqual(envelope.to, [email])
      assert.notInclude(raw, "evil")
      for (const header of ["cc", "bcc", "reply-to"]) assert.isFalse(parsed.headers.has(header), header)
      assert.notInclude(yield* addressees, eve)
    })
  )

  it.effect("A3: an address that is more than one address is refused, or is a spelling of the stored one", () =>
    Effect.gen(function* () {
      const mails = yield* MailServer
      const { forgot, post, register } = yield* Service
      const { email } = yield* register()
      const [local = "", domain = ""] = email.split("@")
      const injections = [
        "\r\n",
        "\n",
        "\r",
        "\n\n",
        "\u0085",
        "\u2028",
        "\u2029",
        "\v",
        "\0",
        "\t",
        "%0d%0a",
        "\\r\\n"
      ]
      const headers = [
        `Bcc: ${eve}`,
        `Cc:${eve}`,
        "Subject: hello",
        ".\r\nQUIT",
        `RCPT TO:<${eve}>`,
        "X: 1\r\n\r\nhello"
      ]
      const refused = [
        ...injections.flatMap((end) => headers.map((header) => `${email}${end}${header}`)),
        ...injections.filter((end) => end !== "%0d%0a").map((end) => `${local}${end}@${domain}`),
        ...[",", ", ", ";", " ", "\t", "<", ">", "|", "&email="].flatMap((and) => [
          `${email}${and}${eve}`,
          `${eve}${and}${email}`
        ]),
        ...[
          `Ada <${email}>`,
          `<${email}>`,
          `"${email}" <${eve}>`,
          `${eve} <${email}>`,
          `=?utf-8?q?${eve}?= <${email}>`
        ],
        ...[`friends: ${email};`, `friends: ${email}, ${eve};`, `${email}, friends:${eve};`, `:${email};`],
        ...[`${local}(comment)@${domain}`, `(${eve})${email}`, `${email}(${eve})`, `${local}@(${eve})${domain}`],
        ...[
          `"${local}"@${domain}`,
          `"${local} eve"@${domain}`,
          `"${eve}> "@${domain}`,
          `"${eve},"@${domain}`,
          `"xclient@evil.example ${local}"@${domain}`
        ],
        ...[
          `${email}\0`,
          `${email}\0@evil.example`,
          `${email}@evil.example`,
          `@evil.example:${email}`,
          `${local}%${domain}@evil.example`.replace("@", "@@")
        ],
        ...[
          "ada@[127.0.0.1]",
          "ada@127.0.0.1",
          "ada@[IPv6:::1]",
          `${email}/evil.example`,
          `${email}?evil.example`,
          `${email}#evil.example`
        ],
        ...[
          `${email}:25`,
          "ada@ev%69l.example",
          "adä@example.com",
          "@example.com",
          "ada@",
          "ada",
          "@",
          "@@",
          "mailto:",
          `mailto:${email}?bcc=${eve}`
        ],
        ...[`${"a".repeat(10_000)}@example.com`, `ada@${"a.".repeat(200)}com`, `${email}${" ".repeat(5_000)}${eve}`]
      ]
      for (const address of refused) {
        const body = { username: "somebody else", password: newPassword, email: address }
        for (const answer of [yield* forgot(address), yield* post("/auth/local/register", body)]) {
          const details = assertError(answer, 400, "InvalidRequest")
          assert.deepStrictEqual(
            details.map(({ path }) => path),
            [["email"]],
            address
          )
        }
      }
      const spellings = [` ${email}`, `${email}\r\n`, `\t${email.toUpperCase()}\n`, `\u00a0${email}\ufeff`]
      for (const address of spellings) {
        assert.strictEqual((yield* forgot(address)).status, 200, JSON.stringify(address))
        const { envelope, parsed, raw } = yield* mails.next(email)
        assert.deepStrictEqual(envelope.to, [email])
        assert.isFalse(parsed.headers.has("bcc"))
        assert.notInclude(raw, "evil")
      }
      // Nobody decodes it: another address, and nobody's.
      assert.strictEqual((yield* forgot(`${local}%0d%0a@${domain}`)).status, 200)
      const others = (yield* addressees).filter((address) => address !== email && /%|evil|ada@/.test(address))
      assert.isEmpty(others)
    })
  )

  it.effect("A4: a twin of a stored address gets no mail, nor another answer than a twin of nobody's", () =>
    Effect.gen(function* () {
      const { forgot, register } = yield* Service
      const { email } = yield* register({ email: "kim.mikesson@example.org" })
      const twins = (address: string) => [
        address.replace("i", "\u0131"), // dotless i
        address.replace("i", "\u0456"), // Cyrillic i
        address.replace("k", "\u212a"), // Kelvin sign
        address.replace("k", "\u043a"),
        address.replace("m", "\uff4d"), // full width
        address.replace("s", "\u017f"), // long s
        address.replace("ss", "\u00df"),
        address.replace("e", "e\u0301"),
        address.replace("@", "\u200b@"), // zero width space
        address.replace("@", "\uff20"), // full width @
        address.replace("@ex\u0061", "@ex\u0430"), // homographs of the domain
        address.replace("@e", "@\u0435"),
        address.replace("example", "examp\u04cfe"),
        address.replace(".org", ".\u043erg"),
        address.replace("i", "i\u0307"),
        address.replace("kim.", "kim")
      ]
      for (const [index, twin] of twins(email).entries()) {
        assert.notStrictEqual(twin, email)
        const nobodys = twins("kim.nissesson@example.org")[index] ?? ""
        assert.deepStrictEqual(told(yield* forgot(twin)), told(yield* forgot(nobodys)), twin)
      }
      const arrived = yield* addressees
      assert.isEmpty(arrived.filter((address) => /k.?m.*@/u.test(address)))
      yield* forgot("KIM.Mikesson@EXAMPLE.org")
      assert.deepStrictEqual((yield* (yield* MailServer).next(email)).envelope.to, [email])
    })
  )

  it.effect("A5: a code of another type, or too large, is refused before the database is asked (CVE-2019-18818)", () =>
    Effect.gen(function* () {
      const { check, codeFor, post, register, reset } = yield* Service
      const { email } = yield* register()
      const code = yield* codeFor(email)
      const passwords = { password: newPassword, passwordConfirmation: newPassword }
      const codes: ReadonlyArray<unknown> = [
        ...otherTypes,
        ...[`${code}\0`, `\0${code}`, `${code}\ud800`, "", undefined],
        ...JSON.parse(
          `[["${code}"], [["${code}"]], {"code": "${code}"}, {"$eq": "${code}"}, {"value": "${code}", "length": 43}]`
        )
      ]
      const asked = yield* reached(
        Effect.forEach(codes, (value) =>
          Effect.gen(function* () {
            for (const path of ["/auth/reset-password", "/auth/reset-password/check"]) {
              const details = assertError(yield* post(path, { ...passwords, code: value }), 400, "InvalidRequest")
              assert.deepStrictEqual(
                details.map(({ path }) => path),
                [["code"]]
              )
            }
          })
        )
      )
      assert.isEmpty(asked)
      assertError(yield* reset("x".repeat(1_000_000), newPassword), 413, "PayloadTooLarge")
      assertError(yield* check("x".repeat(1_000_000)), 413, "PayloadTooLarge")
      for (const text of [
        "%",
        "_".repeat(43),
        ".*",
        "' or '1'='1",
        "null",
        "true",
        "0",
        "*",
        `${code} `,
        code.slice(1),
        "x".repeat(60_000)
      ]) {
        assertError(yield* reset(text, newPassword), 404, "ResetCodeNotFound")
      }
      assert.strictEqual((yield* reset(code, newPassword)).status, 200)
    })
  )

  it.effect("A6: what isn't JSON resets nothing: forms, text, other types, from a page of another origin or none", () =>
    Effect.gen(function* () {
      const { check, codeFor, forgot, register, send, signIn } = yield* Service
      const { email, password } = yield* register()
      const code = yield* codeFor(email)
      const fields = { code, ...both(newPassword) }
      const json = JSON.stringify(fields)
      const form = new URLSearchParams(fields).toString()
      const foreign = { origin: "https://evil.example", "sec-fetch-site": "cross-site" }
      for (const [type, body] of [
        ["application/x-www-form-urlencoded", form],
        ["application/x-www-form-urlencoded", json],
        ["text/plain", json],
        ["text/plain;application/json", json],
        ["text/html", json],
        [
          "multipart/form-data; boundary=x",
          `--x\r\ncontent-disposition: form-data; name="code"\r\n\r\n${code}\r\n--x--`
        ],
        ["application/jsonp", json],
        ["application/xml", `<code>${code}</code>`],
        ["text/json, application/json", json],
        ["application/json-patch+json", json],
        ["application/octet-stream", json],
        ["json", json],
        ["", json]
      ] as const) {
        for (const headers of [{}, foreign]) {
          const asked = { headers: { ...headers, ...(type && { "content-type": type }) }, body }
          assertError(yield* send("POST", "/auth/reset-password", asked), 415, "UnsupportedMediaType")
          assertError(yield* send("POST", "/auth/forgot-password", { ...asked, body }), 415, "UnsupportedMediaType")
        }
      }
      for (const body of [
        "",
        "{",
        json.slice(0, -1),
        `${json},`,
        `'${json}'`,
        form,
        `[${json}]`,
        `"${code}"`,
        `\ufeff`,
        "NaN"
      ]) {
        const headers = { "content-type": "application/json" }
        assertError(yield* send("POST", "/auth/reset-password", { headers, body }), 400, "InvalidRequest")
      }
      assert.strictEqual((yield* check(code)).status, 200)
      assert.strictEqual((yield* signIn(email, password)).status, 200)
      assert.strictEqual((yield* forgot(email)).status, 200)
    })
  )

  it.effect("A6: the page refuses a form that another site sent, with or without the cookie", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { email, password } = yield* service.register()
      const code = yield* service.codeFor(email)
      const host = new URL(service.url).host
      for (const [headers, good] of [
        [{ "sec-fetch-site": "cross-site" }, false],
        [{ "sec-fetch-site": "same-site" }, false],
        [{ "sec-fetch-site": "cross-site", origin: `http://${host}` }, false],
        [{ "sec-fetch-site": "" }, false],
        [{ origin: "https://evil.example" }, false],
        [{ origin: `http://${host}.evil.example` }, false],
        [{ origin: `http://${host}@evil.example` }, false],
        [{ origin: "nonsense" }, false],
        [{ origin: `http://${host}` }, true],
        [{ "sec-fetch-site": "same-origin" }, true]
      ] as const) {
        const { open, post } = browserOf(service)
        const sent = yield* post({ code: nobodysCode, ...both(newPassword) }, headers)
        assert.strictEqual(sent.status, good ? 404 : 403, JSON.stringify(headers))
        if (good) continue
        yield* open(`/reset-password?code=${code}`)
        const withCookie = yield* post(both(newPassword), headers)
        assert.strictEqual(withCookie.status, 403)
        assert.include(withCookie.text, "This form was sent from another site.")
      }
      assert.strictEqual((yield* service.check(code)).status, 200)
      assert.strictEqual((yield* service.signIn(email, password)).status, 200)
    })
  )

  it.effect("A7: keys of JavaScript's own are keys that aren't known", () =>
    Effect.gen(function* () {
      const { codeFor, post, register } = yield* Service
      const own = `"__proto__":{"email":"${eve}","code":"x"},"constructor":{"prototype":{"email":"${eve}"}},"prototype":{}`
      for (const polluted of [`{${own}}`, `{"email":{${own}}}`, `{"email":["${eve}"],${own}}`]) {
        const details = assertError(yield* post("/auth/forgot-password", polluted), 400, "InvalidRequest")
        assert.deepStrictEqual(
          details.map(({ path }) => path),
          [["email"]]
        )
      }
      for (const key of ["email", "code"]) assert.isUndefined(Reflect.get({}, key))
      const ada = yield* register()
      const fields = JSON.stringify({ code: yield* codeFor(ada.email), ...both(newPassword) })
      const answer = yield* post("/auth/reset-password", `{${own},${fields.slice(1)}`)
      assert.strictEqual(textAt(answer, "user", "email"), ada.email)
    })
  )

  it.effect("A7: a body that says that it is too large is refused before it is sent", () =>
    Effect.gen(function* () {
      const { raw } = yield* Service
      for (const path of ["/auth/forgot-password", "/auth/reset-password", "/reset-password", "/nowhere"]) {
        for (const length of ["65537", "52428800", "99999999999999"]) {
          const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n`
          assertError(yield* raw(`${head}\r\n{`), 413, "PayloadTooLarge")
          // curl asks so before it sends a large body.
          assertError(yield* raw(`${head}Expect: 100-continue\r\n\r\n`), 413, "PayloadTooLarge")
        }
      }
    })
  )

  it.effect("A7: a body that never ends is refused after 64 KiB, and depth is no way around it", () =>
    Effect.gen(function* () {
      const { get, post, raw } = yield* Service
      const head =
        "POST /auth/reset-password HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
      for (const unit of [" ", "[", "{"]) {
        const chunk = `1000\r\n${unit.repeat(4096)}\r\n`
        assertError(yield* raw(head + chunk.repeat(17)), 413, "PayloadTooLarge")
      }
      for (const deep of ["[".repeat(100_000), '{"code":'.repeat(100_000), `{"code":${"[".repeat(100_000)}`]) {
        assertError(yield* post("/auth/reset-password", deep), 413, "PayloadTooLarge")
      }
      // As deep as fits.
      for (const deep of [
        "[".repeat(65_000),
        '{"a":'.repeat(13_000),
        `{"code":${"[".repeat(32_000)}${"]".repeat(32_000)}}`
      ]) {
        assertError(yield* post("/auth/reset-password", deep), 400, "InvalidRequest")
      }
      assert.strictEqual((yield* get("/health")).status, 200)
    })
  )
})

onBothDatabases("input", Service.layerWithInbox(), (it) => {
  it.effect("A2: keys that a reset doesn't know choose no other account", () =>
    Effect.gen(function* () {
      const { codeFor, post, register, reset } = yield* Service
      const [ada, grace] = [yield* register(), yield* register()]
      const code = yield* codeFor(ada.email)
      const { email, id, username } = grace
      const extra = { email, username, id, userId: id, user: { id, email }, url: "https://evil.example", __proto__: 1 }
      const answer = yield* post("/auth/reset-password", { code, ...both(newPassword), ...extra })
      assert.strictEqual(textAt(answer, "user", "email"), ada.email)
      assertError(yield* reset(code, newPassword), 403, "ResetCodeUsed")
    })
  )
})
