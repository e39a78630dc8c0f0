import { assert, describe, it, layer } from "@effect/vitest"
import type * as Argon2 from "@node-rs/argon2"
import { Context, Effect, Exit, Fiber, Layer, Option, Redacted } from "effect"
import { afterAll, beforeEach, vi } from "vitest"
import { passwordHash } from "../../src/domain/Password.ts"
import { argon2id } from "../../src/passwords/argon2.ts"
import { PasswordHasher } from "../../src/passwords/PasswordHasher.ts"
import { hostHashes } from "../../src/presets/Writing.ts"
import { cheapCost, cheapHashing } from "./doubles.ts"

// Files share a process and its modules: ours are loaded anew for this one, with a library that is watched, and again after it.
vi.hoisted(() => vi.resetModules())
afterAll(() => vi.resetModules())

/** What was asked of the native library, and a gate before it. */
const native = vi.hoisted(() => ({
  calls: [] as { readonly work: "hash" | "verify"; readonly password: string; readonly phc: string | undefined }[],
  inFlight: 0,
  mostInFlight: 0,
  gate: Promise.resolve()
}))

vi.mock("@node-rs/argon2", async (original) => {
  const argon2 = await original<typeof Argon2>()
  const watched = async <A>(
    work: "hash" | "verify",
    password: unknown,
    phc: string | undefined,
    run: () => Promise<A>
  ) => {
    native.calls.push({ work, password: String(password), phc })
    native.inFlight++
    native.mostInFlight = Math.max(native.mostInFlight, native.inFlight)
    try {
      await native.gate
      return await run()
    } finally {
      native.inFlight--
    }
  }
  return {
    ...argon2,
    hash: (password: string, options: Argon2.Options) =>
      watched("hash", password, undefined, () => argon2.hash(password, options)),
    verify: (phc: string, password: string) => watched("verify", password, phc, () => argon2.verify(phc, password))
  }
})

beforeEach(() => {
  native.calls.length = 0
  native.mostInFlight = 0
  native.gate = Promise.resolve()
})

/** Holds all native work up until it is called. */
const closeGate = () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  native.gate = promise
  return Effect.sync(resolve)
}

/** What a PHC string says before its salt. */
const costIn = (phc = "") => phc.split("$").slice(0, 4)

const nothing = { matches: false, outdated: false }
const password = (text: string) => Redacted.make(text)
const hasher = (concurrency = 2, queueLimit = 128) => PasswordHasher.layer({ ...cheapHashing, concurrency, queueLimit })

