import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { makeGroupedRelease } from "../../src/passwords/GroupedRelease.ts"

const hour = 3_600_000
const othersCome = () => false
const isLast = () => true

/** Counts those who have gone on. */
const counted = (join: ReturnType<typeof makeGroupedRelease>) => {
  const count = { goneOn: 0 }
  const come = (last: () => boolean) =>
    Effect.forkChild(
      Effect.tap(join(last), () =>
        Effect.sync(() => {
          count.goneOn++
        })
      ),
      { startImmediately: true }
    )
  return { count, come }
}

it.effect("they go on in one go once enough are there, and the next wait again", () =>
  Effect.gen(function* () {
    const { come, count } = counted(makeGroupedRelease({ size: 3, longestMillis: hour }))
    const two = [yield* come(othersCome), yield* come(othersCome)]
    assert.strictEqual(count.goneOn, 0)
    yield* Fiber.joinAll([...two, yield* come(othersCome)])
    assert.strictEqual(count.goneOn, 3)
    const next = yield* come(othersCome)
    assert.strictEqual(count.goneOn, 3)
    yield* Fiber.interrupt(next)
  })
)

it.effect("who comes last takes all along at once, and waits for nobody when alone", () =>
  Effect.gen(function* () {
    const { come, count } = counted(makeGroupedRelease({ size: 8, longestMillis: hour }))
    yield* Fiber.join(yield* come(isLast))
    const waiting = yield* come(othersCome)
    assert.strictEqual(count.goneOn, 1)
    yield* Fiber.joinAll([waiting, yield* come(isLast)])
    assert.strictEqual(count.goneOn, 3)
  })
)

it.effect("they wait for a while at most, also where the first has hung up meanwhile", () =>
  Effect.gen(function* () {
    const { come, count } = counted(makeGroupedRelease({ size: 8, longestMillis: 20 }))
    const first = yield* come(othersCome)
    const second = yield* come(othersCome)
    yield* Fiber.interrupt(first)
    yield* Fiber.join(second)
    assert.strictEqual(count.goneOn, 1)
  })
)
