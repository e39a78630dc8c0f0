import { assert } from "@effect/vitest"
import { Array, Effect, Exit, Scope } from "effect"
import { SqlClient } from "effect/sql"
import { WatchedHasher } from "../passwords/doubles.ts"
import { type Answer, assertError, textAt } from "../support/client.ts"
import {
  codeIn,
  onBothDatabases,
  onPostgres,
  Service,
  startService,
  testSettings,
  timePasses
} from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"

const required = { emailConfirmation: { ...testSettings.emailConfirmation, required: true } }
const password = "an asked long phrase"
const newPassword = "a new long phrase"
const nobodysCode = "x".repeat(43)

let people = 0

/** Somebody who has no account. */
const newcomer = () => {
  const username = `newcomer${people++}`
  return { username, email: `${username}@example.com`, password }
}

const ask = Effect.fnUntraced(function* (person: Record<string, unknown>) {
  const { post } = yield* Service
  return yield* post("/auth/local/register", person)
})

const assertDone = ({ status, text }: Answer) => assert.deepStrictEqual([status, text], [200, '{"ok":true}'])

/** The next mail to this address with this in its subject. */
const mailTo = Effect.fnUntraced(function* (email: string, subject: string) {
  const { next } = yield* MailServer
  return yield* Effect.repeat(next(email), { until: ({ parsed }) => parsed.subject?.includes(subject) === true })
})

const codeFrom = (email: string) =>
  Effect.map(mailTo(email, "Confirm your address"), ({ parsed }) => codeIn(parsed.text ?? ""))

/** Somebody who waits for the confirmation, and the code for it. */
const waiting = Effect.fnUntraced(function* (person = newcomer()) {
  assertDone(yield* ask(person))
  return { ...person, code: yield* codeFrom(person.email) }
})

const confirm = Effect.fnUntraced(function* (code: unknown) {
  const { post } = yield* Service
  return yield* post("/auth/email-confirmation", { code })
})

const askAgain = Effect.fnUntraced(function* (email: string) {
  const { post } = yield* Service
  return yield* post("/auth/send-email-confirmation", { email })
})

/** Somebody with an account whose address nobody has confirmed, from the days when that wasn't asked for. */
const unconfirmed = Effect.gen(function* () {
  const scope = yield* Scope.make()
  const { register } = yield* Effect.provideService(startService(), Scope.Scope, scope)
  const account = yield* register()
  yield* Scope.close(scope, Exit.void)
  return account
})

/** Waits until all that was asked so far has been decided on, in its order, and tells the mails queued for an address. */
const mailsFor = Effect.fnUntraced(function* (email: string) {
  const sql = yield* SqlClient.SqlClient
  yield* waiting()
  const rows = yield* sql<{ readonly kind: string }>`select kind from outbox where recipient = ${email} order by id`
  return rows.map(({ kind }) => kind)
})

/** The trail of an account or of a registration, in short. */
const trailOf = Effect.fnUntraced(function* (id: string) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ readonly step: string }>`
    select concat_ws(' ', event, outcome, reason) as step from audit where user_id = ${id}::uuid order by id`
  return rows.map(({ step }) => step)
})

const registrationOf = Effect.fnUntraced(function* (username: string) {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ readonly id: string }>`select id from registrations where username = ${username}`
  return row?.id ?? assert.fail()
})

/** What every answer has anew. */
const comparable = ({ headers: { date: _, "x-request-id": __, ...headers }, status, text }: Answer) => ({
  status,
  headers,
  text
})

