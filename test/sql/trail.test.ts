import { assert } from "@effect/vitest"
import { Effect, Option, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import { AccountRepository } from "../../src/accounts/AccountRepository.ts"
import { SessionRepository } from "../../src/accounts/SessionRepository.ts"
import { AdministratorName } from "../../src/domain/Administrator.ts"
import { Email, emailKey } from "../../src/domain/Email.ts"
import { CurrentOrigin } from "../../src/domain/Origin.ts"
import { Outbox } from "../../src/mail/Outbox.ts"
import { RecoveryRequests, ResetCodes } from "../../src/recovery/ResetCodes.ts"
import { Trail } from "../../src/trail/Trail.ts"
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
  wasDropped
} from "./people.ts"
import { repositories } from "./repositories.ts"

const lease = 60_000

/** Asked for by a request with this id, by a Firefox on Windows at 192.0.2.7. */
const from = (requestId: string) =>
  Effect.provideService(CurrentOrigin, {
    requestId: Option.some(requestId),
    clientAddress: Option.some("192.0.2.7"),
    userAgent: Option.some("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0")
  })

interface Step {
  readonly event: string
  readonly outcome: string
  readonly reason: string | null
  readonly actor: string
  readonly userId: string | null
  readonly clientAddress: string | null
  readonly device: string | null
}

/** What the trail says of a request, in its order. */
const stepsOf = Effect.fnUntraced(function* (requestId: string) {
  const sql = yield* SqlClient.SqlClient
  return yield* sql<Step>`
    select event, outcome, reason, actor, user_id, client_address, device from audit where request_id = ${requestId}
    order by id`
})

/** The same in short. */
const told = (requestId: string) =>
  Effect.map(stepsOf(requestId), (steps) =>
    steps.map(({ event, outcome, reason }) => [event, outcome, ...(reason === null ? [] : [reason])].join(" "))
  )

const network = "192.0.2.0/24"

