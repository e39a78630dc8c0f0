import { assert } from "@effect/vitest"
import { Effect, Exit, Layer, Option, Scope } from "effect"
import { SqlClient } from "effect/sql"
import { trustedProxy } from "../../src/http/clientAddress.ts"
import { WatchedHasher } from "../passwords/doubles.ts"
import { type Answer, assertError, type Client } from "../support/client.ts"
import {
  codeIn,
  onBothDatabases,
  onPostgres,
  Service,
  startService,
  startServiceWithInbox,
  testSettings
} from "../support/service.ts"
import { type Behaviour, MailServer } from "../support/smtp.ts"
import { forgotAndDone, found, newPassword, told } from "./common.ts"

const toConfirm = { emailConfirmation: { ...testSettings.emailConfirmation, required: true } }

/** An account of each kind, and addresses that have none. */
const everybody = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const { codeFor, register, reset } = yield* Service
  const [confirmed, unconfirmed, blocked, deleted] = [
    yield* register(),
    yield* register(),
    yield* register(),
    yield* register()
  ]
  const passwordless = yield* register()
  yield* reset(yield* codeFor(confirmed.email), newPassword)
  yield* sql`update users set blocked = true where email = ${blocked.email}`
  yield* sql`update users set password_hash = '!' where email = ${passwordless.email}`
  yield* sql`delete from users where email = ${deleted.email}`
  return [
    ...[confirmed, unconfirmed, blocked, deleted, passwordless].map(({ email }) => email),
    ...["nobody@example.com", "a.much.longer.address.of.nobody@a.domain.that.nobody.has.example", "x@y"]
  ]
})

onBothDatabases("enumeration", Service.layer(), (it) => {
  it.effect("C1: asking for a code is answered the same for an account of whatever kind and for none", () =>
    Effect.gen(function* () {
      const { forgot, get } = yield* Service
      const answers = []
      for (const email of yield* everybody) {
        for (const spelling of [email, email, email.toUpperCase(), ` ${email}`])
          answers.push(told(yield* forgot(spelling)))
      }
      assert.deepInclude(answers[0], { status: 200, text: '{"ok":true}' })
      for (const answer of answers) assert.deepStrictEqual(answer, answers[0])
      assert.strictEqual((yield* get("/health")).status, 200)
    })
  )
})

