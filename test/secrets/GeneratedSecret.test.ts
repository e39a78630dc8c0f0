import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeCrypto } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Array, Effect, Redacted } from "effect"
import { generatedSecrets } from "../../src/secrets/GeneratedSecret.ts"

const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "rekey-secret-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

const secretOf = (dataDir: string) =>
  generatedSecrets(dataDir).pipe(
    Effect.map(([current]) => Redacted.value(current)),
    Effect.provide(NodeCrypto.layerSecureRandom)
  )

it.effect("the first start makes a secret of 256 bits, and each later one finds it", () =>
  Effect.gen(function* () {
    const dataDir = join(yield* temporaryFolder, "new", "folder")
    const secret = yield* secretOf(dataDir)
    assert.match(secret, /^[A-Za-z0-9_-]{43}$/)
    assert.strictEqual(yield* secretOf(dataDir), secret)
    assert.deepStrictEqual(readdirSync(dataDir), ["app-secret"])
    assert.notStrictEqual(yield* secretOf(yield* temporaryFolder), secret)
  })
)

it.effect("nobody but its owner may read it", () =>
  Effect.gen(function* () {
    const dataDir = join(yield* temporaryFolder, "data")
    yield* secretOf(dataDir)
    assert.strictEqual(statSync(join(dataDir, "app-secret")).mode & 0o777, 0o600)
    assert.strictEqual(statSync(dataDir).mode & 0o777, 0o700)
  })
)

it.effect("processes that start at once get the same", () =>
  Effect.gen(function* () {
    const dataDir = yield* temporaryFolder
    const secrets = yield* Effect.forEach(Array.range(1, 20), () => secretOf(dataDir), { concurrency: "unbounded" })
    assert.strictEqual(new Set(secrets).size, 1)
    assert.strictEqual(readFileSync(join(dataDir, "app-secret"), "utf8"), secrets[0])
  })
)

it.effect("a folder that can't keep it is one line that says what to set", () =>
  Effect.gen(function* () {
    const file = join(yield* temporaryFolder, "file")
    writeFileSync(file, "")
    chmodSync(file, 0o600)
    const { message } = yield* Effect.flip(secretOf(file))
    assert.include(message, `DATA_DIR ${file}`)
    assert.include(message, "Set APP_SECRET")
    assert.notInclude(message, "\n")
  })
)
