import { assert, describe, it } from "@effect/vitest"
import {
  Context,
  Deferred,
  Effect,
  Exit,
  Fiber,
  Layer,
  Logger,
  Option,
  Redacted,
  References,
  Scope,
  Tracer
} from "effect"
import { TestClock } from "effect/testing"
import { Email } from "../../src/domain/Email.ts"
import { Unavailable } from "../../src/domain/Failure.ts"
import type { Mail } from "../../src/mail/Mailer.ts"
import { OutboxWorker } from "../../src/mail/OutboxWorker.ts"
import * as SmtpMailer from "../../src/mail/SmtpMailer.ts"
import { ResetCodeMint } from "../../src/secrets/ResetCodeMint.ts"
import { MailServer } from "../support/smtp.ts"
import { FaultyMailer, FaultyOutbox, refused, syncMint, unavailableFor } from "./doubles.ts"

const mint = syncMint("the secret of the tests")
const otherMint = syncMint("another secret")

const options = {
  appName: "Rekey",
  resetUrl: new URL("https://app.example.com/reset-password"),
  emailConfirmation: { url: new URL("https://app.example.com/confirm-email") },
  emailChange: {
    url: new URL("https://app.example.com/change-email/confirm"),
    undoUrl: new URL("https://app.example.com/change-email/undo")
  }
}
const worker = OutboxWorker.layer({ ...options, gatherMillis: 0 })

/** The worker between an outbox and a mailer that fail when they are told to. */
const withDoubles = Effect.provide(
  worker.pipe(Layer.provideMerge(Layer.mergeAll(FaultyOutbox.layer, FaultyMailer.layer, mint))),
  { local: true }
)

const ada = Email.make("ada@example.com")
const bob = Email.make("bob@example.com")
const numbered = (number: number) => Email.make(`user${number}@example.com`)

/** Puts a mail with a fresh code into the outbox, without waking anybody. */
const queueFor = Effect.fnUntraced(function* (recipient: Email, livesForMillis?: number) {
  const code = yield* (yield* ResetCodeMint).fresh
  return yield* (yield* FaultyOutbox).add(recipient, code, livesForMillis)
})

const codeIn = (mail: Mail) => /[?&]code=([\w-]{43})$/m.exec(mail.text)?.[1] ?? ""

/** Lets every fiber get on until only the clock or the network can move it: none of the doubles waits for anything else. */
const settled = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve))).pipe(
  Effect.repeat({ times: 500 })
)