onPostgres("enumeration", Service.layer(), (it) => {
  it.effect("C1: asking never looks at the accounts: it is answered while nobody can read them", () =>
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

  it.effect("C2: behind the door the same is done for an address without an account, but for the mail itself", () =>
    Effect.gen(function* () {
      const { forgot, register, spans } = yield* Service
      const sql = yield* SqlClient.SqlClient
      const done = Effect.fnUntraced(function* (email: string) {
        yield* forgotAndDone("nobody.before@example.com")
        yield* found(sql`
          select true where not exists (select from recovery_requests)
            and not exists (select from outbox where outcome is null)`)
        const [last] = yield* sql<{ readonly id: string }>`select max(id)::text as id from audit`
        const { length } = spans
        assert.strictEqual((yield* forgot(email)).status, 200)
        yield* found(sql`select from audit where event = 'mail.reset-code' and id > ${last?.id ?? ""}::bigint`)
        return spans.slice(length).map(({ name }) => name)
      })
      const both = Effect.gen(function* () {
        const known = yield* done((yield* register()).email)
        return { known, unknown: yield* done("nobody@example.com") }
      })
      const mailLess = (names: ReadonlyArray<string>) =>
        names
          .filter((name) => name !== "SmtpMailer.send")
          .toSorted()
          .join(" ")
      // Now and then a worker looks once more in between, which is chance: then again. A difference in what is done stays.
      const { known, unknown } = yield* Effect.repeat(both, {
        until: ({ known, unknown }) => mailLess(known) === mailLess(unknown),
        times: 9
      })
      assert.include(known, "SmtpMailer.send")
      assert.include(unknown, "OutboxWorker.deliver")
      assert.strictEqual(mailLess(known), mailLess(unknown))
    })
  )
})

const behindProxy = { rateLimit: true, trustedProxies: [Option.getOrThrow(trustedProxy("127.0.0.1"))] }
/** A client is told until when to wait, which goes with the second of its first request. */
const toldAtLimit = (answer: Answer) => {
  const {
    headers: { "retry-after": _, ...headers },
    ...others
  } = told(answer)
  return { ...others, headers, remaining: answer.headers["ratelimit-remaining"] }
}
const forgotFrom = (client: Client, address: string, email: string) =>
  client.post("/auth/forgot-password", { email }, { "x-forwarded-for": address })

onBothDatabases("enumeration by limits", Layer.empty, (it) => {
  it.effect("C3: a second request within the cooldown, and one past a limit, tell nothing of an account", () =>
    Effect.gen(function* () {
      const service = yield* startServiceWithInbox({
        settings: { ...behindProxy, resetLimits: { codeTtlMillis: 60_000, cooldownMillis: 60_000, hourlyCap: 1 } }
      })
      const { email } = yield* service.register({ username: "known", email: "known@example.com" })
      for (let time = 0; time < 12; time++) {
        const known = toldAtLimit(yield* forgotFrom(service, "203.0.113.4", email))
        const unknown = toldAtLimit(yield* forgotFrom(service, "203.0.113.5", "unknown@example.com"))
        assert.deepStrictEqual(known, unknown)
        assert.strictEqual(known.status, time < 10 ? 200 : 429)
      }
    })
  )
})

onPostgres("enumeration by a mail server", Layer.empty, (it) => {
  for (const fault of ["refuse", "defer", "drop", "hang"] as const satisfies ReadonlyArray<Behaviour>) {
    it.effect(
      `C4: where the mail server would ${fault}, the answer is the same, and the mail comes once it is back`,
      () =>
        Effect.gen(function* () {
          const mails = yield* MailServer
          const sql = yield* SqlClient.SqlClient
          const life = yield* Scope.make()
          const service = yield* Scope.provide(startService(), life)
          const { email } = yield* service.register()
          const usual = told(yield* service.forgot("nobody@example.com"))
          yield* mails.behave(fault)
          for (const address of [email, "nobody@example.com", email, "nobody.else@example.com"]) {
            assert.deepStrictEqual(told(yield* service.forgot(address)), usual)
          }
          yield* found(sql`select from outbox where recipient = ${email} and attempts > 0`)
          assert.deepStrictEqual(told(yield* service.forgot("nobody@example.com")), usual)
          // A conversation that hangs is given up after 20 seconds, or when its process ends.
          if (fault === "hang") yield* Scope.close(life, Exit.void)
          yield* mails.behave("take")
          const after = fault === "hang" ? yield* startService() : service
          const newest = yield* Effect.repeat(
            Effect.map(mails.next(email), ({ parsed }) => codeIn(parsed.text ?? "")),
            { until: (code) => Effect.map(after.check(code), ({ status }) => status === 200) }
          )
          assert.strictEqual((yield* after.reset(newest, newPassword)).status, 200)
        })
    )
  }
})

onPostgres("enumeration by signing in", Service.layerWatched(), (it) => {
  it.effect("C5: an unknown identifier is answered as a wrong password is", () =>
    Effect.gen(function* () {
      const { register, signIn } = yield* Service
      const { email, username } = yield* register()
      const wrong = yield* signIn(email, "not the password")
      assertError(wrong, 400, "InvalidCredentials")
      for (const identifier of [username, "nobody@example.com", "nobody", "@", "a".repeat(5000), "%' or 1=1 --"]) {
        const answer = yield* signIn(identifier, "not the password")
        assert.deepStrictEqual([answer.status, answer.text], [wrong.status, wrong.text])
      }
      assertError(yield* signIn(email, ""), 400, "InvalidCredentials")
    })
  )

  it.effect("C5: an unknown identifier costs the work of a wrong password", () =>
    Effect.gen(function* () {
      const { register, signIn } = yield* Service
      const { asked } = yield* WatchedHasher
      const { email, username } = yield* register()
      for (const [identifier, work] of [
        [email, "verify"],
        [username, "verify"],
        ["nobody@example.com", "rehearse"],
        ["nobody", "rehearse"]
      ] as const) {
        const { length } = asked
        assertError(yield* signIn(identifier, "not the password"), 400, "InvalidCredentials")
        assert.deepStrictEqual(asked.slice(length), [work])
      }
    })
  )
})

onBothDatabases("enumeration by registering", Service.layerWatched({ settings: toConfirm }), (it) => {
  it.effect(
    "C6: a taken address is answered as a free one is, after the same hashing, and its owner alone is told",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { asked } = yield* WatchedHasher
        const service = yield* Service
        const { next } = yield* MailServer
        const { codeFor, register, reset } = yield* startService()
        const [owner, unconfirmed, blocked] = [yield* register(), yield* register(), yield* register()]
        yield* reset(yield* codeFor(owner.email), newPassword)
        yield* sql`update users set blocked = true where email = ${blocked.email}`
        const addresses = [
          "free@example.com",
          owner.email,
          ` ${owner.email.toUpperCase()}`,
          unconfirmed.email,
          blocked.email
        ]
        const answers = []
        for (const [index, email] of addresses.entries()) {
          const { length } = asked
          const probe = { username: `probe ${index}`, email, password: newPassword }
          answers.push(told(yield* service.post("/auth/local/register", probe)))
          assert.deepStrictEqual(asked.slice(length), ["hash"])
          assertError(yield* service.signIn(probe.username, newPassword), 400, "InvalidCredentials")
        }
        assert.deepInclude(answers[0], { status: 200, text: '{"ok":true}' })
        for (const answer of answers) assert.deepStrictEqual(answer, answers[0])

        const { envelope, parsed } = yield* Effect.repeat(next(owner.email), {
          until: ({ parsed }) => parsed.subject?.includes("You have an account") === true
        })
        assert.deepStrictEqual(envelope.to, [owner.email])
        assert.notMatch(`${parsed.text}${parsed.html}`, /code=|https?:|probe/)
      })
  )
})
