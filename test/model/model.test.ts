import { assert, describe, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as fc from "fast-check"
import { afterAll, beforeAll, vi } from "vitest"
import { embeddedClient, migrated, onPostgres } from "../support/databases.ts"
import { commands, type Model, prelude, type Real } from "./commands.ts"
import { start, view } from "./model.ts"
import { World, WorldLayer } from "./service.ts"

/** `npm run test:model -- --runs N --seed N` sets these. */
const runs = Number(process.env.MODEL_RUNS ?? 0)
const seed = process.env.MODEL_SEED === undefined ? {} : { seed: Number(process.env.MODEL_SEED) }

const obeysTheModel = Effect.fnUntraced(function* (few: number) {
  const world = yield* World
  const context = yield* Effect.context<never>()
  const real: Real = { world, run: Effect.runPromiseWith(context) }
  const obeys = fc.asyncProperty(commands, async (commands) => {
    await real.run(world.clear)
    const model: Model = { state: start() }
    await fc.asyncModelRun(() => ({ model, real }), [prelude, ...commands])
    assert.deepStrictEqual(await real.run(world.view), view(model.state), "what is left at the end")
  })
  yield* Effect.promise(() => fc.assert(obeys, { numRuns: runs || few, ...seed }))
})

const obeys = "any sequence of operations, two of them at once now and then, does what the model does"
const patience = 120_000 + runs * 2000

layer(Layer.provideMerge(WorldLayer, migrated(embeddedClient)), { excludeTestServices: true })("embedded", (it) =>
  it.effect(obeys, () => obeysTheModel(8), patience)
)

describe("where the process's clock is an hour slow (B5)", () => {
  beforeAll(() => void vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 3_600_000 }))
  afterAll(() => void vi.useRealTimers())
  onPostgres("PostgreSQL", WorldLayer, (it) => it.effect(obeys, () => obeysTheModel(16), patience))
})
