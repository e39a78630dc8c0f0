import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { Data, Effect, Redacted } from "effect"
import { SecureRandom } from "effect/crypto"
import { Base64Url } from "effect/encoding"

/** The secret can't be kept: the folder can't be written to, or the file can't be read. */
export class SecretUnkept extends Data.TaggedError("SecretUnkept")<{
  readonly dataDir: string
  readonly reason: string
}> {
  override get message() {
    return `DATA_DIR ${resolve(this.dataDir)} can't keep a secret: ${this.reason}. Set APP_SECRET, or DATA_DIR to another folder.`
  }
}

/**
 * The secret of an installation that was given none: made at its first start and kept in `dataDir`, readable by its owner alone.
 * For development; in production `APP_SECRET` is required.
 */
export const generatedSecret = Effect.fnUntraced(function* (dataDir: string) {
  const random = yield* SecureRandom.SecureRandom
  const fresh = Base64Url.encode(yield* random.randomBytes(32))
  return yield* Effect.try({
    try: () => Redacted.make(keep(dataDir, fresh), { label: "APP_SECRET" }),
    catch: (cause) => new SecretUnkept({ dataDir, reason: cause instanceof Error ? cause.message : String(cause) })
  })
})

/** Linking decides: of processes that start at once one puts its secret in place, whole, and all read that one. */
const keep = (dataDir: string, fresh: string): string => {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const file = join(dataDir, "app-secret")
  const aside = `${file}.${crypto.randomUUID()}`
  writeFileSync(aside, fresh, { flag: "wx", mode: 0o600 })
  try {
    linkSync(aside, file)
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST")) throw cause
  } finally {
    unlinkSync(aside)
  }
  return readFileSync(file, "utf8")
}
