import { assert } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import { AccountRepository } from "../../src/accounts/AccountRepository.ts"
import { SessionRepository } from "../../src/accounts/SessionRepository.ts"
import { Email, emailKey } from "../../src/domain/Email.ts"
import { ResetCodeSuperseded } from "../../src/domain/ResetCode.ts"
import { Username, usernameKey } from "../../src/domain/User.ts"
import { ResetCodes } from "../../src/recovery/ResetCodes.ts"
import { onEachDatabase, timePasses } from "../support/databases.ts"
import { block, hashOf, liveCode, newAccount, newSessionId, newUserId, openSession, remove, stored } from "./people.ts"
import { repositories } from "./repositories.ts"

onEachDatabase("accounts and sessions", repositories, (it) => {
  it.effect("an account is found by its address, its user name and its id, in the spelling it was given", () =>
    Effect.gen(function* () {
      const accounts = yield* AccountRepository
      const account = yield* accounts.insert({
        id: yield* newUserId,
        username: Username.make("Grace"),
        email: Email.make("Grace.Hopper@Example.com"),
        passwordHash: hashOf("hash of a phrase")
      })
      assert.strictEqual(account.version, 1)
      assert.strictEqual(Redacted.value(account.passwordHash), "hash of a phrase")
      const { username, email, confirmed, blocked } = account.user
      assert.deepEqual([username, email], ["Grace", "Grace.Hopper@Example.com"])
      assert.deepEqual([confirmed, blocked], [false, false])
      for (const identifier of [
        { _tag: "Email", key: emailKey(Email.make("grace.hopper@EXAMPLE.COM")) },
        { _tag: "Username", key: usernameKey("GRACE") },
        { _tag: "UserId", id: account.user.id }
      ] as const) {
        assert.deepStrictEqual(yield* accounts.find(identifier), Option.some(account))
      }
      assert.isTrue(Option.isNone(yield* accounts.find({ _tag: "UserId", id: yield* newUserId })))
    })
  )

  it.effect("an address and a user name belong to one account, however they are spelt", () =>
    Effect.gen(function* () {
      const accounts = yield* AccountRepository
      const { user } = yield* newAccount
      const taken = {
        username: Username.make(user.username.toUpperCase()),
        email: Email.make(user.email.toUpperCase())
      }
      const free = { username: Username.make("somebody else"), email: Email.make("somebody.else@example.com") }
      const passwordHash = hashOf("other")
      for (const names of [
        { ...free, email: taken.email },
        { ...free, username: taken.username }
      ]) {
        const refused = yield* Effect.flip(accounts.insert({ id: yield* newUserId, passwordHash, ...names }))
        assert.strictEqual(refused._tag, "AccountExists")
      }
      const one = { passwordHash, ...free }
      const both = yield* Effect.all(
        [
          Effect.result(Effect.flatMap(newUserId, (id) => accounts.insert({ id, ...one }))),
          Effect.result(Effect.flatMap(newUserId, (id) => accounts.insert({ id, ...one })))
        ],
        { concurrency: 2 }
      )
      assert.deepStrictEqual(both.map(({ _tag }) => _tag).sort(), ["Failure", "Success"])
    })
  )

  it.effect("a hash is upgraded, and the account's sessions and version stay", () =>
    Effect.gen(function* () {
      const accounts = yield* AccountRepository
      const account = yield* newAccount
      const session = Option.getOrThrow(yield* openSession(account))
      yield* accounts.upgradeHash(account.user.id, account.version, hashOf("stronger"))
      assert.strictEqual(Redacted.value((yield* stored(account)).passwordHash), "stronger")
      assert.isTrue(Option.isSome(yield* (yield* SessionRepository).authenticate(session.id)))
    })
  )

  it.effect("a changed password ends every session but one, and the live code", () =>
    Effect.gen(function* () {
      const accounts = yield* AccountRepository
      const sessions = yield* SessionRepository
      const account = yield* newAccount
      const mine = Option.getOrThrow(yield* openSession(account))
      const other = Option.getOrThrow(yield* openSession(account))
      const { codeHash } = yield* liveCode(account)
      yield* timePasses("1 minute")
      const before = yield* stored(account)
      const changed = yield* accounts.changePassword({
        id: account.user.id,
        version: account.version,
        passwordHash: hashOf("new"),
        keep: mine.id
      })
      const after = yield* stored(account)
      assert.deepStrictEqual(changed, Option.some(after.user))
      assert.strictEqual(Redacted.value(after.passwordHash), "new")
      assert.isAbove(after.version, account.version)
      assert.isAbove(after.user.updatedAt.getTime(), before.user.updatedAt.getTime())
      assert.isTrue(Option.isSome(yield* sessions.authenticate(mine.id)))
      assert.isTrue(Option.isNone(yield* sessions.authenticate(other.id)))
      assert.deepStrictEqual(
        yield* Effect.flip((yield* ResetCodes).find(codeHash)),
        new ResetCodeSuperseded() // B4
      )
    })
  )

  it.effect("what was verified with an older password changes nothing (F8, F9)", () =>
    Effect.gen(function* () {
      const accounts = yield* AccountRepository
      const account = yield* newAccount
      const change = { id: account.user.id, version: account.version, keep: yield* newSessionId }
      yield* accounts.changePassword({ ...change, passwordHash: hashOf("new") })
      yield* accounts.upgradeHash(account.user.id, account.version, hashOf("old, upgraded"))
      assert.isTrue(Option.isNone(yield* accounts.changePassword({ ...change, passwordHash: hashOf("newer") })))
      assert.isTrue(Option.isNone(yield* openSession(account)))
      assert.strictEqual(Redacted.value((yield* stored(account)).passwordHash), "new")
    })
  )

  it.effect("a blocked account opens no session, keeps none, and changes no password", () =>
    Effect.gen(function* () {
      const account = yield* newAccount
      const session = Option.getOrThrow(yield* openSession(account))
      yield* block(account)
      assert.isTrue(Option.isNone(yield* openSession(account)))
      assert.isTrue(Option.isNone(yield* (yield* SessionRepository).authenticate(session.id)))
      const changed = yield* (yield* AccountRepository).changePassword({
        id: account.user.id,
        version: account.version,
        passwordHash: hashOf("new"),
        keep: session.id
      })
      assert.isTrue(Option.isNone(changed))
    })
  )

  it.effect("a session lasts its time by the database's clock", () =>
    Effect.gen(function* () {
      const sessions = yield* SessionRepository
      const account = yield* newAccount
      const opened = Option.getOrThrow(yield* openSession(account)) // 30 days: more milliseconds than an int4 holds
      assert.strictEqual(opened.expiresAt.getTime() - opened.createdAt.getTime(), 30 * 86_400_000)
      yield* timePasses("29 days 23 hours 59 minutes")
      const { session, user } = Option.getOrThrow(yield* sessions.authenticate(opened.id))
      assert.strictEqual(session.id, opened.id)
      assert.strictEqual(user.id, account.user.id)
      assert.lengthOf(yield* sessions.list(user.id), 1)
      yield* timePasses("1 minute")
      assert.isTrue(Option.isNone(yield* sessions.authenticate(opened.id)))
      assert.lengthOf(yield* sessions.list(user.id), 0)
    })
  )

  it.effect("an account lists its own sessions, the newest first, and ends them one by one or all but one", () =>
    Effect.gen(function* () {
      const sessions = yield* SessionRepository
      const account = yield* newAccount
      const stranger = yield* newAccount
      const opened = []
      for (let index = 0; index < 4; index++) {
        opened.unshift(Option.getOrThrow(yield* openSession(account)).id)
        yield* timePasses("1 minute")
      }
      const ids = Effect.map(sessions.list(account.user.id), (list) => list.map(({ id }) => id))
      assert.deepStrictEqual(yield* ids, opened)
      const [first, second, third, last] = yield* ids
      assert.isFalse(yield* sessions.end(stranger.user.id, second ?? assert.fail()))
      assert.isTrue(yield* sessions.end(account.user.id, second ?? assert.fail()))
      assert.isFalse(yield* sessions.end(account.user.id, second ?? assert.fail()))
      assert.deepStrictEqual(yield* ids, [first, third, last])
      yield* sessions.endOthers(stranger.user.id, third ?? assert.fail())
      assert.deepStrictEqual(yield* ids, [first, third, last])
      yield* sessions.endOthers(account.user.id, third ?? assert.fail())
      assert.deepStrictEqual(yield* ids, [third])
    })
  )

  it.effect("the sessions of a deleted account are gone", () =>
    Effect.gen(function* () {
      const account = yield* newAccount
      const session = Option.getOrThrow(yield* openSession(account))
      yield* remove(account)
      assert.isTrue(Option.isNone(yield* (yield* SessionRepository).authenticate(session.id)))
    })
  )
})