onBothDatabases("with EMAIL_CONFIRMATION", Service.layerWatched({ settings: required }), (it) => {
  it.effect("an account is made once its address is confirmed, and signing in is refused until then", () =>
    Effect.gen(function* () {
      const { signIn } = yield* Service
      const { asked } = yield* WatchedHasher
      const ada = newcomer()
      assertDone(yield* ask(ada))
      const { length } = asked
      for (const identifier of [ada.email, ada.username]) {
        assertError(yield* signIn(identifier, ada.password), 400, "InvalidCredentials")
      }
      assert.deepStrictEqual(asked.slice(length), ["rehearse", "rehearse"]) // as for nobody (C5)

      const { parsed } = yield* mailTo(ada.email, "Confirm your address")
      assert.include(parsed.text, "http://accounts.example.com/confirm-email?code=")
      assert.include(parsed.text, `with the user name ${ada.username}`)
      assert.include(parsed.text, "end in 24 hours")
      const code = codeIn(parsed.text ?? "")
      const confirmed = yield* confirm(code)
      assert.strictEqual(confirmed.status, 200)
      assert.deepStrictEqual(Object.keys(Object(confirmed.json)), ["user"]) // no session
      assert.strictEqual(textAt(confirmed, "user", "email"), ada.email)
      assert.include(confirmed.text, '"confirmed":true')
      const signedIn = yield* signIn(ada.username, ada.password)
      assert.strictEqual(textAt(signedIn, "user", "id"), textAt(confirmed, "user", "id"))

      assert.deepStrictEqual(yield* trailOf(textAt(confirmed, "user", "id")), [
        "registration.requested done",
        "confirmation.issued done",
        "account.registered done",
        "email.confirmed done",
        "sign-in done"
      ])
      assertError(yield* confirm(code), 403, "ConfirmationCodeUsed")
      assertError(yield* confirm(nobodysCode), 404, "ConfirmationCodeNotFound")
    })
  )

  it.effect("registering answers alike for free and taken addresses, by the same statements and hashing (C6)", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const sql = yield* SqlClient.SqlClient
      const { asked } = yield* WatchedHasher
      const owner = yield* waiting()
      yield* confirm(owner.code)
      const blocked = yield* waiting()
      yield* confirm(blocked.code)
      yield* sql`update users set blocked = true where email = ${blocked.email}`
      const waits = yield* waiting()
      const old = yield* unconfirmed

      /** What the last registration did within its request, in its order, and what it asked of the database. */
      const work = () => {
        const request = service.spans.findLast(({ name }) => name === "Accounts.register")
        return service.spans
          .filter(({ traceId }) => traceId === request?.traceId)
          .map(({ attributes, name }) => [name, attributes.get("db.query.text")])
      }

      const answers = yield* Effect.forEach(
        ["free@example.com", owner.email, owner.email.toUpperCase(), blocked.email, waits.email, old.email],
        (email) =>
          Effect.gen(function* () {
            const { length } = asked
            const answer = yield* ask({ ...newcomer(), email })
            assertDone(answer)
            assert.deepStrictEqual(asked.slice(length), ["hash"])
            return { answer: comparable(answer), work: work() }
          })
      )
      const [free, ...taken] = answers
      assert.isNotEmpty(free?.work.filter(([, statement]) => statement !== undefined))
      for (const one of taken) assert.deepStrictEqual(one, free)
    })
  )

  it.effect("the owner of a taken address gets a mail about it, without a code, and nothing changes (C6)", () =>
    Effect.gen(function* () {
      const { signIn } = yield* Service
      const ada = yield* waiting()
      const id = textAt(yield* confirm(ada.code), "user", "id")
      const attacker = { ...newcomer(), email: ada.email, password: "the attacker's phrase" }
      assertDone(yield* ask(attacker))
      const { parsed } = yield* mailTo(ada.email, "You have an account at Rekey already")
      assert.include(parsed.text, `with the address ${ada.email}`)
      assert.match(parsed.text ?? "", /Device: .+\nNetwork: 127\.0\.0\.0\/24/)
      assert.notMatch(`${parsed.text}${parsed.html}`, /code=|https?:|newcomer\d+\b(?!@)/)
      assertError(yield* signIn(attacker.username, attacker.password), 400, "InvalidCredentials")
      assertError(yield* signIn(ada.email, attacker.password), 400, "InvalidCredentials")
      assert.strictEqual((yield* signIn(ada.email, ada.password)).status, 200)
      assert.includeMembers(yield* trailOf(id), ["confirmation.issued refused address-taken"])
      // No later mail brings a code either.
      assertDone(yield* askAgain(ada.email))
      assert.notInclude((yield* mailsFor(ada.email)).slice(1), "email-confirmation")
    })
  )

  it.effect("a user name is 409 alike, who has it, and whether the address is free or taken (C6)", () =>
    Effect.gen(function* () {
      const { post } = yield* Service
      const owner = yield* waiting()
      yield* confirm(owner.code)
      const waits = yield* waiting()
      const reserved = { ...newcomer(), email: owner.email } // for an address that is taken
      assertDone(yield* ask(reserved))
      const answers: globalThis.Array<unknown> = []
      for (const { username } of [owner, waits, reserved, yield* unconfirmed]) {
        for (const name of [username, username.toUpperCase()]) {
          for (const email of [newcomer().email, owner.email, waits.email]) {
            const answer = yield* post("/auth/local/register", { username: name, email, password })
            assertError(answer, 409, "AccountExists")
            answers.push(comparable(answer))
          }
        }
      }
      for (const answer of answers) assert.deepStrictEqual(answer, answers[0])
    })
  )

  it.effect("a name stays reserved when its address gets an account by another registration (C6)", () =>
    Effect.gen(function* () {
      const probe = newcomer()
      yield* waiting(probe)
      const owner = yield* waiting({ ...newcomer(), email: probe.email })
      assert.strictEqual((yield* confirm(owner.code)).status, 200)
      assertError(yield* ask({ ...probe, email: "elsewhere@example.com" }), 409, "AccountExists")
    })
  )

  it.effect("of two registrations with one address the first to be confirmed gets it, and the other is told", () =>
    Effect.gen(function* () {
      const { check, reset, signIn } = yield* Service
      const attacker = yield* waiting()
      const owner = yield* waiting({ ...newcomer(), email: attacker.email, password: "the owner's phrase" })
      assert.strictEqual(textAt(yield* confirm(owner.code), "user", "username"), owner.username)
      assertError(yield* confirm(attacker.code), 409, "AccountExists")
      assertError(yield* check(attacker.code), 403, "ResetCodeSuperseded")
      assertError(yield* reset(attacker.code, newPassword), 403, "ResetCodeSuperseded")
      assertError(yield* signIn(attacker.username, attacker.password), 400, "InvalidCredentials")
      assert.strictEqual((yield* signIn(owner.email, owner.password)).status, 200)
    })
  )

  it.effect("a code is mailed once more to who waits, and each works until one is used", () =>
    Effect.gen(function* () {
      const first = yield* waiting()
      assertDone(yield* askAgain(` ${first.email.toUpperCase()} `))
      const second = yield* codeFrom(first.email)
      assert.notStrictEqual(second, first.code)
      assert.strictEqual((yield* confirm(first.code)).status, 200)
      assertError(yield* confirm(second), 403, "ConfirmationCodeUsed")
    })
  )

  it.effect("asking once more answers alike for every address, and mails those alone that wait (C1)", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const waits = yield* waiting()
      const owner = yield* waiting()
      yield* confirm(owner.code)
      const old = yield* unconfirmed
      const blocked = yield* unconfirmed
      yield* sql`update users set blocked = true where email = ${blocked.email}`
      const addresses = [waits.email, owner.email, old.email, blocked.email, "nobody@example.com"]
      const answers = yield* Effect.forEach(addresses, askAgain)
      for (const answer of answers) {
        assertDone(answer)
        assert.deepStrictEqual(comparable(answer), comparable(answers[0] ?? assert.fail()))
      }
      const queued = yield* Effect.forEach(addresses, mailsFor)
      const one = ["email-confirmation"]
      assert.deepStrictEqual(queued, [[...one, ...one], one, one, [], []])
      assert.include(
        yield* trailOf(owner.code === "" ? "" : yield* registrationOf(owner.username)),
        "confirmation.issued refused confirmed"
      )
      assert.include(yield* trailOf(blocked.id), "confirmation.issued refused blocked")
    })
  )

  it.effect("an account that isn't confirmed is confirmed by a code, and its sessions go on", () =>
    Effect.gen(function* () {
      const { me } = yield* Service
      const old = yield* unconfirmed
      yield* askAgain(old.email)
      const { parsed } = yield* mailTo(old.email, "Confirm your address")
      assert.include(parsed.text, `asked to confirm ${old.email}`)
      const code = codeIn(parsed.text ?? "")
      assert.strictEqual(textAt(yield* confirm(code), "user", "id"), old.id)
      assert.include((yield* me(old.jwt)).text, '"confirmed":true')
      assertError(yield* confirm(code), 403, "ConfirmationCodeUsed")
      assert.includeMembers(yield* trailOf(old.id), ["confirmation.requested done", "email.confirmed done"])
    })
  )

  it.effect(
    "the code of an account is refused once it is blocked, confirmed by a reset, gone, or has another address",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { codeFor, reset } = yield* Service
        for (const [change, status, reason] of [
          ["a block", 403, "AccountBlocked"],
          ["a reset", 403, "ConfirmationCodeUsed"],
          ["its use, taken back by hand", 403, "ConfirmationCodeUsed"],
          ["another address", 404, "ConfirmationCodeNotFound"],
          ["a deletion", 404, "ConfirmationCodeNotFound"],
          ["time", 403, "ConfirmationCodeExpired"]
        ] as const) {
          const { email, id } = yield* unconfirmed
          yield* askAgain(email)
          const code = yield* codeFrom(email)
          if (change === "a block") yield* sql`update users set blocked = true where id = ${id}::uuid`
          if (change === "a reset") yield* reset(yield* codeFor(email), newPassword)
          if (change === "its use, taken back by hand") {
            yield* confirm(code)
            yield* sql`update users set confirmed = false where id = ${id}::uuid`
          }
          if (change === "another address") {
            yield* sql`update users set email = 'new' || email, email_key = 'new' || email_key where id = ${id}::uuid`
          }
          if (change === "a deletion") yield* sql`delete from users where id = ${id}::uuid`
          if (change === "time") yield* timePasses("24 hours 1 minute")
          assertError(yield* confirm(code), status, reason)
        }
      })
  )

  it.effect("a code of a registration ends with it, by the database's clock (B5)", () =>
    Effect.gen(function* () {
      const [early, late] = [yield* waiting(), yield* waiting()]
      yield* timePasses("23 hours 59 minutes")
      assert.strictEqual((yield* confirm(early.code)).status, 200)
      yield* timePasses("2 minutes")
      assertError(yield* confirm(late.code), 403, "ConfirmationCodeExpired")
    })
  )

  it.effect("a reset before the address was confirmed confirms it, with the new password and not the asked one", () =>
    Effect.gen(function* () {
      const { check, forgot, reset, signIn } = yield* Service
      const ada = yield* waiting()
      assertDone(yield* forgot(ada.email))
      const { parsed } = yield* mailTo(ada.email, "Reset your Rekey password")
      assert.include(parsed.text, "http://accounts.example.com/reset-password?code=")
      const code = codeIn(parsed.text ?? "")
      assert.strictEqual((yield* check(code)).status, 200)
      assertError(yield* reset(code, "short"), 400, "PasswordRejected")
      assertError(yield* reset(code, `${ada.username}12`), 400, "PasswordRejected") // little more than the user name
      const done = yield* reset(code, newPassword)
      assert.strictEqual(done.status, 200)
      assert.include(done.text, '"confirmed":true')
      assert.strictEqual(textAt(done, "user", "username"), ada.username)
      yield* mailTo(ada.email, "Your Rekey password was reset")
      assertError(yield* signIn(ada.email, ada.password), 400, "InvalidCredentials")
      assert.strictEqual((yield* signIn(ada.email, newPassword)).status, 200)
      assertError(yield* reset(code, newPassword), 403, "ResetCodeUsed")
      assertError(yield* confirm(ada.code), 403, "ConfirmationCodeUsed")
      assert.includeMembers(yield* trailOf(textAt(done, "user", "id")), [
        "account.registered done",
        "email.confirmed done",
        "password.reset done"
      ])
    })
  )

  it.effect("a confirmed registration keeps no hash", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { code, username } = yield* waiting()
      const hash = sql`select password_hash from registrations where username = ${username} and password_hash is not null`
      assert.lengthOf(yield* hash, 1)
      yield* confirm(code)
      assert.lengthOf(yield* hash, 0)
    })
  )

  it.effect("nothing in the database can be used as a code, not even while the mail waits (D5)", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { behave } = yield* MailServer
      const { check } = yield* Service
      const ada = newcomer()
      yield* behave("hang")
      assertDone(yield* ask(ada))
      const queued = sql`select from outbox where recipient = ${ada.email} and nonce is not null`
      yield* queued.pipe(Effect.delay("10 millis"), Effect.repeat({ until: (rows) => rows.length > 0 }))
      const dump: globalThis.Array<string> = []
      for (const table of ["registrations", "confirmation_requests", "confirmation_codes", "outbox", "audit"]) {
        for (const row of yield* sql<
          Record<string, unknown>
        >`select * from ${sql(table)} order by ctid desc limit 12`) {
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
        assertError(yield* confirm(value), 404, "ConfirmationCodeNotFound")
        assertError(yield* check(value), 404, "ResetCodeNotFound")
      })
      yield* Effect.forEach(values, tried, { concurrency: 8, discard: true })
      assert.strictEqual((yield* confirm(yield* codeFrom(ada.email))).status, 200)
      const nonces = sql`select from outbox where recipient = ${ada.email} and nonce is not null`
      yield* nonces.pipe(Effect.delay("10 millis"), Effect.repeat({ until: (rows) => rows.length === 0 }))
    })
  )

  it.effect("no log line holds a code, a password or an address (D4)", () =>
    Effect.gen(function* () {
      const { get, logs, reset, send } = yield* Service
      const ada = yield* waiting()
      yield* ask(ada)
      yield* ask({ ...ada, password: "shrt1" })
      yield* askAgain(ada.email)
      const again = yield* codeFrom(ada.email)
      yield* get(`/confirm-email?code=${again}`)
      yield* get("/confirm-email", { cookie: `rekey_confirmation_code=${again}` })
      yield* send("POST", "/confirm-email", { headers: { "content-type": "text/plain" }, body: `code=${again}` })
      yield* confirm([again])
      yield* confirm(again)
      yield* confirm(ada.code)
      yield* reset(ada.code, newPassword)
      const written = logs.join("\n")
      for (const secret of [ada.code, again, ada.password, newPassword, "shrt1", ada.email, "?code="]) {
        assert.notInclude(written, secret)
      }
    })
  )
})

