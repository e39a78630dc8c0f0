import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { assertError, bearer, textAt } from "../support/client.ts"
import { askForEmail, changeCode, changeEmail, confirmEmail, undoEmail, wayBackCode } from "../support/emailChange.ts"
import { codeIn, holdsCode, onPostgres, Service } from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"
import { flood, found, newPassword, statusesOf, times, told } from "./common.ts"

let addresses = 0
/** An address that nobody has. */
const newAddress = () => `address${addresses++}@example.com`

onPostgres("leaving", Service.layer({ settings: { rateLimit: true } }), (it) => {
  it.effect("F21: a stolen session deletes nothing without the password, and may guess five times", () =>
    Effect.gen(function* () {
      const { me, post, register } = yield* Service
      const ada = yield* register()
      const remove = (currentPassword: string) => post("/auth/delete-account", { currentPassword }, bearer(ada.jwt))
      for (let guess = 0; guess < 5; guess++) {
        assertError(yield* remove(`guess number ${guess}`), 400, "InvalidCredentials")
      }
      assertError(yield* remove(ada.password), 429, "RateLimited")
      assert.strictEqual((yield* me(ada.jwt)).status, 200)
    })
  )
})

onPostgres("leaving while others act", Service.layer(), (it) => {
  it.effect("F22: whoever knew the former password deletes nothing that a reset took back", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { codeFor, post, register, reset, signIn } = yield* Service
      for (let round = 0; round < 10; round++) {
        const ada = yield* register()
        const code = yield* codeFor(ada.email)
        const remove = post("/auth/delete-account", { currentPassword: ada.password }, bearer(ada.jwt))
        const [taken, gone] = yield* Effect.all([reset(code, newPassword), remove], { concurrency: 2 })
        const rows = yield* sql`select from users where id = ${ada.id}::uuid`
        if (taken.status === 200) {
          // Unless it was deleted after all with the new row in place, which no version allows.
          assertError(gone, gone.status, gone.status === 400 ? "InvalidCredentials" : "Unauthenticated")
          assert.lengthOf(rows, 1)
          assert.strictEqual((yield* signIn(ada.email, newPassword)).status, 200)
        } else {
          assertError(taken, 404, "ResetCodeNotFound")
          assert.strictEqual(gone.status, 200)
          assert.lengthOf(rows, 0)
        }
      }
    })
  )
})

