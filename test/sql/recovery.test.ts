import { assert } from "@effect/vitest"
import { Effect, Option, Redacted, Result } from "effect"
import { SqlClient } from "effect/sql"
import { AccountRepository } from "../../src/accounts/AccountRepository.ts"
import { SessionRepository } from "../../src/accounts/SessionRepository.ts"
import { AdministratorName } from "../../src/domain/Administrator.ts"
import { Email, emailKey } from "../../src/domain/Email.ts"
import { ResetCodeHash } from "../../src/domain/ResetCode.ts"
import { Outbox } from "../../src/mail/Outbox.ts"
import { RecoveryRequests, ResetCodes } from "../../src/recovery/ResetCodes.ts"
import { onEachDatabase, timePasses } from "../support/databases.ts"
import {
  ask,
  block,
  emptyQueues,
  freshCode,
  hashOf,
  limits,
  liveCode,
  newAccount,
  newSessionId,
  openSession,
  remove,
  stored,
  wasDropped,
  wasIssued
} from "./people.ts"
import { repositories } from "./repositories.ts"

const lease = 60_000

/** Why a code can't be used: the same to who looks and to who uses it. */
const refusal = Effect.fnUntraced(function* (codeHash: ResetCodeHash) {
  const codes = yield* ResetCodes
  const [looked, used] = [
    yield* Effect.flip(codes.find(codeHash)),
    yield* Effect.flip(codes.consume(codeHash, hashOf("refused")))
  ]
  assert.strictEqual(looked._tag, used._tag)
  return looked._tag
})

