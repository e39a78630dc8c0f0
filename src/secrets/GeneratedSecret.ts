import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, statSync, unlinkSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { Array, Data, Effect, Option, Redacted, String } from "effect"
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

/** Secrets of one installation, the current one first. */
export type Secrets = Array.NonEmptyReadonlyArray<Redacted.Redacted>

const kept = "app-secret"

/** 256 bits, as `APP_SECRET` takes them. */
export const freshSecret = Effect.gen(function* () {
  const random = yield* SecureRandom.SecureRandom
  return Redacted.make(Base64Url.encode(yield* random.randomBytes(32)), { label: "APP_SECRET" })
})

/**
 * The secrets of an installation that was given none: one is made at its first start and kept in `dataDir`, readable by its owner alone.
 * For development; in production `APP_SECRET` is required.
 */
export const generatedSecrets = Effect.fnUntraced(function* (dataDir: string) {
  const fresh = yield* freshSecret
  return yield* inFolder(dataDir, () => secretsIn(keep(dataDir, Redacted.value(fresh))))
})

/** The same where they are kept already, and when that file was last changed. */
export const keptSecrets = (dataDir: string) =>
  inFolder(dataDir, () => {
    const file = join(dataDir, kept)
    return existsSync(file)
      ? Option.some({ secrets: secretsIn(readFileSync(file, "utf8")), changedAt: statSync(file).mtime })
      : Option.none()
  })

/** Keeps other ones in their place, all at once: whoever starts meanwhile reads the former or the new. */
export const replaceSecrets = (dataDir: string, secrets: Secrets) =>
  inFolder(dataDir, () => {
    const file = join(dataDir, kept)
    const aside = `${file}.${crypto.randomUUID()}`
    writeFileSync(aside, secrets.map(Redacted.value).join(","), { flag: "wx", mode: 0o600 })
    renameSync(aside, file)
  })

const inFolder = <A>(dataDir: string, work: () => A): Effect.Effect<A, SecretUnkept> =>
  Effect.try({
    try: work,
    catch: (cause) => new SecretUnkept({ dataDir, reason: cause instanceof Error ? cause.message : `${cause}` })
  })

const secretsIn = (text: string): Secrets =>
  Array.map(String.split(text.trim(), ","), (one) => Redacted.make(one, { label: "APP_SECRET" }))

/** Linking decides: of processes that start at once one puts its secret in place, whole, and all read that one. */
const keep = (dataDir: string, fresh: string): string => {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const file = join(dataDir, kept)
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
