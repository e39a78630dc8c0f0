import { assert } from "@effect/vitest"
import { Effect, Layer, Option, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { bearer } from "../support/client.ts"
import { timePasses } from "../support/databases.ts"
import { codeIn, onPostgres, startService } from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"
import { documentedLimits, found, mailedCode, newPassword, processes, times } from "./common.ts"

const token = "a-token-of-the-tests-that-is-long-enough"
const settings = { metricsToken: Option.some(Redacted.make(token)) }

/** The mails for an address so far. */
const mailsFor = Effect.fnUntraced(function* (address: string) {
  return (yield* (yield* MailServer).arrived).filter(({ envelope }) => envelope.to.includes(address))
})

/** How the mails for an address ended, the oldest first; waits until none waits any more. */
const outcomesFor = Effect.fnUntraced(function* (address: string) {
  const sql = yield* SqlClient.SqlClient
  yield* found(sql`
    select true where exists (select from outbox where recipient = ${address})
      and not exists (select from outbox where recipient = ${address} and outcome is null)`)
  const rows = yield* sql<{ readonly outcome: string }>`
    select outcome from outbox where recipient = ${address} order by id`
  return rows.map(({ outcome }) => outcome)
})

onPostgres("delivery by three workers", Layer.empty, (it) => {
  it.effect("G1: three workers send each mail once", () =>
    Effect.gen(function* () {
      const mails = yield* MailServer
      const services = yield* Effect.all([startService(), startService(), startService()])
      const [first] = services
      yield* mails.behave("slow") // so that a mail in hand can be looked at by all
      const people = yield* Effect.forEach(times(12), () => first.register())
      // Each is asked for at one service, and the others are woken by the next.
      yield* Effect.forEach(people, ({ email }, index) => (services[index % 3] ?? first).forgot(email), {
        concurrency: "unbounded"
      })
      for (const { email } of people) {
        const code = codeIn((yield* mails.next(email)).parsed.text ?? "")
        assert.strictEqual((yield* first.check(code)).status, 200)
      }
      for (const { email } of people) assert.deepStrictEqual(yield* outcomesFor(email), ["sent"])
      const late = yield* first.register()
      yield* mailedCode(first, late.email)
      for (const { email } of people) assert.lengthOf(yield* mailsFor(email), 1)
    })
  )

  it.effect("G1: one mail, for which three workers look at once, is one mail", () =>
    Effect.gen(function* () {
      const mails = yield* MailServer
      const services = yield* Effect.all([startService(), startService(), startService()])
      const [first] = services
      yield* mails.behave("refuse")
      const { email } = yield* first.register()
      yield* first.forgot(email)
      const sql = yield* SqlClient.SqlClient
      yield* found(sql`select from outbox where recipient = ${email} and attempts > 0 and leased_until is null`)
      yield* mails.behave("slow")
      yield* sql`update outbox set due_at = now() where leased_until is null`
      yield* Effect.forEach(services, (service) => service.forgot("nobody@example.com"), { concurrency: "unbounded" })
      assert.deepStrictEqual(yield* outcomesFor(email), ["sent"])
      assert.lengthOf(yield* mailsFor(email), 1)
    })
  )
})

onPostgres("delivery by a worker that dies", Layer.empty, (it) => {
  for (const when of ["before", "after"] as const) {
    it.effect(
      `G2: a worker that is killed ${when} it hears that the mail was taken leaves one repeat, with the same code, which works`,
      () =>
        Effect.gen(function* () {
          const mails = yield* MailServer
          const { sql, start, started } = yield* processes(1)
          const [{ client, server } = assert.fail()] = started
          const { email } = yield* client.register()
          if (when === "before") {
            yield* mails.behave("mute")
            yield* client.forgot(email)
            yield* mails.next(email)
            yield* server.stop("SIGKILL")
          } else {
            yield* mails.behave("slow")
            yield* client.forgot(email)
            yield* found(sql`select from outbox where recipient = ${email} and leased_until is not null`)
            // Whoever holds the row keeps the worker from writing down that its mail is sent.
            yield* Effect.gen(function* () {
              yield* sql`select from outbox where recipient = ${email} for update`
              yield* mails.next(email)
              const waits = sql`
                select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
              yield* found(waits)
              yield* server.stop("SIGKILL")
              yield* sql`select pg_terminate_backend(pid) from (${waits}) w`
            }).pipe(sql.withTransaction)
          }
          yield* mails.behave("take")
          yield* Effect.provideService(timePasses("61 seconds"), SqlClient.SqlClient, sql) // the dead one's lease
          const { client: after } = yield* start
          yield* mails.next(email)
          yield* mailedCode(after, (yield* after.register()).email)
          const [first = assert.fail(), repeat = assert.fail(), ...others] = yield* mailsFor(email)
          assert.isEmpty(others)
          assert.isString(first.parsed.messageId)
          assert.strictEqual(repeat.parsed.messageId, first.parsed.messageId)
          const code = codeIn(first.parsed.text ?? "")
          assert.strictEqual(codeIn(repeat.parsed.text ?? ""), code)
          assert.strictEqual((yield* after.reset(code, newPassword)).status, 200)
          assert.strictEqual((yield* after.signIn(email, newPassword)).status, 200)
        }).pipe(Effect.provide(MailServer.layer)) // its own, so that nobody else's mail is muted
    )
  }
})

onPostgres("delivery of what can't be delivered", Layer.empty, (it) => {
  it.effect("G3: a mail that is never taken is tried with growing pauses, then set aside; nobody waits for it", () =>
    Effect.gen(function* () {
      const mails = yield* MailServer
      const sql = yield* SqlClient.SqlClient
      const service = yield* startService({ settings })
      const poison = yield* service.register()
      yield* mails.reject(poison.email)
      yield* service.forgot(poison.email)
      const pauses: Array<number> = []
      for (let attempt = 1; attempt <= 6; attempt++) {
        const [row] = yield* found(sql<{ readonly pause: number }>`
          select extract(epoch from due_at - now())::float8 as pause from outbox
          where recipient = ${poison.email} and attempts = ${attempt}::int and leased_until is null and outcome is null`)
        pauses.push(row?.pause ?? 0)
        // Others come through meanwhile, and their waking finds what is due.
        yield* sql`update outbox set due_at = now() where recipient = ${poison.email} and leased_until is null`
        yield* service.codeFor((yield* service.register()).email)
      }
      for (const [index, longest] of [1, 2, 4, 8, 16, 32].entries()) assert.isAtMost(pauses[index] ?? 99, longest)
      assert.isAbove(pauses[5] ?? 0, pauses[0] ?? 0)
      yield* timePasses("31 minutes")
      yield* service.codeFor((yield* service.register()).email)
      assert.deepStrictEqual(yield* outcomesFor(poison.email), ["dead"])
      assert.include((yield* service.get("/metrics", bearer(token))).text, "\nrekey_outbox_dead 1\n")
      const [line = "", ...others] = service.logs.filter((line) => line.includes("A mail was set aside"))
      assert.isEmpty(others)
      assert.notInclude(line, poison.email)
      assert.isEmpty(yield* mailsFor(poison.email))
    })
  )

  it.effect("G4: a mail whose code has ended by the time it could be sent is dropped", () =>
    Effect.gen(function* () {
      const mails = yield* MailServer
      const sql = yield* SqlClient.SqlClient
      const service = yield* startService({ settings: { resetLimits: documentedLimits } })
      for (const end of ["expired", "superseded", "blocked", "another password", "deleted"] as const) {
        const { email, id, jwt, password } = yield* service.register()
        yield* mails.behave("defer")
        yield* service.forgot(email)
        yield* found(sql`select from outbox where recipient = ${email} and attempts = 1 and leased_until is null`)
        yield* sql`update outbox set attempts = 0, due_at = now() + interval '1 hour' where recipient = ${email}` // never tried
        if (end === "expired") yield* timePasses("31 minutes")
        if (end === "superseded") {
          yield* timePasses("61 seconds")
          yield* service.forgot(email)
          yield* found(sql`select from outbox where recipient = ${email} offset 1`)
        }
        if (end === "blocked") yield* sql`update users set blocked = true where id = ${id}::uuid`
        if (end === "another password") yield* service.changePassword(jwt, password, newPassword)
        if (end === "deleted") yield* sql`delete from users where id = ${id}::uuid`
        yield* mails.behave("take")
        yield* sql`update outbox set due_at = now() where recipient = ${email} and leased_until is null`
        yield* service.codeFor((yield* service.register()).email)
        if (end === "superseded") {
          const newest = codeIn((yield* mails.next(email)).parsed.text ?? "")
          assert.deepStrictEqual(yield* outcomesFor(email), ["dropped", "sent"])
          assert.strictEqual((yield* service.check(newest)).status, 200)
        }
        const codes = (yield* mailsFor(email)).filter(({ parsed }) => /code=/.test(parsed.text ?? ""))
        assert.lengthOf(codes, end === "superseded" ? 1 : 0, end)
        if (end === "expired" || end === "blocked") assert.deepStrictEqual(yield* outcomesFor(email), ["dropped"])
        if (end === "deleted") assert.isEmpty(yield* sql`select from outbox where recipient = ${email}`)
      }
    })
  )
})
