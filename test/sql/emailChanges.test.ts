import { assert } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { EmailChanges } from "../../src/accounts/EmailChanges.ts"
import { Leftovers } from "../../src/background/CleanUp.ts"
import { Email } from "../../src/domain/Email.ts"
import * as LeftoversSql from "../../src/sql/LeftoversSql.ts"
import { onEachDatabase, timePasses } from "../support/databases.ts"
import {
  freshEmailChange,
  hashOf,
  confirmationLimits as limits,
  newAccount,
  newName,
  openSession,
  stored
} from "./people.ts"
import { repositories } from "./repositories.ts"

const withLeftovers = Layer.merge(repositories, LeftoversSql.layer({ auditRetentionMillis: 400 * 86_400_000 }))

const cleanUp = Effect.flatMap(Leftovers, ({ deleteSome }) => Effect.repeat(deleteSome, { while: (more) => more }))

/** An account with a session, which asks for another address. */
const asking = Effect.gen(function* () {
  const { ask } = yield* EmailChanges
  const account = yield* newAccount
  const session = Option.getOrThrow(yield* openSession(account))
  const request = {
    id: account.user.id,
    version: account.version,
    session: session.id,
    email: Email.make(`${newName()}@new.example`)
  }
  assert.isTrue(yield* ask(request))
  return { ...account, request }
})

const reasonsOf = (id: string) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) =>
    Effect.map(
      sql<{ readonly reason: string | null }>`
        select reason from audit where user_id = ${id}::uuid and event = 'email-change.issued' order by id`,
      (rows) => rows.map(({ reason }) => reason)
    )
  )

onEachDatabase("changes of an address", withLeftovers, (it) => {
  it.effect("are asked for with the credentials that were verified, and no others", () =>
    Effect.gen(function* () {
      const { ask } = yield* EmailChanges
      const account = yield* asking
      const { request } = account
      assert.isFalse(yield* ask({ ...request, version: request.version + 1 }))
      const sql = yield* SqlClient.SqlClient
      yield* sql`update users set blocked = true where id = ${request.id}`
      const { version } = yield* stored(account)
      for (const verified of [request.version, version]) assert.isFalse(yield* ask({ ...request, version: verified }))
      yield* sql`delete from email_change_requests`
    })
  )

  it.effect("are dropped where the password was changed, or the account deleted, before they were taken (B23)", () =>
    Effect.gen(function* () {
      const { takeNext } = yield* EmailChanges
      const sql = yield* SqlClient.SqlClient
      const changed = yield* asking
      yield* sql`update users set password_hash = 'set by hand' where id = ${changed.user.id}`
      const deleted = yield* asking
      yield* sql`delete from users where id = ${deleted.user.id}`
      for (const _ of [changed, deleted]) {
        assert.deepInclude(Option.getOrThrow(yield* takeNext(freshEmailChange(), limits)), { outcome: "Dropped" })
      }
      assert.isTrue(Option.isNone(yield* takeNext(freshEmailChange(), limits)))
      assert.deepStrictEqual(yield* reasonsOf(changed.user.id), ["password-changed"])
      assert.deepStrictEqual(yield* reasonsOf(deleted.user.id), ["no-account"])
    })
  )

  it.effect("count once where several wait, and the newest of them", () =>
    Effect.gen(function* () {
      const { ask, confirm, takeNext } = yield* EmailChanges
      const account = yield* asking
      const newest = Email.make(`${newName()}@new.example`)
      assert.isTrue(yield* ask({ ...account.request, email: newest }))
      const code = freshEmailChange()
      assert.deepInclude(Option.getOrThrow(yield* takeNext(code, limits)), { outcome: "Queued" })
      assert.isTrue(Option.isNone(yield* takeNext(freshEmailChange(), limits)))
      assert.strictEqual((yield* confirm(code.codeHash, freshEmailChange(), 60_000)).email, newest)
    })
  )

  it.effect("are cleaned up a day past their end, as are ways back", () =>
    Effect.gen(function* () {
      const { ask, confirm, takeNext } = yield* EmailChanges
      const sql = yield* SqlClient.SqlClient
      yield* sql`delete from users`
      const account = yield* asking
      const code = freshEmailChange()
      yield* takeNext(code, limits)
      yield* confirm(code.codeHash, freshEmailChange(), 7 * 86_400_000)
      const { version } = yield* stored(account)
      assert.isTrue(yield* ask({ ...account.request, version }))
      const left = Effect.map(
        sql<{ readonly changes: number; readonly ways: number; readonly requests: number }>`
          select (select count(*)::int from email_changes) as changes, (select count(*)::int from former_emails) as ways,
            (select count(*)::int from email_change_requests) as requests`,
        ([row]) => [row?.changes, row?.ways, row?.requests]
      )
      for (const [duration, rows] of [
        ["23 hours", [1, 1, 1]],
        ["24 hours", [1, 1, 0]],
        ["2 hours", [0, 1, 0]],
        ["142 hours", [0, 1, 0]],
        ["2 hours", [0, 0, 0]]
      ] as const) {
        yield* timePasses(duration)
        yield* cleanUp
        assert.deepStrictEqual(yield* left, [...rows], duration)
      }
    })
  )

  it.effect("leave an address to its former account, whoever makes an account by hand (F26)", () =>
    Effect.gen(function* () {
      const { confirm, takeNext, undo } = yield* EmailChanges
      const sql = yield* SqlClient.SqlClient
      const account = yield* asking
      const [code, wayBack] = [freshEmailChange(), freshEmailChange()]
      yield* takeNext(code, limits)
      yield* confirm(code.codeHash, wayBack, 86_400_000)
      const { email } = account.user
      const insert = sql`
        insert into users (id, username, username_key, email, email_key, password_hash)
        values (gen_random_uuid(), ${newName()}, ${newName()}, ${email}, ${email}, 'hash')`
      assert.strictEqual((yield* Effect.flip(insert)).reason._tag, "UniqueViolation")
      const other = yield* newAccount
      const update = sql`update users set email = ${email}, email_key = ${email} where id = ${other.user.id}`
      assert.strictEqual((yield* Effect.flip(update)).reason._tag, "UniqueViolation")
      yield* undo(wayBack.codeHash, hashOf("nobody's"))
      assert.strictEqual((yield* stored(account)).user.email, email)
    })
  )
})
