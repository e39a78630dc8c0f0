import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { assertError, bearer, textAt } from "../support/client.ts"
import { askForEmail, changeCode, changeEmail, confirmEmail, undoEmail, wayBackCode } from "../support/emailChange.ts"
import { onBothDatabases, Service, timePasses } from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"

const newPassword = "a new long phrase"
const nobodysCode = "x".repeat(43)

let addresses = 0
/** An address that nobody has. */
const freeAddress = () => `free${process.pid}x${addresses++}@example.com`

const setBlocked = Effect.fnUntraced(function* (id: string, blocked: boolean) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`update users set blocked = ${blocked} where id = ${id}::uuid`
})

/** Somebody who has asked for another address, and the code that was mailed there. */
const asked = Effect.gen(function* () {
  const service = yield* Service
  const ada = yield* service.register()
  const email = freeAddress()
  yield* askForEmail(service, ada, email)
  return { ...ada, to: email, code: yield* changeCode(email) }
})

onBothDatabases("changing an address", Service.layer(), (it) => {
  it.effect("needs the password, then the code that was mailed to the new one; nothing changes before (F28)", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { check, codeFor, me, register, signIn } = service
      const ada = yield* register()
      const other = textAt(yield* signIn(ada.email, ada.password), "jwt")
      const resetCode = yield* codeFor(ada.email)
      const email = freeAddress()
      assertError(yield* askForEmail(service, { ...ada, password: "not hers" }, email), 400, "InvalidCredentials")
      const answer = yield* askForEmail(service, ada, email)
      assert.deepStrictEqual([answer.status, answer.json], [200, { ok: true }])
      const code = yield* changeCode(email)
      assert.strictEqual(textAt(yield* me(ada.jwt), "email"), ada.email)
      const changed = yield* confirmEmail(service, code)
      assert.strictEqual(changed.status, 200, changed.text)
      assert.deepInclude((changed.json as { readonly user: object }).user, { id: ada.id, email, confirmed: true })
      // The session that asked goes on, every other one and the reset code of the former address end.
      assert.strictEqual(textAt(yield* me(ada.jwt), "email"), email)
      assertError(yield* me(other), 401, "Unauthenticated")
      assertError(yield* check(resetCode), 403, "ResetCodeSuperseded")
      assert.strictEqual((yield* signIn(email, ada.password)).status, 200)
      assertError(yield* signIn(ada.email, ada.password), 400, "InvalidCredentials")
      assertError(yield* confirmEmail(service, code), 403, "EmailChangeCodeUsed")
      assertError(yield* confirmEmail(service, nobodysCode), 404, "EmailChangeCodeNotFound")
      // Reset codes work for the new address while the way back is open.
      assert.strictEqual((yield* service.reset(yield* codeFor(email), newPassword)).status, 200)
    })
  )

  it.effect("tells the former address when and from where, with a link and a code that lead back", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { next } = yield* MailServer
      const ada = yield* asked
      yield* confirmEmail(service, ada.code)
      const { envelope, parsed } = yield* next(ada.email)
      assert.deepStrictEqual(envelope.to, [ada.email])
      assert.strictEqual(parsed.subject, "Your Rekey account has a new address")
      assert.include(parsed.text, "http://accounts.example.com/change-email/undo?code=")
      assert.include(parsed.text, "\nhttp://accounts.example.com/change-email/undo\n")
      assert.include(parsed.text, "Device: Unknown device\nNetwork: 127.0.0.0/24")
      assert.include(parsed.text, "end in 7 days")
      // Whose address it is now is nobody's affair there.
      assert.notInclude(`${parsed.text}${parsed.html}`, ada.to)
    })
  )

  it.effect("ends with a newer request, a newer password, a block, a deletion, and its time (B23)", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const newer = yield* asked
      yield* askForEmail(service, newer, freeAddress())
      const superseded = confirmEmail(service, newer.code)
      const answer = yield* Effect.repeat(
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          return yield* sql`select from email_changes where user_id = ${newer.id}::uuid`
        }),
        { until: (codes) => codes.length === 2 }
      ).pipe(Effect.andThen(superseded))
      assertError(answer, 403, "EmailChangeCodeSuperseded")

      const password = yield* asked
      assert.strictEqual((yield* service.changePassword(password.jwt, password.password, newPassword)).status, 200)
      assertError(yield* confirmEmail(service, password.code), 403, "EmailChangeCodeSuperseded")

      const blocked = yield* asked
      yield* setBlocked(blocked.id, true)
      assertError(yield* confirmEmail(service, blocked.code), 403, "AccountBlocked")
      yield* setBlocked(blocked.id, false)
      assertError(yield* confirmEmail(service, blocked.code), 403, "EmailChangeCodeSuperseded")

      const deleted = yield* asked
      yield* service.post("/auth/delete-account", { currentPassword: deleted.password }, bearer(deleted.jwt))
      assertError(yield* confirmEmail(service, deleted.code), 404, "EmailChangeCodeNotFound")

      const late = yield* asked
      yield* timePasses("24 hours")
      assertError(yield* confirmEmail(service, late.code), 403, "EmailChangeCodeExpired")
    })
  )

  it.effect("is refused where somebody else has the address by then (B22)", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const ada = yield* asked
      yield* service.register({ email: ada.to })
      assertError(yield* confirmEmail(service, ada.code), 409, "AccountExists")
      assert.strictEqual(textAt(yield* service.me(ada.jwt), "email"), ada.email)
    })
  )

  it.effect("may be to another spelling of the same address", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const ada = yield* service.register()
      const spelled = ada.email.replace("person", "Person")
      yield* askForEmail(service, ada, spelled)
      assert.strictEqual((yield* confirmEmail(service, yield* changeCode(spelled))).status, 200)
      assert.strictEqual(textAt(yield* service.me(ada.jwt), "email"), spelled)
    })
  )

  it.effect("is in the account's trail, and each refusal", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const ada = yield* asked
      yield* confirmEmail(service, ada.code)
      yield* confirmEmail(service, ada.code)
      const events = Effect.map(service.get("/users/me/events", bearer(ada.jwt)), ({ json }) =>
        (json as { readonly events: ReadonlyArray<Record<string, string>> }).events.map(({ event, outcome, reason }) =>
          [event, outcome, reason ?? ""].join(" ")
        )
      )
      assert.sameMembers(yield* Effect.repeat(events, { until: ({ length }) => length === 5 }), [
        "email.changed refused used",
        "email.changed done ",
        "email-change.requested done ",
        "sign-in done ",
        "account.registered done "
      ])
    })
  )
})

