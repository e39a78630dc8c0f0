import { assert, it } from "@effect/vitest"
import { Effect, Layer, Logger, type Option, Queue } from "effect"
import { TestClock } from "effect/testing"
import { ConfirmationWorker } from "../../src/accounts/ConfirmationWorker.ts"
import { Unavailable } from "../../src/domain/Failure.ts"
import { OutboxWorker } from "../../src/mail/OutboxWorker.ts"
import { RecoveryWorker } from "../../src/recovery/RecoveryWorker.ts"
import { RecoveryRequests, type RequestTaken } from "../../src/recovery/ResetCodes.ts"
import { syncMint } from "../mail/doubles.ts"

type Look = Effect.Effect<Option.Option<RequestTaken>, Unavailable>

const nobodyWaits: Look = Effect.succeedNone
const issued: Look = Effect.succeedSome({ outcome: "Issued", language: "en" })
const dropped: Look = Effect.succeedSome({ outcome: "Dropped", language: "ja" })
const unavailable: Look = Effect.fail(new Unavailable())

/** A worker whose looks find what a test says, and the looks and hints that it made, in order. */
const workerFinding = Effect.fnUntraced(function* (...finds: ReadonlyArray<Look>) {
  const seen = yield* Queue.unbounded<"look" | "wake" | `rehearse ${string}`>()
  const left = [...finds]
  const note = (what: "look" | "wake" | `rehearse ${string}`) => Effect.asVoid(Queue.offer(seen, what))
  const { wake } = yield* Layer.build(
    RecoveryWorker.layer({ codeTtlMillis: 1, cooldownMillis: 0, hourlyCap: 1 }).pipe(
      Layer.provide([
        Layer.mock(RecoveryRequests, {
          takeNext: () =>
            Effect.andThen(
              note("look"),
              Effect.suspend(() => left.shift() ?? nobodyWaits)
            )
        }),
        Layer.succeed(ConfirmationWorker, ConfirmationWorker.of({ wake: Effect.void })),
        Layer.succeed(
          OutboxWorker,
          OutboxWorker.of({ wake: note("wake"), rehearse: (language) => note(`rehearse ${language}`) })
        ),
        syncMint("a secret")
      ])
    )
  ).pipe(Effect.flatMap((context) => Effect.provide(RecoveryWorker, context)))
  return { wake, next: Queue.take(seen), left: Queue.clear(seen) }
})

it.effect("a request is looked for as soon as it was written down", () =>
  Effect.gen(function* () {
    const { left, next, wake } = yield* workerFinding(nobodyWaits, issued)
    assert.strictEqual(yield* next, "look")
    yield* wake
    assert.deepStrictEqual([yield* next, yield* next, yield* next], ["look", "wake", "look"])
    yield* TestClock.adjust("4 seconds")
    assert.deepStrictEqual(yield* left, [])
  })
)

it.effect("an address without an account gets the work of a mail, after the same look (C2)", () =>
  Effect.gen(function* () {
    const { next } = yield* workerFinding(dropped, issued)
    const seen = [yield* next, yield* next, yield* next, yield* next, yield* next]
    assert.deepStrictEqual(seen, ["look", "rehearse ja", "look", "wake", "look"])
  })
)

it.effect("what a dead process left is found within 5 seconds", () =>
  Effect.gen(function* () {
    const { left, next } = yield* workerFinding(nobodyWaits, issued)
    yield* next
    yield* TestClock.adjust("4999 millis")
    assert.deepStrictEqual(yield* left, [])
    yield* TestClock.adjust("1 millis")
    assert.deepStrictEqual([yield* next, yield* next], ["look", "wake"])
  })
)

it.effect("while the database is away a look is tried each second", () =>
  Effect.gen(function* () {
    const { left, next } = yield* workerFinding(unavailable, unavailable, nobodyWaits)
    for (const _ of [1, 2]) {
      assert.strictEqual(yield* next, "look")
      yield* TestClock.adjust("999 millis")
      assert.deepStrictEqual(yield* left, [])
      yield* TestClock.adjust("1 millis")
    }
    assert.strictEqual(yield* next, "look")
  })
)

it.effect("the first request after the database was away waits for no pause", () =>
  Effect.gen(function* () {
    const { next, wake } = yield* workerFinding(unavailable, issued)
    assert.strictEqual(yield* next, "look")
    yield* wake
    assert.deepStrictEqual([yield* next, yield* next], ["look", "wake"])
  })
)

it.effect("a look that breaks is told, and doesn't end the looking", () =>
  Effect.gen(function* () {
    const told = yield* Queue.unbounded<unknown>()
    const { next } = yield* workerFinding(Effect.die(new Error("broken")), issued).pipe(
      Effect.provide(Logger.layer([Logger.make(({ message }) => Queue.offerUnsafe(told, message))]))
    )
    assert.strictEqual(yield* next, "look")
    assert.include(String(yield* Queue.take(told)), "Taking a recovery request broke.")
    yield* TestClock.adjust("1 second")
    assert.deepStrictEqual([yield* next, yield* next], ["look", "wake"])
  })
)