onBothDatabases(
  "mails about an address",
  Service.layer({
    settings: { ...required, resetLimits: { codeTtlMillis: 1_800_000, cooldownMillis: 60_000, hourlyCap: 3 } }
  }),
  (it) => {
    it.effect("are held back by the cooldown of a registration and the cap of an address, silently (C3, E4)", () =>
      Effect.gen(function* () {
        const ada = yield* waiting()
        for (let time = 0; time < 3; time++) assertDone(yield* askAgain(ada.email))
        assert.lengthOf(yield* mailsFor(ada.email), 1)
        yield* timePasses("61 seconds")
        assertDone(yield* askAgain(ada.email))
        assert.lengthOf(yield* mailsFor(ada.email), 2)
        // Under other names nobody floods a mailbox either.
        for (let time = 0; time < 5; time++) assertDone(yield* ask({ ...newcomer(), email: ada.email }))
        assert.lengthOf(yield* mailsFor(ada.email), 3)
        yield* timePasses("1 hour")
        assertDone(yield* askAgain(ada.email))
        assert.lengthOf(yield* mailsFor(ada.email), 4)
      })
    )

    it.effect("go to each registration of it in turn, so that nobody's later one keeps the owner from their own", () =>
      Effect.gen(function* () {
        const owner = newcomer()
        for (const person of [newcomer(), newcomer(), newcomer(), owner, newcomer()]) {
          assertDone(yield* ask({ ...person, email: owner.email }))
        }
        assert.lengthOf(yield* mailsFor(owner.email), 3)
        yield* timePasses("1 hour")
        const names: globalThis.Array<string> = []
        for (let time = 0; time < 2; time++) {
          yield* askAgain(owner.email)
          yield* mailsFor(owner.email)
        }
        const { arrived } = yield* MailServer
        const mails = yield* Effect.repeat(
          Effect.map(arrived, (all) => all.filter(({ envelope }) => envelope.to.includes(owner.email))),
          { until: (mails) => mails.length === 5 }
        )
        for (const { parsed } of mails) names.push(/user name (\w+)/.exec(parsed.text ?? "")?.[1] ?? "")
        assert.lengthOf(new Set(names), 5)
        assert.include(names, owner.username)
      })
    )

    it.effect("tell an owner of attempts to register no more often than that", () =>
      Effect.gen(function* () {
        const ada = yield* waiting()
        yield* confirm(ada.code)
        const notices = Effect.map(mailsFor(ada.email), (kinds) => kinds.filter((_) => _ === "registration-attempted"))
        for (let time = 0; time < 3; time++) assertDone(yield* ask({ ...newcomer(), email: ada.email }))
        assert.lengthOf(yield* notices, 1)
        for (let time = 0; time < 4; time++) {
          yield* timePasses("61 seconds")
          assertDone(yield* ask({ ...newcomer(), email: ada.email }))
        }
        assert.lengthOf(yield* notices, 3)
      })
    )
  }
)