onEachDatabase("the audit trail", repositories, (it) => {
  it.effect("has a row a step from the request to the mail, with the account, the actor and the origin (F6)", () =>
    Effect.gen(function* () {
      yield* emptyQueues
      const outbox = yield* Outbox
      const account = yield* newAccount
      yield* from("r1")((yield* RecoveryRequests).add(emailKey(account.user.email)))
      yield* (yield* RecoveryRequests).takeNext(freshCode(), limits)
      const [mail] = yield* outbox.claim(10, lease)
      yield* outbox.sent(mail?.id ?? assert.fail())
      yield* outbox.sent(mail?.id ?? assert.fail()) // written once
      const userId = account.user.id
      assert.deepStrictEqual(yield* stepsOf("r1"), [
        {
          event: "recovery.requested",
          outcome: "done",
          reason: null,
          actor: "anonymous",
          userId,
          clientAddress: network,
          device: "Firefox on Windows"
        },
        {
          event: "code.issued",
          outcome: "done",
          reason: null,
          actor: "system",
          userId,
          clientAddress: null,
          device: null
        },
        {
          event: "mail.reset-code",
          outcome: "sent",
          reason: null,
          actor: "system",
          userId,
          clientAddress: null,
          device: null
        }
      ])
    })
  )

  it.effect("says why a code was held back: cooldown, cap, block, a newer password, nobody (C2)", () =>
    Effect.gen(function* () {
      yield* emptyQueues
      const requests = yield* RecoveryRequests
      const account = yield* newAccount
      const blocked = yield* newAccount
      yield* block(blocked)
      const heldBack = Effect.fnUntraced(function* (requestId: string, email: Email) {
        yield* from(requestId)(requests.add(emailKey(email)))
        assert.deepEqual(yield* requests.takeNext(freshCode(), limits), wasDropped)
        const [asked, held, ...others] = yield* stepsOf(requestId)
        assert.lengthOf(others, 0)
        assert.deepEqual([asked?.event, held?.event, held?.outcome], ["recovery.requested", "code.issued", "refused"])
        assert.strictEqual(held?.userId, asked?.userId)
        return { reason: held?.reason, userId: held?.userId }
      })
      const userId = account.user.id
      yield* liveCode(account)
      assert.deepEqual(yield* heldBack("cooldown", account.user.email), { reason: "cooldown", userId })
      for (let code = 1; code < 5; code++) {
        yield* timePasses("61 seconds")
        yield* liveCode(account)
      }
      yield* timePasses("61 seconds")
      assert.deepEqual(yield* heldBack("cap", account.user.email), { reason: "cap", userId })
      assert.deepEqual(yield* heldBack("block", blocked.user.email), { reason: "blocked", userId: blocked.user.id })
      assert.deepEqual(yield* heldBack("nobody", Email.make("nobody@example.com")), {
        reason: "no-account",
        userId: null
      })
      yield* from("late")(requests.add(emailKey(account.user.email)))
      yield* timePasses("1 second")
      const sql = yield* SqlClient.SqlClient
      yield* sql`update users set password_changed_at = now() where id = ${userId}`
      yield* requests.takeNext(freshCode(), limits)
      assert.deepStrictEqual(yield* told("late"), ["recovery.requested done", "code.issued refused password-changed"])
    })
  )

  it.effect("has each of the requests that are taken together, and what came of them once", () =>
    Effect.gen(function* () {
      yield* emptyQueues
      const requests = yield* RecoveryRequests
      const account = yield* newAccount
      for (const id of ["one", "two", "three"]) {
        yield* from(id)(requests.add(emailKey(account.user.email)))
        yield* timePasses("1 second")
      }
      yield* requests.takeNext(freshCode(), limits)
      assert.deepStrictEqual(yield* told("one"), ["recovery.requested done"])
      assert.deepStrictEqual(yield* told("two"), ["recovery.requested done"])
      assert.deepStrictEqual(yield* told("three"), ["recovery.requested done", "code.issued done"])
    })
  )

  it.effect("names each administrator among those who asked, and the mail says who asked last (F7)", () =>
    Effect.gen(function* () {
      yield* emptyQueues
      const requests = yield* RecoveryRequests
      const outbox = yield* Outbox
      const sql = yield* SqlClient.SqlClient
      const account = yield* newAccount
      const key = emailKey(account.user.email)
      const ask = (name: string) =>
        requests.addFor({ _tag: "Email", key }, { _tag: "Administrator", name: AdministratorName.make(name) })
      const longest = "é".repeat(64)
      const asked = sql`
        select actor, administrator, request_id from audit
        where user_id = ${account.user.id}::uuid and event = 'recovery.requested' order by id`
      yield* from("by alice")(ask("alice"))
      yield* from("by nobody")(requests.add(key))
      yield* from("by another")(ask(longest))
      yield* requests.takeNext(freshCode(), limits)
      assert.deepStrictEqual(yield* asked, [
        { actor: "administrator", administrator: "alice", requestId: "by alice" },
        { actor: "anonymous", administrator: null, requestId: "by nobody" },
        { actor: "administrator", administrator: longest, requestId: "by another" }
      ])
      yield* timePasses("61 seconds")
      yield* from("by alice again")(ask("alice"))
      yield* from("by the owner")(requests.add(key))
      yield* requests.takeNext(freshCode(), limits)
      const mails = yield* outbox.claim(10, lease)
      assert.deepEqual(
        mails.map((mail) => mail.kind === "reset-code" && [mail.byAdministrator, mail.codeLives]),
        [
          [true, false],
          [false, true]
        ]
      )
    })
  )

  it.effect("has no deed of an administrator without a name, and no name without one (F7)", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      for (const [actor, administrator] of [
        ["administrator", null],
        ["owner", "alice"],
        ["administrator", ""],
        ["administrator", "x".repeat(65)]
      ] as const) {
        const refused = yield* Effect.flip(sql`
          insert into audit (event, outcome, actor, administrator) values ('x', 'done', ${actor}, ${administrator})`)
        assert.strictEqual(refused.reason._tag, "ConstraintError")
      }
    })
  )

  it.effect("says what became of a mail that wasn't sent, and has a row where there was none (C2)", () =>
    Effect.gen(function* () {
      yield* emptyQueues
      const outbox = yield* Outbox
      for (const settle of [
        (id: bigint) => outbox.drop(id, "code-ended"),
        (id: bigint) => outbox.setAside(id, "code-ended")
      ]) {
        yield* from("mail")(ask(yield* newAccount))
        const [mail] = yield* outbox.claim(10, lease)
        yield* settle(mail?.id ?? assert.fail())
      }
      yield* outbox.rehearse
      const sql = yield* SqlClient.SqlClient
      const rows = yield* sql<Step>`
        select event, outcome, reason, user_id from audit where event like 'mail.%' order by id desc limit 3`
      assert.deepStrictEqual(
        rows.map(({ event, outcome, reason, userId }) => [event, outcome, reason, userId === null]),
        [
          ["mail.reset-code", "dropped", "no-code", true],
          ["mail.reset-code", "dead", "code-ended", false],
          ["mail.reset-code", "dropped", "code-ended", false]
        ]
      )
    })
  )

  it.effect("has a reset and its refusals, and none of a code that nobody has (E6, F6)", () =>
    Effect.gen(function* () {
      const codes = yield* ResetCodes
      const account = yield* newAccount
      const { codeHash } = yield* liveCode(account)
      yield* from("reset")(codes.consume(codeHash, hashOf("new")))
      yield* Effect.ignore(from("check")(codes.check(codeHash)))
      yield* Effect.ignore(from("wrong")(codes.find(freshCode().codeHash)))
      yield* Effect.ignore(from("again")(codes.find(codeHash)))
      yield* Effect.repeat(told("again"), {
        until: (steps) => steps.length > 0,
        schedule: Schedule.spaced("10 millis")
      })
      const userId = account.user.id
      assert.deepStrictEqual(yield* stepsOf("reset"), [
        {
          event: "password.reset",
          outcome: "done",
          reason: null,
          actor: "owner",
          userId,
          clientAddress: network,
          device: "Firefox on Windows"
        }
      ])
      assert.deepStrictEqual(yield* stepsOf("again"), [
        {
          event: "password.reset",
          outcome: "refused",
          reason: "used",
          actor: "anonymous",
          userId,
          clientAddress: network,
          device: "Firefox on Windows"
        }
      ])
      assert.deepStrictEqual([yield* told("check"), yield* told("wrong")], [[], []])
    })
  )

  it.effect("has registration, sign-in, a changed password, and ended sessions", () =>
    Effect.gen(function* () {
      const accounts = yield* AccountRepository
      const sessions = yield* SessionRepository
      const account = yield* from("register")(newAccount)
      const mine = Option.getOrThrow(yield* from("sign in")(openSession(account)))
      const other = Option.getOrThrow(yield* openSession(account))
      const { id } = account.user
      yield* from("end")(sessions.end(id, other.id))
      yield* from("end again")(sessions.end(id, other.id))
      yield* from("end others")(sessions.endOthers(id, mine.id))
      const change = { id, version: account.version, passwordHash: hashOf("new"), keep: mine.id }
      yield* from("change")(accounts.changePassword(change))
      yield* from("change again")(accounts.changePassword(change))
      yield* from("sign in again")(openSession(account))
      assert.deepStrictEqual(yield* told("register"), ["account.registered done"])
      assert.deepStrictEqual(yield* told("sign in"), ["sign-in done"])
      assert.deepStrictEqual(yield* told("end"), ["session.ended done"])
      assert.deepStrictEqual(yield* told("end others"), ["sessions.ended done"])
      assert.deepStrictEqual(yield* told("change"), ["password.changed done"])
      for (const refused of ["end again", "change again", "sign in again"]) {
        assert.deepStrictEqual(yield* told(refused), [])
      }
    })
  )

  it.effect("takes refusals in, of unknown accounts too, at the time when they were", () =>
    Effect.gen(function* () {
      const trail = yield* Trail
      const refused = { event: "sign-in", actor: "anonymous" } as const
      const { user } = yield* newAccount
      yield* from("wrong")(trail.refused({ ...refused, reason: "wrong-password", userId: Option.some(user.id) }))
      yield* from("unknown")(trail.refused({ ...refused, reason: "no-account", userId: Option.none() }))
      yield* Effect.repeat(told("unknown"), { until: (_) => _.length > 0, schedule: Schedule.spaced("10 millis") })
      assert.deepStrictEqual(yield* told("wrong"), ["sign-in refused wrong-password"])
      assert.deepStrictEqual(yield* told("unknown"), ["sign-in refused no-account"])
      const sql = yield* SqlClient.SqlClient
      assert.lengthOf(yield* sql`select from audit where request_id = 'wrong' and user_id = ${user.id}::uuid`, 1)
      assert.lengthOf(yield* sql`select from audit where at > clock_timestamp()`, 0)
    })
  )

  it.effect("outlives the account, and holds no address and no secret (F6)", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const account = yield* newAccount
      const { codeHash } = yield* liveCode(account)
      yield* (yield* ResetCodes).consume(codeHash, hashOf("a new hash"))
      yield* remove(account)
      const rows = yield* sql<Record<string, unknown>>`select * from audit where user_id = ${account.user.id}`
      assert.isAtLeast(rows.length, 4)
      const values = rows.flatMap((row) => Object.values(row).map(String)).join("\n")
      for (const secret of ["@", account.user.username, "a new hash", Buffer.from(codeHash).toString("hex")]) {
        assert.notInclude(values, secret)
      }
    })
  )
})