onBothDatabases("the way back to a former address", Service.layer(), (it) => {
  it.effect("gives the address back, ends every session and password, and mails a reset code", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { codeFor, me, register, reset, signIn } = service
      const { next } = yield* MailServer
      const ada = yield* register()
      const email = freeAddress()
      const wayBack = yield* changeEmail(service, ada, email)
      const resetCode = yield* codeFor(email)
      yield* askForEmail(service, ada, freeAddress())
      const answer = yield* undoEmail(service, wayBack)
      assert.strictEqual(answer.status, 200, answer.text)
      assert.strictEqual(textAt(answer, "user", "email"), ada.email)
      assertError(yield* me(ada.jwt), 401, "Unauthenticated")
      assertError(yield* reset(resetCode, newPassword), 404, "ResetCodeNotFound")
      assertError(yield* signIn(ada.email, ada.password), 400, "InvalidCredentials")
      const { parsed } = yield* next(ada.email)
      assert.strictEqual(parsed.subject, "Your Rekey account has this address again")
      const code = /[?&]code=([\w-]{43})\s/.exec((yield* next(ada.email)).parsed.text ?? "")?.[1] ?? ""
      assert.strictEqual((yield* reset(code, newPassword)).status, 200)
      assert.strictEqual((yield* signIn(ada.email, newPassword)).status, 200)
      assertError(yield* undoEmail(service, wayBack), 403, "EmailChangeCodeUsed")
      assertError(yield* undoEmail(service, nobodysCode), 404, "EmailChangeCodeNotFound")
    })
  )

  it.effect("tells the address that it replaces when, and not from where", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { next } = yield* MailServer
      const ada = yield* service.register()
      const email = freeAddress()
      const wayBack = yield* changeEmail(service, ada, email)
      assert.strictEqual((yield* undoEmail(service, wayBack)).status, 200)
      const { parsed } = yield* next(email)
      assert.strictEqual(parsed.subject, "Your address is no longer that of an account at Rekey")
      const text = parsed.text ?? ""
      assert.match(text, /When: /)
      for (const secret of ["Device: ", "Network: ", "127.0.0", ada.email, "code="]) assert.notInclude(text, secret)
    })
  )

  it.effect("is open for its days, and not while the account is blocked", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const ada = yield* service.register()
      const wayBack = yield* changeEmail(service, ada, freeAddress())
      yield* setBlocked(ada.id, true)
      assertError(yield* undoEmail(service, wayBack), 403, "AccountBlocked")
      yield* setBlocked(ada.id, false)
      yield* timePasses("167 hours")
      assert.strictEqual((yield* undoEmail(service, wayBack)).status, 200)
      const eve = yield* service.register()
      const other = yield* changeEmail(service, eve, freeAddress())
      yield* timePasses("168 hours")
      assertError(yield* undoEmail(service, other), 403, "EmailChangeCodeExpired")
      // From then on anybody may have it.
      yield* service.register({ email: eve.email })
    })
  )

  it.effect("is no code of a change, nor the other way round", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const ada = yield* asked
      assertError(yield* undoEmail(service, ada.code), 404, "EmailChangeCodeNotFound")
      yield* confirmEmail(service, ada.code)
      const wayBack = yield* wayBackCode(ada.email)
      assertError(yield* confirmEmail(service, wayBack), 404, "EmailChangeCodeNotFound")
      assertError(yield* service.check(wayBack), 404, "ResetCodeNotFound")
    })
  )
})