onPostgres("changing an address", Service.layer(), (it) => {
  it.effect("C21: a taken address is answered as a free one is, and nothing of the account tells them apart", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const service = yield* Service
      const { next } = yield* MailServer
      const owner = yield* service.register()
      const seen = yield* Effect.forEach([newAddress(), owner.email, ` ${owner.email.toUpperCase()}`], (email) =>
        Effect.gen(function* () {
          const ada = yield* service.register()
          const former = newAddress()
          yield* askForEmail(service, ada, former)
          const code = yield* changeCode(former)
          const answer = yield* askForEmail(service, ada, email)
          yield* found(sql`
            select from audit where user_id = ${ada.id}::uuid and event = 'email-change.issued' offset 1`)
          // A request that counts ends the one before it, whoever has the address.
          const before = yield* confirmEmail(service, code)
          const events = yield* service.get("/users/me/events", bearer(ada.jwt))
          const held = yield* service.get("/users/me/export", bearer(ada.jwt))
          const untimed = ({ text }: { readonly text: string }) =>
            text.replace(
              /"(at|createdAt|expiresAt|settledAt|updatedAt|passwordChangedAt|requestId|id|next)":"[^"]*"/g,
              ""
            )
          return {
            answer: told(answer),
            before: told(before),
            events: untimed(events),
            held: untimed(held).replaceAll(ada.username, "")
          }
        })
      )
      assert.deepInclude(seen[0]?.answer, { status: 200, text: '{"ok":true}' })
      assert.include(seen[0]?.before.text, "EmailChangeCodeSuperseded")
      for (const one of seen) assert.deepStrictEqual(one, seen[0])
      const { envelope, parsed } = yield* next(owner.email)
      assert.deepStrictEqual([envelope.to, parsed.subject], [[owner.email], "Your address is in use at Rekey"])
      assert.notMatch(`${parsed.text}${parsed.html}`, /code=|https?:/)
    })
  )

  it.effect("B21: of fifty confirmations at once one changes the address, and no replay does", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const service = yield* Service
      const ada = yield* service.register()
      const email = newAddress()
      yield* askForEmail(service, ada, email)
      const code = yield* changeCode(email)
      const answers = yield* flood(50, () => confirmEmail(service, code))
      assert.deepStrictEqual(statusesOf(answers), { 200: 1, 403: 49 })
      const [rows] = yield* sql`
        select (select count(*)::int from audit where user_id = ${ada.id}::uuid and event = 'email.changed' and outcome = 'done') as steps,
          (select count(*)::int from former_emails where user_id = ${ada.id}::uuid) as "waysBack",
          (select count(*)::int from outbox where user_id = ${ada.id}::uuid and kind = 'email-changed') as mails`
      assert.deepStrictEqual(rows, { steps: 1, waysBack: 1, mails: 1 })
      const wayBack = yield* wayBackCode(ada.email)
      assert.deepStrictEqual(statusesOf(yield* flood(20, () => undoEmail(service, wayBack))), { 200: 1, 403: 19 })
      assertError(yield* confirmEmail(service, code), 403, "EmailChangeCodeUsed")
    })
  )

  it.effect("B22: of two accounts that take one address at once one gets it", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const service = yield* Service
      for (let round = 0; round < 10; round++) {
        const email = newAddress()
        const codes = []
        for (const somebody of [yield* service.register(), yield* service.register()]) {
          yield* askForEmail(service, somebody, email)
          codes.push(yield* changeCode(email))
        }
        const answers = yield* Effect.forEach(codes, (code) => confirmEmail(service, code), { concurrency: 2 })
        assert.sameMembers(
          answers.map(({ status }) => status),
          [200, 409]
        )
        assert.lengthOf(yield* sql`select from users where email = ${email}`, 1)
      }
    })
  )

  it.effect("B23: what was asked for with the former password ends with a reset, also one under way", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { codeFor, me, register, reset, signIn } = service
      for (let round = 0; round < 10; round++) {
        const ada = yield* register()
        const email = newAddress()
        yield* askForEmail(service, ada, email)
        const change = yield* changeCode(email)
        const code = yield* codeFor(ada.email)
        const [changed, taken] = yield* Effect.all([confirmEmail(service, change), reset(code, newPassword)], {
          concurrency: round === 0 ? 1 : 2
        })
        // The change was first and ended the reset's code, or the reset was first and ended the change's.
        assert.sameMembers([changed.status, taken.status], [200, 403])
        const address = taken.status === 200 ? ada.email : email
        const password = taken.status === 200 ? newPassword : ada.password
        const jwt = textAt(yield* signIn(address, password), "jwt")
        assert.strictEqual(textAt(yield* me(jwt), "email"), address)
        assertError(
          yield* confirmEmail(service, change),
          403,
          changed.status === 200 ? "EmailChangeCodeUsed" : "EmailChangeCodeSuperseded"
        )
      }
    })
  )

  it.effect("D21: who opens the links changes nothing, however often", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const ada = yield* service.register()
      const email = newAddress()
      yield* askForEmail(service, ada, email)
      const open = Effect.fnUntraced(function* (path: string, code: string) {
        for (const _ of times(10)) {
          for (const method of ["GET", "HEAD"]) {
            yield* service.send(method, `${path}?code=${code}`)
            yield* service.send(method, `/auth${path}?code=${code}`)
          }
        }
      })
      const code = yield* changeCode(email)
      yield* open("/change-email/confirm", code)
      assert.strictEqual(textAt(yield* service.me(ada.jwt), "email"), ada.email)
      assert.strictEqual((yield* confirmEmail(service, code)).status, 200)
      const wayBack = yield* wayBackCode(ada.email)
      yield* open("/change-email/undo", wayBack)
      assert.strictEqual(textAt(yield* service.me(ada.jwt), "email"), email)
      assert.strictEqual((yield* undoEmail(service, wayBack)).status, 200)
    })
  )

  it.effect("F23: whoever took an account over, changed its address and its password, loses it to the way back", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { codeFor, me, next, register, reset, signIn } = { ...service, ...(yield* MailServer) }
      const ada = yield* register()
      const thief = newAddress()
      const wayBack = yield* changeEmail(service, ada, thief)
      assert.strictEqual((yield* reset(yield* codeFor(thief), "the phrase of a thief")).status, 200)
      const jwt = textAt(yield* signIn(thief, "the phrase of a thief"), "jwt")
      yield* askForEmail(service, { jwt, password: "the phrase of a thief" }, newAddress())
      const code = yield* codeFor(thief)
      assert.strictEqual((yield* undoEmail(service, wayBack)).status, 200)
      assertError(yield* me(jwt), 401, "Unauthenticated")
      assertError(yield* reset(code, newPassword), 404, "ResetCodeNotFound")
      for (const identifier of [thief, ada.email, ada.username]) {
        for (const password of ["the phrase of a thief", ada.password]) {
          assertError(yield* signIn(identifier, password), 400, "InvalidCredentials")
        }
      }
      // Nothing that was asked for at the thief's address holds the owner's code back.
      const { parsed } = yield* Effect.repeat(next(ada.email), { until: ({ parsed }) => holdsCode(parsed.text ?? "") })
      assert.strictEqual((yield* reset(codeIn(parsed.text ?? ""), newPassword)).status, 200)
      assert.strictEqual((yield* signIn(ada.email, newPassword)).status, 200)
    })
  )

  it.effect("F24: of an address that was changed twice the earliest way back works last, and ends the later one", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { me, register, signIn } = service
      for (const laterFirst of [false, true]) {
        const ada = yield* register()
        const [one, two] = [newAddress(), newAddress()]
        const first = yield* changeEmail(service, ada, one)
        const second = yield* changeEmail(service, { ...ada, email: one }, two)
        assert.strictEqual(textAt(yield* me(ada.jwt), "email"), two)
        if (laterFirst) assert.strictEqual(textAt(yield* undoEmail(service, second), "user", "email"), one)
        assert.strictEqual(textAt(yield* undoEmail(service, first), "user", "email"), ada.email)
        assertError(
          yield* undoEmail(service, second),
          403,
          laterFirst ? "EmailChangeCodeUsed" : "EmailChangeCodeSuperseded"
        )
        assertError(yield* signIn(one, ada.password), 400, "InvalidCredentials")
      }
    })
  )

  it.effect("F25: of ways back that are taken at once the earliest wins", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const service = yield* Service
      for (let round = 0; round < 10; round++) {
        const ada = yield* service.register()
        const [one, two] = [newAddress(), newAddress()]
        const first = yield* changeEmail(service, ada, one)
        const second = yield* changeEmail(service, { ...ada, email: one }, two)
        const [earliest, later] = yield* Effect.all([undoEmail(service, first), undoEmail(service, second)], {
          concurrency: 2
        })
        assert.strictEqual(earliest.status, 200, earliest.text)
        assert.include([200, 403], later.status)
        assert.deepStrictEqual(yield* sql`select email from users where id = ${ada.id}::uuid`, [{ email: ada.email }])
      }
    })
  )

  it.effect("F26: nobody blocks the way back with an account that gets the former address", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const service = yield* Service
      const { post, register } = service
      const thief = { username: "a thief", password: "the phrase of a thief" }
      for (let round = 0; round < 10; round++) {
        const ada = yield* register()
        const email = newAddress()
        yield* askForEmail(service, ada, email)
        const code = yield* changeCode(email)
        const registering = post("/auth/local/register", { ...thief, email: ada.email })
        // While the address comes free, and after that.
        const [changed] = yield* Effect.all([confirmEmail(service, code), ...times(3).map(() => registering)], {
          concurrency: 4
        })
        assert.strictEqual(changed?.status, 200)
        assertError(yield* registering, 409, "AccountExists")
        const other = yield* register()
        yield* askForEmail(service, other, ada.email)
        yield* found(sql`
          select from audit where user_id = ${other.id}::uuid and event = 'email-change.issued' and reason = 'address-kept'`)
        assert.strictEqual((yield* undoEmail(service, yield* wayBackCode(ada.email))).status, 200)
      }
    })
  )

  it.effect("F27: a mailbox that takes no mails holds nothing else of the account up", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { reject } = yield* MailServer
      const ada = yield* service.register()
      const dead = newAddress()
      yield* reject(dead)
      yield* askForEmail(service, ada, dead)
      const sql = yield* SqlClient.SqlClient
      yield* found(sql`select from outbox where recipient = ${dead} and attempts > 0`)
      assert.strictEqual((yield* service.reset(yield* service.codeFor(ada.email), newPassword)).status, 200)
    })
  )
})

onPostgres("changing an address with a stolen session", Service.layer({ settings: { rateLimit: true } }), (it) => {
  it.effect("F28: takes the password, which is guessed at five times for all that asks for it", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const service = yield* Service
      const ada = yield* service.register()
      const email = newAddress()
      for (const guess of times(3)) {
        const answer = yield* askForEmail(service, { ...ada, password: `guess number ${guess}` }, email)
        assertError(answer, 400, "InvalidCredentials")
      }
      for (const guess of times(2)) {
        const answer = yield* service.changePassword(ada.jwt, `another guess ${guess}`, newPassword)
        assertError(answer, 400, "InvalidCredentials")
      }
      assertError(yield* askForEmail(service, ada, email), 429, "RateLimited")
      assert.lengthOf(yield* sql`select from email_change_requests`, 0)
      assert.lengthOf(yield* sql`select from email_changes where email = ${email}`, 0)
    })
  )
})