onEachDatabase("recovery", repositories, (it) => {
  it.effect("a code works once: it sets the hash, ends every session and confirms the address", () =>
    Effect.gen(function* () {
      const codes = yield* ResetCodes
      const account = yield* newAccount
      const session = Option.getOrThrow(yield* openSession(account))
      const { codeHash } = yield* liveCode(account)
      const found = yield* codes.find(codeHash)
      const { id, username, email } = account.user
      assert.deepEqual(found.owner, { id, username, email })
      yield* timePasses("1 minute")
      const before = yield* stored(account)
      const done = yield* codes.consume(codeHash, hashOf("new"))
      const after = yield* stored(account)
      assert.deepEqual(done, { user: after.user, version: after.version })
      assert.strictEqual(Redacted.value(after.passwordHash), "new")
      assert.isTrue(after.user.confirmed)
      assert.isAbove(after.version, account.version)
      assert.isAbove(after.user.updatedAt.getTime(), before.user.updatedAt.getTime())
      assert.isTrue(Option.isNone(yield* (yield* SessionRepository).authenticate(session.id)))
      assert.strictEqual(yield* refusal(codeHash), "ResetCodeUsed")
      assert.strictEqual(Redacted.value((yield* stored(account)).passwordHash), "new")
    })
  )

  it.effect("a code lives its time by the database's clock (B5)", () =>
    Effect.gen(function* () {
      const codes = yield* ResetCodes
      const account = yield* newAccount
      const { codeHash } = yield* liveCode(account)
      yield* timePasses("29 minutes 59 seconds")
      yield* codes.find(codeHash)
      yield* timePasses("1 second")
      assert.strictEqual(yield* refusal(codeHash), "ResetCodeExpired")
    })
  )

  it.effect("a code can't be stored without an expiry (B5)", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { user } = yield* newAccount
      const missing =
        yield* sql`insert into reset_codes (code_hash, user_id) values (${freshCode().codeHash}, ${user.id})`.pipe(
          Effect.flip
        )
      assert.strictEqual(missing.reason._tag, "ConstraintError")
    })
  )

  it.effect("nobody's code, and the code of a deleted account, is not found", () =>
    Effect.gen(function* () {
      const account = yield* newAccount
      const { codeHash } = yield* liveCode(account)
      yield* remove(account)
      assert.strictEqual(yield* refusal(codeHash), "ResetCodeNotFound")
      assert.strictEqual(yield* refusal(freshCode().codeHash), "ResetCodeNotFound")
      assert.strictEqual(yield* refusal(ResetCodeHash.make(new Uint8Array(3))), "ResetCodeNotFound")
    })
  )

  it.effect("codes that are looked up at once each get their own answer", () =>
    Effect.gen(function* () {
      const codes = yield* ResetCodes
      const people = yield* Effect.replicateEffect(
        Effect.gen(function* () {
          const account = yield* newAccount
          return { account, codeHash: (yield* liveCode(account)).codeHash }
        }),
        20
      )
      const [used = assert.fail()] = people
      yield* codes.consume(used.codeHash, hashOf("new"))
      const hashes = [...people, ...people].flatMap(({ codeHash }) => [codeHash, freshCode().codeHash])
      const answers = yield* Effect.forEach(hashes, (hash) => Effect.result(codes.find(hash)), {
        concurrency: "unbounded"
      })
      const wanted = people.flatMap(({ account }) => [
        account === used.account ? "ResetCodeUsed" : account.user.id,
        "ResetCodeNotFound"
      ])
      assert.deepStrictEqual(
        answers.map((answer) => (Result.isSuccess(answer) ? answer.success.owner.id : answer.failure._tag)),
        [...wanted, ...wanted]
      )
    })
  )

  it.effect("a blocked account's code works again once it isn't blocked", () =>
    Effect.gen(function* () {
      const account = yield* newAccount
      const { codeHash } = yield* liveCode(account)
      yield* block(account)
      assert.strictEqual(yield* refusal(codeHash), "AccountBlocked")
      yield* block(account, false)
      yield* (yield* ResetCodes).consume(codeHash, hashOf("new"))
    })
  )

  it.effect("of several reasons the first of used, superseded, expired, blocked is told", () =>
    Effect.gen(function* () {
      const account = yield* newAccount
      const used = yield* liveCode(account)
      yield* (yield* ResetCodes).consume(used.codeHash, hashOf("new"))
      yield* timePasses("61 seconds")
      const superseded = yield* liveCode(account)
      yield* timePasses("61 seconds")
      const expired = yield* liveCode(account)
      yield* timePasses("1 hour")
      yield* block(account)
      assert.strictEqual(yield* refusal(used.codeHash), "ResetCodeUsed")
      assert.strictEqual(yield* refusal(superseded.codeHash), "ResetCodeSuperseded")
      assert.strictEqual(yield* refusal(expired.codeHash), "ResetCodeExpired")
    })
  )

  it.effect(
    "inside the cooldown nothing new is issued and the code still works; after it, the new one alone (B3)",
    () =>
      Effect.gen(function* () {
        const codes = yield* ResetCodes
        const account = yield* newAccount
        const first = yield* liveCode(account)
        yield* timePasses("59 seconds")
        assert.deepEqual(yield* ask(account), wasDropped)
        yield* codes.find(first.codeHash)
        yield* timePasses("1 second")
        const second = freshCode()
        assert.deepEqual(yield* ask(account, second), wasIssued)
        assert.strictEqual(yield* refusal(first.codeHash), "ResetCodeSuperseded")
        yield* codes.consume(second.codeHash, hashOf("new"))
      })
  )

  it.effect("the cooldown holds after the code was used", () =>
    Effect.gen(function* () {
      const account = yield* newAccount
      const { codeHash } = yield* liveCode(account)
      yield* (yield* ResetCodes).consume(codeHash, hashOf("new"))
      assert.deepEqual(yield* ask(account), wasDropped)
      yield* timePasses("61 seconds")
      assert.deepEqual(yield* ask(account), wasIssued)
    })
  )

  it.effect("a cooldown longer than an hour holds", () =>
    Effect.gen(function* () {
      const requests = yield* RecoveryRequests
      const account = yield* newAccount
      const longer = { ...limits, cooldownMillis: 3 * 3_600_000 }
      const next = Effect.andThen(
        requests.add(emailKey(account.user.email)),
        Effect.suspend(() => requests.takeNext(freshCode(), longer))
      )
      yield* next
      yield* timePasses("2 hours 59 minutes")
      assert.deepEqual(yield* next, wasDropped)
      yield* timePasses("1 minute")
      assert.deepEqual(yield* next, wasIssued)
    })
  )

  it.effect("a flood gets the hourly cap and one more whenever no code lives: the owner is never locked out (E4)", () =>
    Effect.gen(function* () {
      const codes = yield* ResetCodes
      const account = yield* newAccount
      let issued = 0
      let newest = freshCode()
      for (let minute = 0; minute < 70; minute++) {
        const code = freshCode()
        if (Option.exists(yield* ask(account, code), ({ outcome }) => outcome === "Issued")) {
          issued++
          newest = code
        }
        yield* codes.find(newest.codeHash) // at no minute is there no way in
        yield* timePasses("61 seconds")
      }
      // The cap in minutes 0 to 4; one more in minute 34, when the fifth code has died; and in minutes 61 to 64, when the first
      // ones are out of the hour.
      assert.strictEqual(issued, 10)
      yield* codes.consume(newest.codeHash, hashOf("new"))
    })
  )

  it.effect("all requests of one address are taken together, the address that waits longest first", () =>
    Effect.gen(function* () {
      yield* emptyQueues
      const requests = yield* RecoveryRequests
      const codes = yield* ResetCodes
      const [first, second] = [yield* newAccount, yield* newAccount]
      for (const account of [first, second, first, first, second]) yield* requests.add(emailKey(account.user.email))
      const [one, two, three] = [freshCode(), freshCode(), freshCode()]
      assert.deepEqual(yield* requests.takeNext(one, limits), wasIssued)
      assert.deepEqual(yield* requests.takeNext(two, limits), wasIssued)
      assert.deepEqual(yield* requests.takeNext(three, limits), Option.none())
      assert.strictEqual((yield* codes.find(one.codeHash)).owner.id, first.user.id)
      assert.strictEqual((yield* codes.find(two.codeHash)).owner.id, second.user.id)
      assert.lengthOf(yield* (yield* Outbox).claim(10, lease), 2)
    })
  )

  it.effect("an unknown, a blocked and a deleted account get neither code nor mail", () =>
    Effect.gen(function* () {
      yield* emptyQueues
      const requests = yield* RecoveryRequests
      const [blocked, deleted] = [yield* newAccount, yield* newAccount]
      yield* block(blocked)
      yield* remove(deleted)
      yield* requests.add(emailKey(Email.make("nobody@example.com")))
      assert.deepEqual(yield* requests.takeNext(freshCode(), limits), wasDropped)
      for (const account of [blocked, deleted]) assert.deepEqual(yield* ask(account), wasDropped)
      assert.deepEqual(yield* requests.takeNext(freshCode(), limits), Option.none())
      assert.lengthOf(yield* (yield* Outbox).claim(10, lease), 0)
    })
  )

  it.effect("what was asked before the password changed is dropped, an administrator's request too (F7)", () =>
    Effect.gen(function* () {
      const requests = yield* RecoveryRequests
      const account = yield* newAccount
      const key = emailKey(account.user.email)
      yield* requests.add(key)
      yield* requests.addFor({ _tag: "Email", key }, { _tag: "Administrator", name: AdministratorName.make("alice") })
      yield* timePasses("1 second")
      yield* (yield* AccountRepository).changePassword({
        id: account.user.id,
        version: account.version,
        passwordHash: hashOf("new"),
        keep: yield* newSessionId
      })
      assert.deepEqual(yield* requests.takeNext(freshCode(), limits), wasDropped)
      assert.deepEqual(yield* ask(account), wasIssued)
    })
  )

  it.effect("what was asked before a reset is dropped, past the cooldown too", () =>
    Effect.gen(function* () {
      const requests = yield* RecoveryRequests
      const account = yield* newAccount
      const { codeHash } = yield* liveCode(account)
      yield* timePasses("61 seconds")
      yield* requests.add(emailKey(account.user.email))
      yield* timePasses("1 second")
      yield* (yield* ResetCodes).consume(codeHash, hashOf("new"))
      assert.deepEqual(yield* requests.takeNext(freshCode(), limits), wasDropped)
      assert.deepEqual(yield* ask(account), wasIssued)
    })
  )

  it.effect("a mail goes to the address as it is stored, with its code and what is left of its life", () =>
    Effect.gen(function* () {
      yield* emptyQueues
      const outbox = yield* Outbox
      const account = yield* newAccount
      const code = yield* liveCode(account)
      yield* timePasses("10 minutes")
      const [mail] = yield* outbox.claim(10, lease)
      assert(mail?.kind === "reset-code")
      assert.strictEqual(mail.recipient, account.user.email)
      assert.deepEqual(mail.code, code)
      assert.strictEqual(mail?.attempts, 1)
      assert.isTrue(mail.codeLives)
      assert.closeTo(mail.codeLivesForMillis ?? 0, 20 * 60_000, 10_000)
    })
  )

  it.effect("a claimed mail is nobody else's until its lease is over, and a sent one nobody's (G1, G2)", () =>
    Effect.gen(function* () {
      yield* emptyQueues
      const outbox = yield* Outbox
      const code = yield* liveCode(yield* newAccount)
      const [mail] = yield* outbox.claim(10, lease)
      assert.lengthOf(yield* outbox.claim(10, lease), 0)
      yield* timePasses("61 seconds")
      const [again] = yield* outbox.claim(10, lease)
      assert.strictEqual(again?.id, mail?.id)
      assert.strictEqual(again?.attempts, 2)
      assert.strictEqual(again?.messageId, mail?.messageId)
      assert(again?.kind === "reset-code")
      assert.deepEqual(again.code, code) // the same code once more
      yield* outbox.sent(mail?.id ?? assert.fail())
      yield* timePasses("61 seconds")
      assert.lengthOf(yield* outbox.claim(10, lease), 0)
    })
  )

  it.effect("once a mail is sent, nothing is left to derive its code from (D5)", () =>
    Effect.gen(function* () {
      yield* emptyQueues
      const outbox = yield* Outbox
      yield* liveCode(yield* newAccount)
      const [mail] = yield* outbox.claim(10, lease)
      yield* outbox.sent(mail?.id ?? assert.fail())
      const sql = yield* SqlClient.SqlClient
      assert.deepEqual(yield* sql`select nonce from outbox`, [{ nonce: null }])
    })
  )

  it.effect("a mail that was set back is tried again after its pause, and a dropped one never", () =>
    Effect.gen(function* () {
      yield* emptyQueues
      const outbox = yield* Outbox
      yield* liveCode(yield* newAccount)
      const [mail] = yield* outbox.claim(10, lease)
      yield* outbox.retry(mail?.id ?? assert.fail(), 4000)
      assert.lengthOf(yield* outbox.claim(10, lease), 0)
      yield* timePasses("4 seconds")
      assert.lengthOf(yield* outbox.claim(10, lease), 1)
      yield* outbox.drop(mail?.id ?? assert.fail(), "code-ended")
      yield* timePasses("61 seconds")
      assert.lengthOf(yield* outbox.claim(10, lease), 0)
    })
  )

  it.effect("mails are claimed the oldest first, no more than asked for", () =>
    Effect.gen(function* () {
      yield* emptyQueues
      const outbox = yield* Outbox
      const accounts = [yield* newAccount, yield* newAccount, yield* newAccount]
      for (const account of accounts) {
        yield* ask(account)
        yield* timePasses("1 second")
      }
      const recipients = (claimed: ReadonlyArray<{ readonly recipient: Email }>) => claimed.map((_) => _.recipient)
      const [first, second, third] = accounts.map(({ user }) => user.email)
      assert.deepEqual(recipients(yield* outbox.claim(2, lease)), [first, second])
      assert.deepEqual(recipients(yield* outbox.claim(2, lease)), [third])
    })
  )

  it.effect("a mail tells that its code died meanwhile, and goes with a deleted account (G4)", () =>
    Effect.gen(function* () {
      yield* emptyQueues
      const outbox = yield* Outbox
      const codes = yield* ResetCodes
      const [expired, used, superseded, blocked, deleted] = [
        yield* newAccount,
        yield* newAccount,
        yield* newAccount,
        yield* newAccount,
        yield* newAccount
      ]
      yield* ask(expired)
      yield* timePasses("29 minutes")
      yield* ask(superseded)
      yield* timePasses("61 seconds")
      yield* ask(superseded)
      yield* codes.consume((yield* liveCode(used)).codeHash, hashOf("new"))
      yield* liveCode(blocked)
      yield* block(blocked)
      yield* liveCode(deleted)
      yield* remove(deleted)
      const claimed = yield* outbox.claim(10, lease)
      assert.deepEqual(
        claimed.flatMap((mail) =>
          mail.kind === "reset-code" ? [{ recipient: mail.recipient, codeLives: mail.codeLives }] : []
        ),
        [
          { recipient: expired.user.email, codeLives: false },
          { recipient: superseded.user.email, codeLives: false },
          { recipient: superseded.user.email, codeLives: true },
          { recipient: used.user.email, codeLives: false },
          { recipient: blocked.user.email, codeLives: false }
        ]
      )
    })
  )
})