describe("the outbox's worker", () => {
  it.effect("sends a mail with the code of its row, then marks the row", () =>
    Effect.gen(function* () {
      const outbox = yield* FaultyOutbox
      const mailer = yield* FaultyMailer
      const { derive } = yield* ResetCodeMint
      const id = yield* queueFor(ada)
      yield* (yield* OutboxWorker).wake
      const mail = yield* mailer.taken
      const code = yield* derive(outbox.codeOf(id) ?? assert.fail())
      assert.strictEqual(codeIn(mail), Redacted.value(Option.getOrThrow(code)))
      assert.strictEqual(mail.to, ada)
      yield* settled
      assert.strictEqual(outbox.rows.get(id)?.outcome, "sent")
    }).pipe(withDoubles)
  )

  it.effect("sends at its start what was left from before", () =>
    Effect.gen(function* () {
      const mailer = yield* FaultyMailer
      yield* queueFor(ada)
      yield* Effect.gen(function* () {
        assert.strictEqual((yield* mailer.taken).to, ada)
      }).pipe(Effect.provide(worker, { local: true }))
    }).pipe(Effect.provide(Layer.mergeAll(FaultyOutbox.layer, FaultyMailer.layer, mint), { local: true }))
  )

  it.effect("finds within 5 seconds what nobody told it of", () =>
    Effect.gen(function* () {
      const outbox = yield* FaultyOutbox
      yield* settled
      const id = yield* queueFor(ada)
      yield* TestClock.adjust("4999 millis")
      yield* settled
      assert.strictEqual(outbox.rows.get(id)?.outcome, "waiting")
      yield* TestClock.adjust("1 millis")
      yield* settled
      assert.strictEqual(outbox.rows.get(id)?.outcome, "sent")
    }).pipe(withDoubles)
  )

  it.effect("doesn't miss a wake that comes while it is looking", () =>
    Effect.gen(function* () {
      const outbox = yield* FaultyOutbox
      const mailer = yield* FaultyMailer
      const { wake } = yield* OutboxWorker
      yield* settled
      const looking = yield* Deferred.make<void>()
      const goOn = yield* Deferred.make<void>()
      outbox.hooks.afterClaim = Effect.andThen(Deferred.succeed(looking, undefined), Deferred.await(goOn))
      yield* wake
      yield* Deferred.await(looking)
      yield* queueFor(ada)
      yield* wake
      yield* Deferred.succeed(goOn, undefined)
      assert.strictEqual((yield* mailer.taken).to, ada)
    }).pipe(withDoubles)
  )

  it.effect("sends everything that it is woken for, whenever the wakes come, without the clock", () =>
    Effect.gen(function* () {
      const mailer = yield* FaultyMailer
      const { wake } = yield* OutboxWorker
      const add = Effect.fnUntraced(function* (number: number) {
        for (let turn = 0; turn < number % 7; turn++) yield* Effect.yieldNow
        yield* queueFor(numbered(number))
        yield* wake
      })
      yield* Effect.forkChild(
        Effect.forEach(
          Array.from({ length: 200 }, (_, _index) => _index),
          add,
          { concurrency: 5 }
        )
      )
      const recipients = new Set<string>()
      for (let count = 0; count < 200; count++) recipients.add((yield* mailer.taken).to)
      assert.strictEqual(recipients.size, 200)
    }).pipe(withDoubles)
  )

  it.effect(
    "tries again after pauses that double to 60 seconds, less by chance, with the same mail each time (G2, G3)",
    () =>
      Effect.gen(function* () {
        const outbox = yield* FaultyOutbox
        const mailer = yield* FaultyMailer
        mailer.behaviours.set(ada, refused)
        yield* queueFor(ada)
        yield* (yield* OutboxWorker).wake
        const mails: Array<Mail> = []
        for (let attempt = 1; attempt <= 9; attempt++) {
          mails.push(yield* mailer.tried)
          yield* settled
          const last = outbox.steps.at(-1)
          assert(last?._tag === "retry")
          yield* TestClock.adjust(last.afterMillis)
        }
        const pauses = outbox.steps.flatMap((step) => (step._tag === "retry" ? [step.afterMillis] : []))
        for (const [index, longest] of [1, 2, 4, 8, 16, 32, 60, 60, 60].entries()) {
          assert.isAtMost(pauses[index] ?? 0, longest * 1_000)
          assert.isAtLeast(pauses[index] ?? 0, longest * 500)
        }
        assert.isAbove(new Set(pauses.map((pause) => pause / 1_000)).size, 8)
        assert.strictEqual(new Set(mails.map(codeIn)).size, 1)
        assert.strictEqual(new Set(mails.map(({ id }) => id)).size, 1)
        const { codeHash } = outbox.codeOf(1n) ?? assert.fail()
        assert.notStrictEqual(mails[0]?.id, Buffer.from(codeHash).toString("hex"))
      }).pipe(withDoubles)
  )

  it.effect("sends once the mail server is back (C4)", () =>
    Effect.gen(function* () {
      const mailer = yield* FaultyMailer
      mailer.behaviours.set(ada, refused)
      yield* queueFor(ada)
      yield* (yield* OutboxWorker).wake
      yield* mailer.tried
      yield* settled
      mailer.behaviours.delete(ada)
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* mailer.taken).to, ada)
    }).pipe(withDoubles)
  )

  it.effect("drops a mail whose code is dead (G4)", () =>
    Effect.gen(function* () {
      const outbox = yield* FaultyOutbox
      const mailer = yield* FaultyMailer
      const id = yield* queueFor(ada, 0)
      yield* (yield* OutboxWorker).wake
      yield* settled
      assert.strictEqual(outbox.rows.get(id)?.outcome, "dropped")
      yield* queueFor(bob)
      yield* (yield* OutboxWorker).wake
      assert.strictEqual((yield* mailer.tried).to, bob)
    }).pipe(withDoubles)
  )

  it.effect("sets a mail aside that was tried until its code ended (G3, G4)", () =>
    Effect.gen(function* () {
      const outbox = yield* FaultyOutbox
      const mailer = yield* FaultyMailer
      mailer.behaviours.set(ada, refused)
      const id = yield* queueFor(ada, 10_000)
      yield* (yield* OutboxWorker).wake
      while (outbox.rows.get(id)?.outcome === "waiting") {
        yield* settled
        yield* TestClock.adjust("1 second")
      }
      assert.strictEqual(outbox.rows.get(id)?.outcome, "dead")
      assert.isAtLeast(outbox.rows.get(id)?.attempts ?? 0, 2)
    }).pipe(withDoubles)
  )

  it.effect("keeps a mail whose code none of the secrets made, for a process that has the right one", () =>
    Effect.gen(function* () {
      const outbox = yield* FaultyOutbox
      const mailer = yield* FaultyMailer
      const foreign = yield* Effect.flatMap(ResetCodeMint, ({ fresh }) => fresh).pipe(
        Effect.provide(otherMint, { local: true })
      )
      const id = yield* outbox.add(ada, foreign)
      const { log, lines } = logKept()
      yield* Effect.gen(function* () {
        yield* settled
        assert.deepStrictEqual(
          outbox.steps.map((step) => step._tag),
          ["claim", "retry"]
        )
        assert.lengthOf(lines, 1)
        assert.include(lines[0], "none of the secrets")
        assert.include(lines[0], `"mailId":"${id}"`)
      }).pipe(Effect.provide(worker.pipe(Layer.provide(log)), { local: true }))
      yield* TestClock.adjust("1 second")
      yield* Effect.gen(function* () {
        assert.strictEqual((yield* mailer.taken).to, ada)
      }).pipe(Effect.provide(worker.pipe(Layer.provide(otherMint)), { local: true }))
    }).pipe(Effect.provide(Layer.mergeAll(FaultyOutbox.layer, FaultyMailer.layer, mint), { local: true }))
  )

  it.effect("lets no mail hold up another: one hangs, one is refused, one breaks the mailer (G3)", () =>
    Effect.gen(function* () {
      const outbox = yield* FaultyOutbox
      const mailer = yield* FaultyMailer
      const hung = yield* Deferred.make<void>()
      mailer.behaviours.set(numbered(0), Deferred.await(hung))
      mailer.behaviours.set(numbered(1), refused)
      mailer.behaviours.set(numbered(2), Effect.die(new Error("code=secret")))
      for (let number = 0; number < 40; number++) yield* queueFor(numbered(number))
      yield* (yield* OutboxWorker).wake
      for (let count = 0; count < 37; count++) yield* mailer.taken
      yield* settled
      const waiting = [...outbox.rows.values()].filter(({ outcome }) => outcome === "waiting")
      assert.deepStrictEqual(
        waiting.map(({ recipient }) => recipient),
        [numbered(0), numbered(1), numbered(2)]
      )
      assert.sameMembers(
        outbox.steps.flatMap((step) => (step._tag === "retry" ? [step.id] : [])),
        [2n, 3n]
      )
      yield* Deferred.succeed(hung, undefined)
    }).pipe(withDoubles)
  )

  it.effect("has at most ten conversations at once", () =>
    Effect.gen(function* () {
      const outbox = yield* FaultyOutbox
      const mailer = yield* FaultyMailer
      const goOn = yield* Deferred.make<void>()
      for (let number = 0; number < 30; number++) {
        mailer.behaviours.set(numbered(number), Deferred.await(goOn))
        yield* queueFor(numbered(number))
      }
      const { wake } = yield* OutboxWorker
      yield* wake
      for (let count = 0; count < 10; count++) yield* mailer.tried
      yield* wake
      yield* settled
      assert.lengthOf(
        [...outbox.rows.values()].filter(({ attempts }) => attempts > 0),
        10
      )
      yield* Deferred.succeed(goOn, undefined)
      for (let count = 0; count < 30; count++) yield* mailer.taken
    }).pipe(withDoubles)
  )

  it.effect("outlives a store that is away, and one that breaks", () =>
    Effect.gen(function* () {
      const outbox = yield* FaultyOutbox
      const mailer = yield* FaultyMailer
      const { wake } = yield* OutboxWorker
      yield* settled
      outbox.hooks.afterClaim = unavailableFor(20)
      yield* queueFor(ada)
      yield* wake
      yield* settled
      const before = outbox.claims()
      yield* TestClock.adjust("6 seconds")
      assert.strictEqual(outbox.claims() - before, 6)
      outbox.hooks.afterClaim = Effect.die(new Error("a bug"))
      yield* TestClock.adjust("10 seconds")
      outbox.hooks.afterClaim = Effect.void
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* mailer.taken).to, ada)
    }).pipe(withDoubles)
  )

  it.effect("doesn't send a mail again because marking it failed for a while (G1)", () =>
    Effect.gen(function* () {
      const outbox = yield* FaultyOutbox
      const mailer = yield* FaultyMailer
      outbox.hooks.beforeWrite = unavailableFor(7)
      const id = yield* queueFor(ada)
      yield* (yield* OutboxWorker).wake
      yield* mailer.taken
      yield* settled
      yield* TestClock.adjust("20 seconds")
      yield* settled
      assert.strictEqual(outbox.rows.get(id)?.outcome, "sent")
      assert.strictEqual(outbox.rows.get(id)?.attempts, 1)
    }).pipe(withDoubles)
  )

  it.effect("gives up marking before its lease ends, and looks on", () =>
    Effect.gen(function* () {
      const outbox = yield* FaultyOutbox
      const mailer = yield* FaultyMailer
      outbox.hooks.beforeWrite = Effect.fail(new Unavailable())
      yield* queueFor(ada)
      yield* (yield* OutboxWorker).wake
      yield* mailer.taken
      yield* settled
      yield* TestClock.adjust("30 seconds")
      outbox.hooks.beforeWrite = Effect.void
      yield* TestClock.adjust("29 seconds")
      assert.lengthOf(outbox.steps, 1)
      yield* TestClock.adjust("6 seconds")
      yield* mailer.taken
      yield* settled
      assert.deepStrictEqual(
        outbox.steps.map(({ _tag }) => _tag),
        ["claim", "claim", "sent"]
      )
    }).pipe(withDoubles)
  )

  it.effect("tells a new password to the owner, by the same mail each time (F5, G2)", () =>
    Effect.gen(function* () {
      const outbox = yield* FaultyOutbox
      const mailer = yield* FaultyMailer
      mailer.behaviours.set(ada, refused)
      const id = yield* outbox.addNotice(ada)
      yield* (yield* OutboxWorker).wake
      const first = yield* mailer.tried
      yield* settled
      mailer.behaviours.clear()
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* mailer.taken, first)
      assert.strictEqual(first.subject, "Your Rekey password was reset")
      yield* settled
      assert.strictEqual(outbox.rows.get(id)?.outcome, "sent")
    }).pipe(withDoubles)
  )

  it.effect("tries a notice for a day, with pauses up to 15 minutes, then sets it aside and says so (G3)", () =>
    Effect.gen(function* () {
      const outbox = yield* FaultyOutbox
      const mailer = yield* FaultyMailer
      const { log, lines } = logKept()
      mailer.behaviours.set(ada, refused)
      const id = yield* outbox.addNotice(ada)
      yield* Effect.gen(function* () {
        for (let minute = 0; outbox.rows.get(id)?.outcome === "waiting" && minute < 25 * 60; minute += 15) {
          yield* settled
          yield* TestClock.adjust("15 minutes")
        }
        yield* settled
        const last = outbox.steps.at(-1)
        assert(last?._tag === "setAside")
        assert.strictEqual(last.reason, "too-old")
        assert.isAtLeast(last.at, 24 * 3_600_000)
        const longest = Math.max(...outbox.steps.map((step) => (step._tag === "retry" ? step.afterMillis : 0)))
        assert.isAtMost(longest, 15 * 60_000)
        assert.isAbove(longest, 7 * 60_000)
        assert.lengthOf(
          lines.filter((line) => line.includes("set aside")),
          1
        )
        assert.include(lines.at(-1), `"mailId":"${id}"`)
        assert.include(lines.at(-1), '"kind":"password-reset"')
      }).pipe(Effect.provide(worker.pipe(Layer.provide(log)), { local: true }))
    }).pipe(Effect.provide(Layer.mergeAll(FaultyOutbox.layer, FaultyMailer.layer, mint), { local: true }))
  )

  it.effect("sets a mail aside that breaks the mailer five times (G3)", () =>
    Effect.gen(function* () {
      const outbox = yield* FaultyOutbox
      const mailer = yield* FaultyMailer
      mailer.behaviours.set(ada, Effect.die(new Error("a bug")))
      const id = yield* queueFor(ada)
      yield* (yield* OutboxWorker).wake
      for (let second = 0; second < 20; second++) {
        yield* settled
        yield* TestClock.adjust("1 second")
      }
      yield* settled
      assert.strictEqual(outbox.rows.get(id)?.outcome, "dead")
      assert.strictEqual(outbox.rows.get(id)?.attempts, 5)
    }).pipe(withDoubles)
  )

  it.effect("serves the first wake after an outage at once", () =>
    Effect.gen(function* () {
      const outbox = yield* FaultyOutbox
      const mailer = yield* FaultyMailer
      const { wake } = yield* OutboxWorker
      yield* settled
      outbox.hooks.afterClaim = unavailableFor(1)
      yield* wake
      yield* settled
      yield* queueFor(ada)
      yield* wake
      assert.strictEqual((yield* mailer.taken).to, ada)
    }).pipe(withDoubles)
  )

  it.effect("rehearses: the statements of a mail, and no mail (C2)", () =>
    Effect.gen(function* () {
      const outbox = yield* FaultyOutbox
      const mailer = yield* FaultyMailer
      const { rehearse, wake } = yield* OutboxWorker
      yield* settled
      const idle = outbox.claims()
      yield* rehearse("ja")
      yield* settled
      const rehearsed = { claims: outbox.claims() - idle, steps: outbox.steps.map(({ _tag }) => _tag) }
      yield* queueFor(ada)
      yield* wake
      yield* settled
      assert.deepStrictEqual(rehearsed, { claims: (outbox.claims() - idle) / 2, steps: [] })
      assert.strictEqual(outbox.rehearsals(), 1)
      assert.strictEqual((yield* mailer.tried).to, ada)
      assert.deepStrictEqual(
        outbox.steps.map(({ _tag }) => _tag),
        ["claim", "sent"]
      )
    }).pipe(withDoubles)
  )

  it.effect("shows no code and no address in logs and spans, whatever goes wrong (D4)", () =>
    Effect.gen(function* () {
      const outbox = yield* FaultyOutbox
      const mailer = yield* FaultyMailer
      const { log, lines } = logKept()
      const spans: Array<Tracer.NativeSpan> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        }
      })
      const broken = [ada, bob, numbered(1), numbered(2)]
      mailer.behaviours.set(ada, refused)
      mailer.behaviours.set(bob, Effect.die(new Error("bob@example.com was to get code=abc")))
      yield* Effect.gen(function* () {
        const { wake } = yield* OutboxWorker
        for (const address of broken) yield* queueFor(address)
        yield* queueFor(numbered(3), 0)
        yield* wake
        const codes = new Set<string>()
        for (let count = 0; count < broken.length; count++) codes.add(codeIn(yield* mailer.tried))
        yield* settled
        outbox.hooks.afterClaim = Effect.fail(new Unavailable())
        yield* TestClock.adjust("6 seconds")
        const seen = [
          ...lines,
          ...spans.flatMap(({ attributes, name, status }) => [
            name,
            ...attributes.values(),
            JSON.stringify(status, plain)
          ])
        ].join("\n")
        assert.isAtLeast(lines.length, 3)
        assert.isAbove(spans.filter(({ name }) => name === "OutboxWorker.deliver").length, 4)
        assert.lengthOf([...codes], broken.length)
        for (const code of codes) assert.notInclude(seen, code)
        assert.notMatch(seen, /@example\.com|code=/)
      }).pipe(
        Effect.provide(worker.pipe(Layer.provide(log)), { local: true }),
        Effect.provideService(Tracer.Tracer, tracer)
      )
    }).pipe(Effect.provide(Layer.mergeAll(FaultyOutbox.layer, FaultyMailer.layer, mint), { local: true }))
  )
})