onEachDatabase("notices", repositories, (it) => {
  it.effect("a reset and a change of the password are told to the owner, with where from, and no secret (F5)", () =>
    Effect.gen(function* () {
      yield* emptyQueues
      const outbox = yield* Outbox
      const account = yield* newAccount
      const { codeHash } = yield* liveCode(account)
      const { version } = yield* from("reset")((yield* ResetCodes).consume(codeHash, hashOf("a new hash")))
      yield* (yield* AccountRepository).changePassword({
        id: account.user.id,
        version,
        passwordHash: hashOf("a newer hash"),
        keep: yield* newSessionId
      })
      // The code's mail holds nobody up, since its code is used.
      const [code, reset, ...later] = yield* outbox.claim(10, lease)
      assert.deepEqual(later, [])
      assert.strictEqual(code?.kind, "reset-code")
      assert(reset?.kind === "notice")
      assert.strictEqual(reset.recipient, account.user.email)
      assert.match(reset.messageId, /^[\da-f]{32}$/)
      const { at, ...notice } = reset.notice
      assert.closeTo(at.getTime(), Date.now(), 10_000)
      assert.deepEqual(notice, { event: "password-reset", device: "Firefox on Windows", clientAddress: network })
      yield* outbox.drop(code?.id ?? assert.fail(), "code-ended")
      yield* outbox.sent(reset.id)
      const [changed] = yield* outbox.claim(10, lease)
      assert(changed?.kind === "notice")
      assert.deepEqual(
        { ...changed.notice, at: undefined },
        { event: "password-changed", device: "an unknown device", clientAddress: null, at: undefined }
      )
      const sql = yield* SqlClient.SqlClient
      assert.lengthOf(yield* sql`select from outbox where kind <> 'reset-code' and details::text like '%hash%'`, 0)
    })
  )

  it.effect("a refused reset and a refused change are told to nobody", () =>
    Effect.gen(function* () {
      yield* emptyQueues
      const codes = yield* ResetCodes
      const account = yield* newAccount
      const { codeHash } = yield* liveCode(account)
      yield* timePasses("31 minutes")
      yield* Effect.ignore(codes.consume(codeHash, hashOf("new")))
      const change = { id: account.user.id, version: 7, passwordHash: hashOf("new"), keep: yield* newSessionId }
      yield* (yield* AccountRepository).changePassword(change)
      assert.deepEqual(
        (yield* (yield* Outbox).claim(10, lease)).map(({ kind }) => kind),
        ["reset-code"]
      )
    })
  )
})