layer(hasher())("hashing", (it) => {
  it.effect("makes argon2id PHC strings with a fresh salt", () =>
    Effect.gen(function* () {
      const { hash, verify } = yield* PasswordHasher
      const hashes = [yield* hash(password("a phrase")), yield* hash(password("a phrase"))]
      for (const one of hashes) {
        assert.match(Redacted.value(one), /^\$argon2id\$v=19\$m=128,t=1,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
        assert.deepStrictEqual(yield* verify(password("a phrase"), one), { matches: true, outdated: false })
        assert.deepStrictEqual(yield* verify(password("a phrase "), one), { matches: false, outdated: false })
      }
      assert.strictEqual(new Set(hashes.map((one) => Redacted.value(one))).size, 2)
    })
  )

  it.effect("takes a password in NFC, whatever form it came in, and changes nothing else of it (F3)", () =>
    Effect.gen(function* () {
      const { hash, verify } = yield* PasswordHasher
      const stored = yield* hash(password("  Zoë \t"))
      assert.isTrue((yield* verify(password("  Zoë \t".normalize("NFD")), stored)).matches)
      assert.deepStrictEqual([...new Set(native.calls.map((call) => call.password))], ["  Zoë \t"])
      for (const other of ["Zoë", "  zoë \t", "  Zoe \t", " \u2002Zoë \t"]) {
        assert.isFalse((yield* verify(password(other), stored)).matches, other)
      }
    })
  )

  it.effect("compares the whole of a long password (F3)", () =>
    Effect.gen(function* () {
      const { hash, verify } = yield* PasswordHasher
      const stored = yield* hash(password(`${"x".repeat(255)}a`))
      assert.isTrue((yield* verify(password(`${"x".repeat(255)}a`), stored)).matches)
      assert.isFalse((yield* verify(password(`${"x".repeat(255)}b`), stored)).matches)
    })
  )

  it.effect("tells that a hash was made with other parameters, or as argon2i or argon2d", () =>
    Effect.gen(function* () {
      const { verify } = yield* PasswordHasher
      const { hash } = yield* Effect.promise(() => vi.importActual<typeof Argon2>("@node-rs/argon2"))
      for (const [options, outdated] of [
        [{}, false],
        [{ memoryCost: 256 }, true],
        [{ timeCost: 2 }, true],
        [{ parallelism: 2 }, true],
        [{ algorithm: 1 } /* argon2i */, true],
        [{ algorithm: 0 } /* argon2d */, true]
      ] as const) {
        const parameters = { memoryCost: 128, timeCost: 1, parallelism: 1, ...options }
        const phc = passwordHash(yield* Effect.promise(() => hash("a phrase", parameters)))
        assert.deepStrictEqual(yield* verify(password("a phrase"), phc), { matches: true, outdated })
      }
    })
  )

  it.effect("refuses a hash that asks for too much, and computes another instead (F4)", () =>
    Effect.gen(function* () {
      const { hash, rehearse, verify } = yield* PasswordHasher
      const phc = Redacted.value(yield* hash(password("a phrase")))
      yield* rehearse(password("a phrase"))
      native.calls.length = 0
      const hungry = [
        "m=4194304,t=1,p=1",
        "m=128,t=1000000000,p=1",
        "m=128,t=4294967295,p=1",
        "m=262145,t=1,p=1",
        "m=128,t=17,p=1",
        "m=128,t=1,p=17",
        "m=4194304,t=1000000000,p=255",
        "m=99999999999999999999,t=1,p=1"
      ].map((cost) => phc.replace("m=128,t=1,p=1", cost))
      for (const one of hungry) {
        assert.deepStrictEqual(yield* verify(password("a phrase"), passwordHash(one)), nothing, one)
      }
      // As much work as for a wrong password, so that the time doesn't tell that there is an account (C5).
      assert.lengthOf(native.calls, hungry.length)
      for (const { phc, work } of native.calls) {
        assert.strictEqual(work, "verify")
        assert.match(phc ?? "", /m=128,t=1,p=1/)
      }
    })
  )

  it.effect("matches nothing where the stored hash is of another format", () =>
    Effect.gen(function* () {
      const { verify } = yield* PasswordHasher
      for (const phc of [
        "",
        "a phrase",
        "!",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/",
        "$argon2id$",
        "$argon2id$v=19$m=128,t=1,p=1$$",
        "$argon2id$v=19$m=128,t=1$c2FsdHNhbHQ$aGFzaA",
        "$argon2id$v=19$m=-1,t=1,p=1$c2FsdHNhbHQ$aGFzaA",
        "$argon2id$v=19$m=128,t=1,p=1$c2FsdHNhbHQ$***",
        "$argon2id$v=19$m=1,t=1,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNo",
        "$argon2id$v=19$m=8,t=1,p=16$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNo",
        "$argon2id$v=19$m=128,t=1,p=1$c2E$aGE",
        "$argon2id$v=99$m=128,t=1,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNo",
        "$argon2id$v=19$m=0,t=0,p=0$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNo"
      ]) {
        assert.isFalse((yield* verify(password("a phrase"), passwordHash(phc))).matches, phc)
      }
    })
  )

  it.effect("has no hash to verify, yet does the same work as if there were one (C5)", () =>
    Effect.gen(function* () {
      const { hash, rehearse, verify } = yield* PasswordHasher
      const stored = yield* hash(password("a phrase"))
      yield* rehearse(password("another"))
      const { length } = native.calls
      yield* verify(password("another"), stored)
      yield* rehearse(password("another"))
      const [verified, rehearsed] = native.calls.slice(length)
      assert.strictEqual(rehearsed?.work, "verify")
      assert.deepStrictEqual(costIn(rehearsed?.phc), costIn(verified?.phc))
      assert.strictEqual(rehearsed?.password, "another")
    })
  )
})

it.effect(
  "where there is no hash, the work is that of the host's own, as soon as it is known what those cost (C5)",
  () =>
    Effect.gen(function* () {
      const writer = (cost: Readonly<Record<string, number>>) => argon2id({ ...cheapCost, ...cost })
      const { learn, writes } = hostHashes({ cost: cheapCost, writer })
      const { rehearse, verify } = Context.get(
        yield* Layer.build(PasswordHasher.layer({ ...cheapHashing, writes })),
        PasswordHasher
      )
      yield* rehearse(password("another"))
      const dearer = yield* writer({ memoryKib: 256, iterations: 2 }).hash(password("a phrase"), Option.none())
      learn([dearer])
      const { length } = native.calls
      yield* rehearse(password("another"))
      yield* rehearse(password("another"))
      yield* verify(password("another"), passwordHash(dearer))
      const calls = native.calls.slice(length)
      // The first makes the hash that the others are held against: as much work.
      assert.deepStrictEqual(
        calls.map(({ work }) => work),
        ["hash", "verify", "verify"]
      )
      assert.deepStrictEqual(costIn(calls[1]?.phc), costIn(dearer))
    })
)

describe("the bulkhead", () => {
  it.effect("never has more work in flight than it is wide, and refuses what is past its queue at once (E7)", () =>
    Effect.gen(function* () {
      const { hash } = yield* PasswordHasher
      native.mostInFlight = 0
      const openGate = closeGate()
      const fibers = yield* Effect.forEach(Array.from({ length: 7 }), () =>
        Effect.forkChild(hash(password("a phrase")), { startImmediately: true })
      )
      // Two at work and five that wait are as many as there is room for.
      assert.strictEqual((yield* Effect.flip(hash(password("a phrase"))))._tag, "Busy")
      assert.strictEqual((yield* Effect.flip(hash(password("a phrase"))))._tag, "Busy")
      yield* openGate
      for (const fiber of fibers) assert.isTrue(Exit.isSuccess(yield* Fiber.await(fiber)))
      assert.strictEqual(native.mostInFlight, 2)
      yield* hash(password("a phrase"))
    }).pipe(Effect.provide(hasher(2, 5)))
  )

  it.effect("verifying and rehearsing share its room", () =>
    Effect.gen(function* () {
      const { hash, rehearse, verify } = yield* PasswordHasher
      const stored = yield* hash(password("a phrase"))
      const openGate = closeGate()
      const fiber = yield* Effect.forkChild(hash(password("a phrase")), { startImmediately: true })
      assert.strictEqual((yield* Effect.flip(verify(password("a phrase"), stored)))._tag, "Busy")
      assert.strictEqual((yield* Effect.flip(rehearse(password("a phrase"))))._tag, "Busy")
      yield* openGate
      yield* Fiber.join(fiber)
    }).pipe(Effect.provide(hasher(1, 0)))
  )

  it.effect(
    "clients that hang up can't overrun it: their work keeps its room, their place in the queue is free (E7)",
    () =>
      Effect.gen(function* () {
        const { hash } = yield* PasswordHasher
        native.mostInFlight = 0
        const openGate = closeGate()
        const start = () => Effect.forkChild(hash(password("a phrase")), { startImmediately: true })
        const working = yield* Effect.forEach([1, 2], start)
        // Whoever waits and hangs up is gone at once, a hundred times over.
        for (let round = 0; round < 100; round++) {
          const waiting = yield* Effect.forEach([1, 2, 3], start)
          assert.strictEqual((yield* Effect.flip(hash(password("a phrase"))))._tag, "Busy")
          for (const fiber of waiting) yield* Fiber.interrupt(fiber)
        }
        // Whoever works and hangs up still holds the room, since the native work goes on.
        const hungUp = yield* Effect.forEach(working, (fiber) =>
          Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
        )
        const next = yield* Effect.forEach([1, 2, 3], start)
        assert.strictEqual(native.inFlight, 2)
        assert.strictEqual((yield* Effect.flip(hash(password("a phrase"))))._tag, "Busy")
        yield* openGate
        for (const fiber of hungUp) yield* Fiber.join(fiber)
        for (const fiber of next) yield* Fiber.join(fiber)
        assert.strictEqual(native.mostInFlight, 2)
      }).pipe(Effect.provide(hasher(2, 3)))
  )

  it.effect("serves in the order of arrival", () =>
    Effect.gen(function* () {
      const { hash } = yield* PasswordHasher
      const { length } = native.calls
      const openGate = closeGate()
      const fibers = yield* Effect.forEach(["a", "b", "c", "d"], (text) =>
        Effect.forkChild(hash(password(text)), { startImmediately: true })
      )
      yield* openGate
      for (const fiber of fibers) yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        native.calls.slice(length).map((call) => call.password),
        ["a", "b", "c", "d"]
      )
    }).pipe(Effect.provide(hasher(1, 3)))
  )

  it.effect("a fault of the work gives its room back", () =>
    Effect.gen(function* () {
      const { hash } = yield* PasswordHasher
      native.gate = Promise.reject(new Error("broken"))
      for (let time = 0; time < 3; time++) assert.isTrue(Exit.hasDies(yield* Effect.exit(hash(password("a phrase")))))
      native.gate = Promise.resolve()
      yield* hash(password("a phrase"))
    }).pipe(Effect.provide(hasher(1, 0)))
  )
})
