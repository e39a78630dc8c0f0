import { Context, Deferred, Effect, Layer, Option } from "effect"
import { argon2id } from "../../src/passwords/argon2.ts"
import { PasswordHasher } from "../../src/passwords/PasswordHasher.ts"

/** So little that tests don't wait for it. */
export const cheapCost = { memoryKib: 128, iterations: 1, parallelism: 1 }

export const cheapHashing = { writes: argon2id(cheapCost), pepper: Option.none(), concurrency: 2, queueLimit: 128 }

type Work = "hash" | "verify" | "rehearse"

/** A hasher that does its work and is watched, and can be halted: so that what runs at once does so in one order. */
export class WatchedHasher extends Context.Service<
  WatchedHasher,
  {
    readonly layer: Layer.Layer<PasswordHasher>
    /** What it was asked for so far, in order. */
    readonly asked: Array<Work>
    /** Halts the next work of this kind when it is done, before its result is told. */
    halt(work: Work): Effect.Effect<{
      readonly reached: Effect.Effect<void>
      readonly release: Effect.Effect<void>
    }>
    /** Breaks the next work of this kind. */
    breakNext(work: Work, defect: unknown): Effect.Effect<void>
  }
>()("rekey/test/WatchedHasher") {
  static readonly layer = Layer.effect(
    WatchedHasher,
    Effect.gen(function* () {
      const hasher = yield* PasswordHasher
      const asked: Array<Work> = []
      const halts = new Map<Work, Effect.Effect<void>>()

      const watched = <A, E>(work: Work, done: Effect.Effect<A, E>): Effect.Effect<A, E> =>
        Effect.suspend(() => {
          asked.push(work)
          const halted = halts.get(work) ?? Effect.void
          halts.delete(work)
          return Effect.tap(done, halted)
        })

      return WatchedHasher.of({
        asked,
        halt: Effect.fnUntraced(function* (work) {
          const [reached, released] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
          halts.set(work, Effect.andThen(Deferred.succeed(reached, undefined), Deferred.await(released)))
          return { reached: Deferred.await(reached), release: Effect.asVoid(Deferred.succeed(released, undefined)) }
        }),
        breakNext: (work, defect) => Effect.sync(() => void halts.set(work, Effect.die(defect))),
        layer: Layer.succeed(
          PasswordHasher,
          PasswordHasher.of({
            hash: (password) => watched("hash", hasher.hash(password)),
            verify: (password, hash) => watched("verify", hasher.verify(password, hash)),
            rehearse: (password) => watched("rehearse", hasher.rehearse(password))
          })
        )
      })
    })
  ).pipe(Layer.provide(PasswordHasher.layer(cheapHashing)))
}
