import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { assertError, bearer, type Somebody } from "../support/client.ts"
import { onBothDatabases, Service } from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"

const deleteAccount = Effect.fnUntraced(function* ({ jwt, password }: Pick<Somebody, "jwt" | "password">) {
  const { post } = yield* Service
  return yield* post("/auth/delete-account", { currentPassword: password }, bearer(jwt))
})

/** How many rows each table has that belong to an account. */
const rowsOf = Effect.fnUntraced(function* (id: string) {
  const sql = yield* SqlClient.SqlClient
  const [rows] = yield* sql<{ readonly rows: number }>`
    select (select count(*) from users where id = ${id}::uuid)::int + (select count(*) from sessions where user_id = ${id}::uuid)::int
      + (select count(*) from reset_codes where user_id = ${id}::uuid)::int
      + (select count(*) from outbox where user_id = ${id}::uuid)::int as rows`
  return rows?.rows
})

const exportOf = Effect.fnUntraced(function* (jwt: string) {
  const { get } = yield* Service
  return yield* get("/users/me/export", bearer(jwt))
})

onBothDatabases("deleting one's account", Service.layer(), (it) => {
  it.effect("takes the password, and all that hangs on the account but its trail (F21)", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { codeFor, check, me, register, signIn } = yield* Service
      const { next } = yield* MailServer
      const ada = yield* register()
      const code = yield* codeFor(ada.email)
      assertError(yield* deleteAccount({ ...ada, password: "not her phrase" }), 400, "InvalidCredentials")
      assert.strictEqual((yield* me(ada.jwt)).status, 200)
      const answer = yield* deleteAccount(ada)
      assert.deepStrictEqual([answer.status, answer.json], [200, { ok: true }])
      assert.strictEqual(yield* rowsOf(ada.id), 0)
      assertError(yield* me(ada.jwt), 401, "Unauthenticated")
      assertError(yield* signIn(ada.email, ada.password), 400, "InvalidCredentials")
      assertError(yield* check(code), 404, "ResetCodeNotFound")
      assertError(yield* deleteAccount(ada), 401, "Unauthenticated")
      const { parsed } = yield* next(ada.email)
      assert.strictEqual(parsed.subject, "Your Rekey account was deleted")
      assert.match(parsed.text ?? "", /Device: Unknown device\nNetwork: 127\.0\.0\.0\/24/)
      const trail = sql`
        select concat_ws(' ', event, outcome, reason, actor) as step from audit
        where user_id = ${ada.id}::uuid and event = 'account.deleted' order by step`
      assert.deepStrictEqual(yield* Effect.repeat(trail, { until: (rows) => rows.length === 2 }), [
        { step: "account.deleted done owner" },
        { step: "account.deleted refused wrong-password owner" }
      ])
      // The name and the address are free again.
      yield* register({ username: ada.username, email: ada.email })
    })
  )

  it.effect("tells the owner in the account's language", () =>
    Effect.gen(function* () {
      const { register, send } = yield* Service
      const { next } = yield* MailServer
      const ada = yield* register()
      const headers = { ...bearer(ada.jwt), "content-type": "application/json" }
      yield* send("PUT", "/users/me/language", { body: { language: "de" }, headers })
      assert.strictEqual((yield* deleteAccount(ada)).status, 200)
      assert.strictEqual((yield* next(ada.email)).parsed.subject, "Ihr Konto bei Rekey wurde gelöscht")
    })
  )
})

onBothDatabases("an account's export", Service.layer(), (it) => {
  it.effect("is a file with the account, its language, sessions, mails and events, and no secret", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { codeFor, register, signIn } = yield* Service
      const ada = yield* register()
      yield* register()
      yield* signIn(ada.email, ada.password)
      const code = yield* codeFor(ada.email)
      yield* Effect.repeat(sql`select from outbox where user_id = ${ada.id}::uuid and outcome = 'sent'`, {
        until: (rows) => rows.length === 1
      })
      const answer = yield* exportOf(ada.jwt)
      assert.strictEqual(answer.status, 200)
      assert.strictEqual(answer.headers["content-disposition"], 'attachment; filename="account.json"')
      assert.match(String(answer.headers["content-type"]), /^application\/json/)
      const held = answer.json as Record<"user" | "sessions" | "mails" | "events" | "language", unknown>
      assert.sameMembers(Object.keys(held), ["user", "passwordChangedAt", "language", "sessions", "mails", "events"])
      assert.deepInclude(held.user, { id: ada.id, username: ada.username, email: ada.email })
      assert.isNull(held.language)
      assert.deepStrictEqual(
        (held.mails as ReadonlyArray<{ kind: string; outcome: string }>).map(({ kind, outcome }) => [kind, outcome]),
        [["reset-code", "sent"]]
      )
      const sessions = held.sessions as ReadonlyArray<{ readonly current: boolean }>
      assert.deepStrictEqual(
        sessions.map(({ current }) => current),
        [true, false]
      )
      const events = held.events as ReadonlyArray<{ readonly event: string }>
      assert.sameMembers(
        events.map(({ event }) => event),
        ["account.exported", "recovery.requested", "sign-in", "sign-in", "account.registered"]
      )
      const [stored] = yield* sql<{ readonly hash: string }>`
        select password_hash as hash from users where id = ${ada.id}::uuid`
      for (const secret of [ada.password, ada.jwt, code, stored?.hash ?? "argon2", "$argon2"]) {
        assert.notInclude(answer.text, secret)
      }
    })
  )

  it.effect("has every event, also where there are more than a page", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { register } = yield* Service
      const { id, jwt } = yield* register()
      yield* sql`
        insert into audit (at, event, outcome, actor, user_id)
        select now() - n * interval '1 second', 'step', 'done', 'owner', ${id}::uuid from generate_series(1, 2100) n`
      const { events } = (yield* exportOf(jwt)).json as { readonly events: ReadonlyArray<unknown> }
      assert.lengthOf(events, 2103)
    })
  )
})