onPostgres("behind a door, with EMAIL_CONFIRMATION", Service.layer({ settings: required }), (it) => {
  it.effect("registering never asks who has an address: it is answered while that can't be told (C6)", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const ada = yield* waiting()
      yield* confirm(ada.code)
      yield* Effect.acquireUseRelease(
        sql`alter table users rename column email_key to hidden`,
        () =>
          Effect.forEach([ada.email, newcomer().email], (email) =>
            Effect.map(ask({ ...newcomer(), email }), assertDone)
          ),
        () => Effect.orDie(sql`alter table users rename column hidden to email_key`)
      )
      yield* mailTo(ada.email, "You have an account") // once the worker can tell
    })
  )

  it.effect("asking once more looks at nobody: it is answered while nobody can be looked at (C1)", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { email } = yield* waiting()
      yield* Effect.gen(function* () {
        yield* sql`lock table users, confirmation_codes in access exclusive mode`
        for (const address of [email, "nobody@example.com"]) assertDone(yield* askAgain(address))
      }).pipe(sql.withTransaction)
    })
  )
})

onPostgres("at once, with EMAIL_CONFIRMATION", Service.layer({ settings: required }), (it) => {
  const statuses = (answers: ReadonlyArray<Answer>) => answers.map(({ status }) => status).sort()

  it.effect("of twenty confirmations with one code one succeeds, and there is one account (B1)", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { code, email } = yield* waiting()
      const answers = yield* Effect.forEach(Array.range(1, 20), () => confirm(code), { concurrency: "unbounded" })
      for (const answer of answers) if (answer.status !== 200) assertError(answer, 403, "ConfirmationCodeUsed")
      assert.lengthOf(
        answers.filter(({ status }) => status === 200),
        1
      )
      assert.lengthOf(yield* sql`select from users where email = ${email}`, 1)
      const id = yield* sql<{ readonly id: string }>`select id from users where email = ${email}`
      const trail = yield* trailOf(id[0]?.id ?? assert.fail())
      assert.lengthOf(
        trail.filter((_) => _ === "email.confirmed done"),
        1
      )
    })
  )

  it.effect("of five registrations with one address, confirmed at once, one becomes the account", () =>
    Effect.gen(function* () {
      for (let round = 0; round < 5; round++) {
        const first = newcomer()
        const codes = yield* Effect.forEach(Array.range(1, 5), () =>
          Effect.map(waiting({ ...newcomer(), email: first.email }), ({ code }) => code)
        )
        const answers = yield* Effect.forEach(codes, confirm, { concurrency: "unbounded" })
        assert.deepStrictEqual(statuses(answers), [200, 409, 409, 409, 409])
      }
    })
  )

  it.effect("of ten who ask for one user name one gets it reserved, also while it becomes an account", () =>
    Effect.gen(function* () {
      const wanted = newcomer()
      const others = yield* Effect.forEach(
        Array.range(1, 10),
        () => ask({ ...newcomer(), username: wanted.username }),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(statuses(others), [200, ...Array.replicate(409, 9)])
      const waits = yield* waiting()
      const [confirmed, ...late] = yield* Effect.all(
        [confirm(waits.code), ...Array.makeBy(10, () => ask({ ...newcomer(), username: waits.username }))],
        { concurrency: "unbounded" }
      )
      assert.strictEqual(confirmed.status, 200)
      for (const answer of late) assertError(answer, 409, "AccountExists")
    })
  )

  it.effect("of a confirmation and a reset with one code one succeeds, and its password is the account's", () =>
    Effect.gen(function* () {
      const { reset, signIn } = yield* Service
      for (let round = 0; round < 10; round++) {
        const ada = yield* waiting()
        const [confirmed, done] = yield* Effect.all([confirm(ada.code), reset(ada.code, newPassword)], {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual(statuses([confirmed, done]), [200, 403])
        const [right, wrong] = done.status === 200 ? [newPassword, ada.password] : [ada.password, newPassword]
        assert.strictEqual((yield* signIn(ada.email, right)).status, 200)
        assertError(yield* signIn(ada.email, wrong), 400, "InvalidCredentials")
      }
    })
  )
})

onPostgres(
  "while registration is closed, or no confirmation asked for any more",
  Service.layer({ settings: required }),
  (it) => {
    it.effect("who was asked to confirm still may, and nobody new comes", () =>
      Effect.gen(function* () {
        const ada = yield* waiting()
        const closed = yield* startService({ settings: { ...required, registration: false } })
        assertError(yield* closed.post("/auth/local/register", newcomer()), 403, "RegistrationClosed")
        assertDone(yield* closed.post("/auth/send-email-confirmation", { email: ada.email }))
        const again = yield* codeFrom(ada.email)
        assert.strictEqual((yield* closed.post("/auth/email-confirmation", { code: again })).status, 200)
      })
    )

    it.effect("a name or an address that an account took meanwhile is told to whoever confirms", () =>
      Effect.gen(function* () {
        const open = yield* startService()
        const [name, address] = [yield* waiting(), yield* waiting()]
        yield* open.register({ username: name.username })
        yield* open.register({ email: address.email })
        assertError(yield* confirm(name.code), 409, "AccountExists")
        assertError(yield* confirm(address.code), 409, "AccountExists")
      })
    )
  }
)
