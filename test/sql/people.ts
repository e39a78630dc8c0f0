import { randomBytes } from "node:crypto"
import { Effect, Option, Schema } from "effect"
import { SecureRandom } from "effect/crypto"
import { SqlClient } from "effect/sql"
import { AccountRepository, type Credentials } from "../../src/accounts/AccountRepository.ts"
import { Confirmations } from "../../src/accounts/Confirmations.ts"
import { SessionRepository } from "../../src/accounts/SessionRepository.ts"
import { ConfirmationCodeHash } from "../../src/domain/ConfirmationCode.ts"
import { Email, emailKey } from "../../src/domain/Email.ts"
import { EmailChangeCodeHash } from "../../src/domain/EmailChange.ts"
import { PasswordHash } from "../../src/domain/Password.ts"
import { ResetCodeHash } from "../../src/domain/ResetCode.ts"
import { SessionId } from "../../src/domain/Session.ts"
import { UserId, Username } from "../../src/domain/User.ts"
import { RecoveryRequests } from "../../src/recovery/ResetCodes.ts"
import type { FreshConfirmationCode } from "../../src/secrets/ConfirmationCodeMint.ts"
import type { FreshEmailChangeCode } from "../../src/secrets/EmailChangeCodeMint.ts"
import type { FreshResetCode } from "../../src/secrets/ResetCodeMint.ts"

/** A stored hash; what it is a hash of doesn't matter to the database. */
export const hashOf = Schema.decodeSync(PasswordHash)

const uuidV7 = SecureRandom.SecureRandom.pipe(
  Effect.flatMap((random) => random.uuidV7()),
  Effect.provide(SecureRandom.layerWebCrypto)
)

export const newUserId = Effect.map(uuidV7, (id) => UserId.make(id))
export const newSessionId = Effect.map(uuidV7, (id) => SessionId.make(id))

export const newName = () => `ada${randomBytes(8).toString("hex")}`

/** An account that nobody else uses, with the password hash `old`. */
export const newAccount = Effect.gen(function* () {
  const accounts = yield* AccountRepository
  const name = newName()
  return yield* accounts.insert({
    id: yield* newUserId,
    username: Username.make(name),
    email: Email.make(`${name}@example.com`),
    passwordHash: hashOf("old")
  })
})

/** A session of it, opened with the credentials that were read. */
export const openSession = Effect.fnUntraced(function* ({ user, version }: Credentials) {
  const sessions = yield* SessionRepository
  return yield* sessions.open({ id: yield* newSessionId, userId: user.id, version, ttlMillis: 30 * 86_400_000 })
})

/** The account as it is stored now. */
export const stored = Effect.fnUntraced(function* ({ user }: Credentials) {
  const accounts = yield* AccountRepository
  return Option.getOrThrow(yield* accounts.find({ _tag: "UserId", id: user.id }))
})

export const freshCode = (): FreshResetCode => ({
  codeHash: ResetCodeHash.make(new Uint8Array(randomBytes(32))),
  nonce: new Uint8Array(randomBytes(32))
})

export const freshConfirmation = (): FreshConfirmationCode => ({
  codeHash: ConfirmationCodeHash.make(new Uint8Array(randomBytes(32))),
  nonce: new Uint8Array(randomBytes(32))
})

export const freshEmailChange = (): FreshEmailChangeCode => ({
  codeHash: EmailChangeCodeHash.make(new Uint8Array(randomBytes(32))),
  nonce: new Uint8Array(randomBytes(32))
})

export const confirmationLimits = { ttlMillis: 24 * 3_600_000, cooldownMillis: 60_000, hourlyCap: 5 }

/** Somebody asks for an account with this address, which has to be confirmed first, and a worker takes it up. */
export const registerWith = Effect.fnUntraced(function* (email: Email, code = freshConfirmation()) {
  const confirmations = yield* Confirmations
  const id = yield* newUserId
  const { ttlMillis } = confirmationLimits
  const username = Username.make(newName())
  yield* confirmations.register({
    id,
    username,
    email,
    passwordHash: hashOf("asked"),
    ttlMillis
  })
  yield* confirmations.takeNext(code, confirmationLimits)
  return { id, username, code }
})

/** What becomes of the requests of one address, of somebody who doesn't say what they understand. */
export const wasIssued = Option.some({ outcome: "Issued", language: "en" } as const)
export const wasDropped = Option.some({ outcome: "Dropped", language: "en" } as const)

export const limits = { codeTtlMillis: 30 * 60_000, cooldownMillis: 60_000, hourlyCap: 5 }

/** Somebody asks for the account, and a worker takes it up. */
export const ask = Effect.fnUntraced(function* ({ user }: Credentials, code = freshCode()) {
  const requests = yield* RecoveryRequests
  yield* requests.add(emailKey(user.email))
  return yield* requests.takeNext(code, limits)
})

/** A code that its owner may use now. */
export const liveCode = Effect.fnUntraced(function* (account: Credentials) {
  const code = freshCode()
  yield* ask(account, code)
  return code
})

export const block = Effect.fnUntraced(function* ({ user }: Credentials, blocked = true) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`update users set blocked = ${blocked} where id = ${user.id}`
})

export const remove = Effect.fnUntraced(function* ({ user }: Credentials) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`delete from users where id = ${user.id}`
})

/** Nothing waits: neither a request nor a mail. */
export const emptyQueues = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`delete from recovery_requests`
  yield* sql`delete from confirmation_requests`
  yield* sql`delete from email_change_requests`
  yield* sql`delete from outbox`
})
