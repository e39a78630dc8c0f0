import { assert } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { AccountRepository } from "../../src/accounts/AccountRepository.ts"
import { EmailChanges } from "../../src/accounts/EmailChanges.ts"
import { SessionRepository } from "../../src/accounts/SessionRepository.ts"
import { Email, emailKey } from "../../src/domain/Email.ts"
import { RecoveryRequests, ResetCodes } from "../../src/recovery/ResetCodes.ts"
import { onEachDatabase, timePasses } from "../support/databases.ts"
import {
  ask,
  block,
  confirmationLimits,
  freshCode,
  freshEmailChange,
  hashOf,
  limits,
  liveCode,
  newAccount,
  newName,
  openSession,
  stored,
  wasDropped,
  wasIssued
} from "./people.ts"
import { repositories } from "./repositories.ts"

/** An account with a live code and a session. */
const inUse = Effect.gen(function* () {
  const account = yield* newAccount
  const session = Option.getOrThrow(yield* openSession(account))
  const { codeHash } = yield* liveCode(account)
  return { account, session, codeHash, id: account.user.id }
})

const signedIn = Effect.fnUntraced(function* ({ session }: Effect.Success<typeof inUse>) {
  return Option.isSome(yield* (yield* SessionRepository).authenticate(session.id))
})

/** An account that has another address, and the way back to the one before. */
const moved = Effect.gen(function* () {
  const { ask, confirm, takeNext } = yield* EmailChanges
  const account = yield* newAccount
  const session = Option.getOrThrow(yield* openSession(account))
  const email = Email.make(`${newName()}@new.example`)
  yield* ask({ id: account.user.id, version: account.version, session: session.id, email })
  const [code, wayBack] = [freshEmailChange(), freshEmailChange()]
  yield* takeNext(code, confirmationLimits)
  yield* confirm(code.codeHash, wayBack, 86_400_000)
  return { account, wayBack }
})

/** What a code's holder is told. */
const codeOf = Effect.fnUntraced(function* ({ codeHash }: Effect.Success<typeof inUse>) {
  const found = yield* Effect.result((yield* ResetCodes).check(codeHash))
  return found._tag === "Failure" ? found.failure._tag : "Live"
})

onEachDatabase("what another program changes", repositories, (it) => {
  it.effect("a password, an address, or both, set by hand end the code and every session (B4, F1)", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      for (const change of [
        sql`password_hash = 'by hand'`,
        sql`email = 'other@example.com'`,
        sql`email_key = 'another@example.com', email = 'Another@example.com'`,
        sql`password_hash = 'by hand', credentials_version = credentials_version + 1`,
        sql`password_hash = 'by hand', blocked = false`
      ]) {
        const one = yield* inUse
        yield* timePasses("1 second")
        yield* sql`update users set ${change} where id = ${one.id}`
        assert.deepEqual([yield* signedIn(one), yield* codeOf(one)], [false, "ResetCodeSuperseded"])
        assert.strictEqual((yield* stored(one.account)).version, one.account.version + 1)
        const refused = yield* Effect.flip((yield* ResetCodes).consume(one.codeHash, hashOf("stolen")))
        assert.strictEqual(refused._tag, "ResetCodeSuperseded")
      }
    })
  )

  it.effect(
    "an address set by hand ends the ways back to those before it; a password and a block leave them open (F29)",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { checkWayBack, undo } = yield* EmailChanges
        for (const [change, ends] of [
          [sql`email = 'set@example.com', email_key = 'set@example.com'`, true],
          [sql`email = upper(email)`, false],
          [sql`password_hash = 'by hand'`, false],
          [sql`blocked = true`, false]
        ] as const) {
          const { account, wayBack } = yield* moved
          yield* sql`update users set ${change} where id = ${account.user.id}`
          yield* sql`update users set blocked = false where id = ${account.user.id}`
          const looked = yield* Effect.result(checkWayBack(wayBack.codeHash))
          assert.strictEqual(looked._tag === "Failure", ends)
          if (!ends) continue
          const refused = yield* Effect.flip(undo(wayBack.codeHash, hashOf("nobody's")))
          assert.strictEqual(refused._tag, "EmailChangeCodeSuperseded")
          // Nobody is kept from having the former address any more.
          const other = yield* newAccount
          const { email } = account.user
          yield* sql`update users set email = ${email}, email_key = ${email} where id = ${other.user.id}`
        }
      })
  )

  it.effect("what was asked before the change by hand is held back, and what is asked after it isn't", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const requests = yield* RecoveryRequests
      const account = yield* newAccount
      yield* requests.add(emailKey(account.user.email))
      yield* timePasses("1 second")
      yield* sql`update users set password_hash = 'by hand' where id = ${account.user.id}`
      assert.deepEqual(yield* requests.takeNext(freshCode(), limits), wasDropped)
      assert.deepEqual(yield* ask(account), wasIssued)
    })
  )

  it.effect("a block ends the sessions for good; its code is told so meanwhile, and works again after it", () =>
    Effect.gen(function* () {
      const one = yield* inUse
      yield* block(one.account)
      assert.deepEqual([yield* signedIn(one), yield* codeOf(one)], [false, "AccountBlocked"])
      yield* block(one.account, false)
      assert.deepEqual([yield* signedIn(one), yield* codeOf(one)], [false, "Live"])
    })
  )

  it.effect("what changes nothing of these ends nothing", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const one = yield* inUse
      yield* sql`update users set username = 'somebody else', confirmed = true, blocked = false where id = ${one.id}`
      yield* sql`update users set password_hash = password_hash, email = email, email_key = email_key where id = ${one.id}`
      assert.deepEqual([yield* signedIn(one), yield* codeOf(one)], [true, "Live"])
    })
  )

  it.effect("Rekey's own statements raise the version once, and a hash that is made anew ends nothing", () =>
    Effect.gen(function* () {
      const accounts = yield* AccountRepository
      const one = yield* inUse
      for (const hash of ["stronger", "stronger still"]) {
        yield* accounts.upgradeHash(one.id, one.account.version, hashOf(hash))
        assert.strictEqual(Redacted.value((yield* stored(one.account)).passwordHash), hash)
        assert.deepEqual([yield* signedIn(one), yield* codeOf(one)], [true, "Live"])
      }
      const { version } = yield* (yield* ResetCodes).consume(one.codeHash, hashOf("reset"))
      assert.strictEqual(version, one.account.version + 1)
      const change = { id: one.id, version, passwordHash: hashOf("changed"), keep: one.session.id }
      assert.isTrue(Option.isSome(yield* accounts.changePassword(change)))
      assert.strictEqual((yield* stored(one.account)).version, version + 1)
    })
  )
})