onBothDatabases(
  "the limits of changing an address",
  Service.layer({ settings: { resetLimits: { codeTtlMillis: 1_800_000, cooldownMillis: 60_000, hourlyCap: 3 } } }),
  (it) => {
    it.effect("hold silently: a cooldown for an address, a cap for an account and for an address", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const service = yield* Service
        const [ada, eve] = [yield* service.register(), yield* service.register()]
        const reasons = (id: string, count: number) =>
          Effect.repeat(
            sql<{ readonly reason: string | null }>`
              select reason from audit where user_id = ${id}::uuid and event = 'email-change.issued' order by id`,
            { until: (rows) => rows.length === count }
          ).pipe(Effect.map((rows) => rows.map(({ reason }) => reason)))
        const [one, two] = [freeAddress(), freeAddress()]
        const ask = Effect.fnUntraced(function* (somebody: typeof ada, email: string) {
          const answer = yield* askForEmail(service, somebody, email)
          assert.deepStrictEqual([answer.status, answer.json], [200, { ok: true }])
        })
        yield* ask(ada, one)
        const code = yield* changeCode(one)
        yield* ask(ada, one)
        assert.deepStrictEqual(yield* reasons(ada.id, 2), [null, "cooldown"])
        // What was held back supersedes nothing.
        assert.strictEqual((yield* confirmEmail(service, code)).status, 200)
        for (const [index, email] of [two, freeAddress(), freeAddress()].entries()) {
          yield* ask(ada, email)
          yield* reasons(ada.id, 3 + index)
        }
        assert.deepStrictEqual(yield* reasons(ada.id, 5), [null, "cooldown", null, null, "cap"])
        yield* sql`update email_changes set issued_at = issued_at - interval '2 minutes' where email = ${two}`
        yield* sql`
          insert into email_changes (code_hash, user_id, credentials_version, session_id, email, email_key, asked_at, expires_at)
          select sha256(n::text::bytea), ${ada.id}::uuid, 1, gen_random_uuid(), ${two}, ${two}, now() - interval '5 minutes', now()
          from generate_series(1, 2) n`
        yield* ask(eve, two)
        assert.deepStrictEqual(yield* reasons(eve.id, 1), ["address-cap"])
      })
    )
  }
)
