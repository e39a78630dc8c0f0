import { assert, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Layer, Logger, Option, Queue, Scope } from "effect"
import { TestClock } from "effect/testing"
import { Unavailable } from "../../src/domain/Failure.ts"
import { CurrentOrigin, KeptOfAddress } from "../../src/domain/Origin.ts"
import { Trail, type TrailRow, TrailStore } from "../../src/trail/Trail.ts"

const refusal = (reason: string) => ({ event: "sign-in", reason, actor: "anonymous", userId: Option.none() }) as const

/** A trail whose store does what a test says with each batch, and the batches that it took. */
const trailWith = Effect.fnUntraced(function* (store: (batch: number) => Effect.Effect<void, Unavailable>) {
  const taken = yield* Queue.unbounded<ReadonlyArray<TrailRow>>()
  const lines: Array<string> = []
  const scope = yield* Scope.make()
  let batches = 0
  const append = (rows: ReadonlyArray<TrailRow>) =>
    Effect.andThen(
      Effect.suspend(() => store(++batches)),
      Effect.asVoid(Queue.offer(taken, rows))
    )
  const context = yield* Layer.buildWithScope(
    Trail.layer.pipe(
      Layer.provide(Layer.succeed(TrailStore, TrailStore.of({ append }))),
      Layer.provide(Layer.succeed(KeptOfAddress, "truncated")),
      Layer.provide(Logger.layer([Logger.map(Logger.formatJson, (line) => void lines.push(line))]))
    ),
    scope
  )
  return { ...Context.get(context, Trail), next: Queue.take(taken), lines, stop: Scope.close(scope, Exit.void) }
})

it.effect("a refusal is written behind the answer, with the origin as it may be kept and its age", () =>
  Effect.gen(function* () {
    const { next, refused, stop } = yield* trailWith((batch) =>
      batch === 1 ? Effect.fail(new Unavailable()) : Effect.void
    )
    yield* refused(refusal("wrong-password")).pipe(
      Effect.provideService(CurrentOrigin, {
        requestId: Option.some("request"),
        clientAddress: Option.some("192.0.2.7"),
        userAgent: Option.none()
      })
    )
    yield* TestClock.adjust("1 second") // the store was away
    const [row] = yield* next
    assert.deepStrictEqual(row, {
      ...refusal("wrong-password"),
      requestId: "request",
      clientAddress: "192.0.2.0/24",
      device: "an unknown device",
      ageMillis: 1000
    })
    yield* stop
  })
)

it.effect("what comes while a batch is written goes into the next, all of it and in order", () =>
  Effect.gen(function* () {
    const goOn = yield* Deferred.make<void>()
    const { next, refused, stop } = yield* trailWith(() => Deferred.await(goOn))
    for (let count = 0; count < 450; count++) yield* refused(refusal(`${count}`))
    yield* Deferred.succeed(goOn, undefined)
    const rows: Array<string> = []
    while (rows.length < 450) rows.push(...(yield* next).map(({ reason }) => reason))
    assert.deepStrictEqual(
      rows,
      Array.from({ length: 450 }, (_, index) => `${index}`)
    )
    yield* stop
  })
)

it.effect("more than can wait is counted, told once, and blocks nobody", () =>
  Effect.gen(function* () {
    let away = true
    const { lines, next, refused, stop } = yield* trailWith(() =>
      Effect.suspend(() => (away ? Effect.fail(new Unavailable()) : Effect.void))
    )
    for (let count = 0; count < 10_005; count++) yield* refused(refusal("more"))
    away = false
    yield* TestClock.adjust("1 second")
    for (let rows = 0; rows < 10_000; ) rows += (yield* next).length
    yield* stop
    assert.lengthOf(lines, 1)
    assert.include(lines[0], '"rows":5')
  })
)

it.effect("a batch that breaks the store is told, and holds nothing else up", () =>
  Effect.gen(function* () {
    const { lines, next, refused, stop } = yield* trailWith((batch) =>
      batch === 1 ? Effect.die(new Error("a bug")) : Effect.void
    )
    yield* refused(refusal("breaks"))
    yield* TestClock.adjust("1 second")
    yield* refused(refusal("fine"))
    assert.strictEqual((yield* next)[0]?.reason, "fine")
    assert.lengthOf(lines, 1)
    yield* stop
  })
)

it.effect("stopping writes what waits", () =>
  Effect.gen(function* () {
    const { next, refused, stop } = yield* trailWith(() => Effect.void)
    yield* refused(refusal("last"))
    yield* stop
    assert.strictEqual((yield* next)[0]?.reason, "last")
  })
)