const plain = (_key: string, value: unknown) => (typeof value === "bigint" ? String(value) : value)

/** Log lines as a program would read them. */
const logKept = () => {
  const lines: Array<string> = []
  const logger = Logger.map(Logger.formatJson, (line) => {
    lines.push(line)
  })
  return { lines, log: Layer.merge(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, "All")) }
}

describe("stopping the outbox's worker", () => {
  /** A worker whose scope the test closes. */
  const started = Effect.gen(function* () {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(worker, scope)
    return { ...Context.get(context, OutboxWorker), stop: Scope.close(scope, Exit.void) }
  })
  const withoutWorker = Effect.provide(Layer.mergeAll(FaultyOutbox.layer, FaultyMailer.layer, mint), { local: true })

  it.effect("is done at once where nothing is in hand", () =>
    Effect.gen(function* () {
      const { stop } = yield* started
      yield* settled
      yield* stop
    }).pipe(withoutWorker)
  )

  it.effect("lets a mail in hand be finished", () =>
    Effect.gen(function* () {
      const outbox = yield* FaultyOutbox
      const mailer = yield* FaultyMailer
      const goOn = yield* Deferred.make<void>()
      mailer.behaviours.set(ada, Deferred.await(goOn))
      const id = yield* queueFor(ada)
      const { stop } = yield* started
      yield* mailer.tried
      const stopping = yield* Effect.forkChild(stop)
      yield* settled
      assert.isUndefined(stopping.pollUnsafe())
      yield* Deferred.succeed(goOn, undefined)
      yield* Fiber.join(stopping)
      assert.strictEqual(outbox.rows.get(id)?.outcome, "sent")
    }).pipe(withoutWorker)
  )

  it.effect("gives back after 3 seconds what can't be finished", () =>
    Effect.gen(function* () {
      const outbox = yield* FaultyOutbox
      const mailer = yield* FaultyMailer
      mailer.behaviours.set(ada, Effect.never)
      mailer.behaviours.set(bob, Effect.never)
      yield* queueFor(ada)
      yield* queueFor(bob)
      const { stop } = yield* started
      yield* mailer.tried
      yield* mailer.tried
      const stopping = yield* Effect.forkChild(stop)
      yield* settled
      yield* TestClock.adjust("2999 millis")
      yield* settled
      assert.isUndefined(stopping.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(stopping)
      // Another process gets them without waiting for the leases to end.
      mailer.behaviours.clear()
      const next = yield* started
      assert.sameMembers([(yield* mailer.taken).to, (yield* mailer.taken).to], [ada, bob])
      yield* next.stop
      assert.sameDeepMembers(
        outbox.steps.flatMap((step) => (step._tag === "retry" ? [[step.id, step.afterMillis]] : [])),
        [
          [1n, 0],
          [2n, 0]
        ]
      )
    }).pipe(withoutWorker)
  )

  it.effect("takes 4 seconds where the store doesn't answer either", () =>
    Effect.gen(function* () {
      const outbox = yield* FaultyOutbox
      const mailer = yield* FaultyMailer
      mailer.behaviours.set(ada, Effect.never)
      yield* queueFor(ada)
      const { stop } = yield* started
      yield* mailer.tried
      outbox.hooks.beforeWrite = Effect.never
      const stopping = yield* Effect.forkChild(stop)
      yield* settled
      yield* TestClock.adjust("3 seconds")
      yield* settled
      assert.isUndefined(stopping.pollUnsafe())
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(stopping)
    }).pipe(withoutWorker)
  )

  it.effect("doesn't lose a mail that was being claimed", () =>
    Effect.gen(function* () {
      const outbox = yield* FaultyOutbox
      const mailer = yield* FaultyMailer
      const claiming = yield* Deferred.make<void>()
      const goOn = yield* Deferred.make<void>()
      outbox.hooks.afterClaim = Effect.andThen(Deferred.succeed(claiming, undefined), Deferred.await(goOn))
      const id = yield* queueFor(ada)
      const { stop } = yield* started
      yield* Deferred.await(claiming)
      const stopping = yield* Effect.forkChild(stop)
      yield* settled
      yield* Deferred.succeed(goOn, undefined)
      yield* mailer.taken
      yield* Fiber.join(stopping)
      assert.strictEqual(outbox.rows.get(id)?.outcome, "sent")
    }).pipe(withoutWorker)
  )
})

describe("the outbox's worker by SMTP", () => {
  const overSmtp = Effect.provide(
    worker.pipe(
      Layer.provide(
        Layer.unwrap(
          Effect.map(MailServer, ({ url }) =>
            SmtpMailer.layer({ url: Redacted.make(url), from: "Rekey <no-reply@rekey.example>" })
          )
        )
      ),
      Layer.provideMerge(Layer.mergeAll(FaultyOutbox.layer, MailServer.layer, mint))
    ),
    { local: true }
  )

  it.effect("mails the code, and the same again to a server that hung up after it (G2)", () =>
    Effect.gen(function* () {
      const outbox = yield* FaultyOutbox
      const server = yield* MailServer
      yield* server.behave("drop")
      const id = yield* queueFor(ada)
      yield* (yield* OutboxWorker).wake
      yield* server.disconnected
      yield* outboxStep("retry")
      yield* server.behave("take")
      yield* TestClock.adjust("1 second")
      const { envelope, parsed } = yield* server.next(ada)
      assert.deepStrictEqual(envelope.to, [ada])
      const { hash } = yield* ResetCodeMint
      const code = /code=([\w-]{43})/.exec(parsed.text ?? "")?.[1] ?? ""
      assert.deepStrictEqual(yield* hash(Redacted.make(code)), outbox.codeOf(id)?.codeHash)
      yield* outboxStep("sent")
    }).pipe(overSmtp)
  )
})

/** Waits for the worker to have taken such a step; what comes before it is the network's to do. */
const outboxStep = Effect.fnUntraced(function* (tag: "retry" | "sent") {
  const outbox = yield* FaultyOutbox
  while (outbox.steps.at(-1)?._tag !== tag) yield* settled
})
