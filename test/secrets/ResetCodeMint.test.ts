import { createHash, createHmac, hkdfSync } from "node:crypto"
import { NodeCrypto } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Array, Effect, Layer, Option, Redacted } from "effect"
import { Mac } from "effect/crypto"
import { AppSecret } from "../../src/secrets/AppSecret.ts"
import { ResetCodeMint } from "../../src/secrets/ResetCodeMint.ts"

const Crypto = Layer.mergeAll(
  NodeCrypto.layerDigest,
  NodeCrypto.layerKdf,
  NodeCrypto.layerMac,
  NodeCrypto.layerSecureRandom
)

const withSecrets = (...secrets: Array.NonEmptyReadonlyArray<string>) =>
  ResetCodeMint.layer.pipe(
    Layer.provideMerge(AppSecret.layer(Array.map(secrets, (secret) => Redacted.make(secret)))),
    Layer.provide(Crypto)
  )

const [former, current] = ["the former secret, long enough to be one", "the current secret, long enough to be one"]

const mint = (...secrets: Array.NonEmptyReadonlyArray<string>) => Effect.provide(ResetCodeMint, withSecrets(...secrets))

it.effect('a code is base64url(HMAC-SHA-256(key, "reset code" || nonce)), its stored hash SHA-256 of it', () =>
  Effect.gen(function* () {
    const { derive, fresh, hash } = yield* mint(current)
    const stored = yield* fresh
    const code = Redacted.value(Option.getOrThrow(yield* derive(stored)))
    const key = Buffer.from(hkdfSync("sha256", current, "", "rekey reset code v1", 32))
    const message = Buffer.concat([Buffer.from("reset code"), stored.nonce])
    assert.strictEqual(code, createHmac("sha256", key).update(message).digest("base64url"))
    assert.match(code, /^[A-Za-z0-9_-]{43}$/)
    assert.deepStrictEqual([...stored.codeHash], [...createHash("sha256").update(code).digest()])
    assert.deepStrictEqual([...(yield* hash(Redacted.make(code)))], [...stored.codeHash])
    assert.lengthOf(stored.nonce, 32)
  })
)

it.effect("no two codes are the same", () =>
  Effect.gen(function* () {
    const { derive, fresh } = yield* mint(current)
    const codes = new Set<string>()
    for (let time = 0; time < 100; time++) codes.add(Redacted.value(Option.getOrThrow(yield* derive(yield* fresh))))
    assert.strictEqual(codes.size, 100)
  })
)

it.effect("codes of a former secret are made again while it is listed; new ones are made with the first", () =>
  Effect.gen(function* () {
    const before = yield* mint(former)
    const rotated = yield* mint(current, former)
    const alone = yield* mint(current)
    const old = yield* before.fresh
    assert.deepStrictEqual(
      Option.map(yield* rotated.derive(old), Redacted.value),
      Option.map(yield* before.derive(old), Redacted.value)
    )
    assert.isTrue(Option.isNone(yield* alone.derive(old)))
    assert.isTrue(Option.isSome(yield* alone.derive(yield* rotated.fresh)))
    // A nonce that was swapped under its hash makes nothing.
    assert.isTrue(Option.isNone(yield* before.derive({ ...old, nonce: (yield* before.fresh).nonce })))
  })
)

it.effect("each purpose has a key of its own, and each secret another", () =>
  Effect.gen(function* () {
    const { confirmationCodeKeys, resetCodeKeys, sessionTokenKeys } = yield* AppSecret
    const keys = yield* Effect.forEach([...confirmationCodeKeys, ...resetCodeKeys, ...sessionTokenKeys], Mac.toBytes)
    assert.strictEqual(new Set(keys.map((bytes) => Buffer.from(bytes).toString("hex"))).size, 6)
    for (const bytes of keys) assert.lengthOf(bytes, 32)
  }).pipe(Effect.provide(withSecrets(current, former)))
)