onEachDatabase("the order of mails", repositories, (it) => {
  /** An account with a notice and then a mail with a live code, and one with a mail of its own. */
  const queue = Effect.gen(function* () {
    yield* emptyQueues
    const account = yield* newAccount
    const { codeHash } = yield* liveCode(account)
    yield* (yield* Outbox)
      .claim(1, lease)
      .pipe(Effect.flatMap(([mail]) => (mail ? Effect.void : Effect.die("no mail"))))
    yield* (yield* ResetCodes).consume(codeHash, hashOf("new"))
    const sql = yield* SqlClient.SqlClient
    yield* sql`delete from outbox where kind = 'reset-code'`
    yield* timePasses("61 seconds")
    yield* ask(account)
    const other = yield* newAccount
    yield* ask(other)
    return { account: account.user.email, other: other.user.email }
  })

  const claimed = Effect.gen(function* () {
    return (yield* (yield* Outbox).claim(10, lease)).map(({ id, kind, recipient }) => ({ id, kind, recipient }))
  })

  it.effect("a mail waits for the older one of its account, and for nobody else's", () =>
    Effect.gen(function* () {
      const { account, other } = yield* queue
      const [notice, others] = yield* claimed
      assert.deepInclude(notice, { kind: "notice", recipient: account })
      assert.deepInclude(others, { kind: "reset-code", recipient: other })
      assert.deepEqual(yield* claimed, [])
      yield* (yield* Outbox).sent(notice?.id ?? assert.fail())
      const [code] = yield* claimed
      assert.deepInclude(code, { kind: "reset-code", recipient: account })
    })
  )

  it.effect("while the older one is tried again it waits, but not for ever, nor for a dead letter", () =>
    Effect.gen(function* () {
      const outbox = yield* Outbox
      const { account } = yield* queue
      const [notice] = yield* claimed
      yield* outbox.retry(notice?.id ?? assert.fail(), 20 * 60_000)
      assert.deepEqual(yield* claimed, [])
      yield* timePasses("8 minutes")
      assert.notInclude(
        (yield* claimed).map(({ kind }) => kind),
        "notice"
      )
      yield* timePasses("2 minutes")
      const sql = yield* SqlClient.SqlClient
      yield* sql`update outbox set due_at = now() where kind = 'reset-code' and leased_until is null`
      // 10 minutes are over.
      assert.include(
        (yield* claimed).map(({ recipient }) => recipient),
        account
      )
      yield* queue
      const [poison] = yield* claimed
      yield* outbox.setAside(poison?.id ?? assert.fail(), "broken")
      assert.lengthOf(yield* claimed, 1)
    })
  )

  it.effect("one with a superseded code holds the next up only while it is in hand", () =>
    Effect.gen(function* () {
      yield* emptyQueues
      const outbox = yield* Outbox
      const account = yield* newAccount
      yield* ask(account)
      const [first] = yield* outbox.claim(10, lease)
      const sql = yield* SqlClient.SqlClient
      yield* sql`update reset_codes set issued_at = issued_at - interval '61 seconds'`
      yield* ask(account)
      assert.lengthOf(yield* claimed, 0)
      yield* outbox.retry(first?.id ?? assert.fail(), 30_000)
      const [second, ...others] = yield* outbox.claim(10, lease)
      assert.deepEqual(others, [])
      assert.isTrue(second?.kind === "reset-code" && second.codeLives)
    })
  )

  it.effect("a dead letter keeps who and why, and nothing to derive a code from; it outlives its code (D5, G3)", () =>
    Effect.gen(function* () {
      yield* emptyQueues
      const outbox = yield* Outbox
      const account = yield* newAccount
      const { codeHash } = yield* liveCode(account)
      const [mail] = yield* outbox.claim(10, lease)
      yield* outbox.setAside(mail?.id ?? assert.fail(), "broken")
      const sql = yield* SqlClient.SqlClient
      yield* sql`delete from reset_codes where code_hash = ${codeHash}`
      assert.deepEqual(yield* sql`select kind, recipient, outcome, attempts, nonce from outbox`, [
        { kind: "reset-code", recipient: account.user.email, outcome: "dead", attempts: 1, nonce: null }
      ])
      yield* timePasses("2 hours")
      assert.deepEqual(yield* claimed, [])
    })
  )

  it.effect("a mail of a kind that only a newer version knows is left to it", () =>
    Effect.gen(function* () {
      const { account } = yield* queue
      const sql = yield* SqlClient.SqlClient
      yield* sql`update outbox set kind = 'something-newer' where kind = 'password-reset'`
      assert.notInclude(
        (yield* claimed).map(({ recipient }) => recipient),
        account
      )
    })
  )
})
