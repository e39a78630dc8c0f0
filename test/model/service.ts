import { NodeCrypto } from "@effect/platform-node"
import { Context, Effect, Layer, Option, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { AccountRepository } from "../../src/accounts/AccountRepository.ts"
import { Accounts } from "../../src/accounts/Accounts.ts"
import { Confirmations } from "../../src/accounts/Confirmations.ts"
import { ConfirmationWorker } from "../../src/accounts/ConfirmationWorker.ts"
import { GuessLimits } from "../../src/accounts/GuessLimits.ts"
import { SessionRepository } from "../../src/accounts/SessionRepository.ts"
import { Sessions } from "../../src/accounts/Sessions.ts"
import { SessionTokens } from "../../src/accounts/SessionTokens.ts"
import { Email, emailKey } from "../../src/domain/Email.ts"
import type { Password } from "../../src/domain/Password.ts"
import type { ResetCode } from "../../src/domain/ResetCode.ts"
import type { SessionToken } from "../../src/domain/Session.ts"
import { Username, usernameKey } from "../../src/domain/User.ts"
import { type ClaimedResetCode, Outbox } from "../../src/mail/Outbox.ts"
import { OutboxWorker } from "../../src/mail/OutboxWorker.ts"
import { BreachCheck } from "../../src/passwords/BreachCheck.ts"
import { PasswordHasher } from "../../src/passwords/PasswordHasher.ts"
import { PasswordPolicy } from "../../src/passwords/PasswordPolicy.ts"
import { PasswordReset } from "../../src/recovery/PasswordReset.ts"
import { RecoveryRequests, ResetCodes } from "../../src/recovery/ResetCodes.ts"
import { AppSecret } from "../../src/secrets/AppSecret.ts"
import { ResetCodeMint } from "../../src/secrets/ResetCodeMint.ts"
import * as AccountRepositorySql from "../../src/sql/AccountRepositorySql.ts"
import * as OutboxSql from "../../src/sql/OutboxSql.ts"
import * as RecoveryRequestsSql from "../../src/sql/RecoveryRequestsSql.ts"
import * as ResetCodesSql from "../../src/sql/ResetCodesSql.ts"
import * as SessionRepositorySql from "../../src/sql/SessionRepositorySql.ts"
import * as TrailStoreSql from "../../src/sql/TrailStoreSql.ts"
import { Trail } from "../../src/trail/Trail.ts"
import { cheapHashing } from "../passwords/doubles.ts"
import { timePasses } from "../support/databases.ts"
import { limits, names, type Operation, type Outcome, sessionTtlMillis, type View } from "./model.ts"
import { gated } from "./turns.ts"

/** A code or a session that came out of an operation; the model names it by its place among all. */
export type Made =
  | { readonly _tag: "Code"; readonly hash: string; readonly code: ResetCode }
  | { readonly _tag: "Session"; readonly token: SessionToken }

export interface Told {
  readonly outcome: Outcome
  readonly made: ReadonlyArray<Made>
}

/** The real services, as far as the model knows them, on an empty database. */
export class World extends Context.Service<
  World,
  {
    /** Forgets everybody and everything. */
    readonly clear: Effect.Effect<void>
    perform(operation: Operation): Effect.Effect<Told>
    /** Keeps what was and what comes apart, since PGlite's clock has milliseconds alone. */
    readonly tick: Effect.Effect<void>
    /** Gives what was made the next place. */
    keep(made: ReadonlyArray<Made>): Effect.Effect<void>
    readonly view: Effect.Effect<View>
  }
>()("rekey/test/World") {}

const gate = <Identifier, Service extends object, E, R>(
  key: Context.Key<Identifier, Service>,
  layer: Layer.Layer<Identifier, E, R>
): Layer.Layer<Identifier, E, R> => Layer.effect(key, Effect.map(key, gated)).pipe(Layer.provide(layer))

const Stores = Layer.mergeAll(
  gate(AccountRepository, AccountRepositorySql.layer),
  gate(SessionRepository, SessionRepositorySql.layer),
  gate(ResetCodes, ResetCodesSql.layer),
  RecoveryRequestsSql.layer,
  OutboxSql.layer
).pipe(Layer.provideMerge(Trail.layer), Layer.provide(TrailStoreSql.layer))

/** Mails are delivered when the model says so. */
const NoWorker = Layer.succeed(OutboxWorker, OutboxWorker.of({ wake: Effect.void, rehearse: () => Effect.void }))

const Passwords = Layer.merge(
  gate(PasswordHasher, PasswordHasher.layer(cheapHashing)),
  PasswordPolicy.layer({ minLength: 8, maxLength: 256, maxBytes: Option.none(), appName: "Rekey" }).pipe(
    Layer.provide(BreachCheck.layerOff)
  )
)

const Secrets = Layer.merge(ResetCodeMint.layer, SessionTokens.layer).pipe(
  Layer.provide(AppSecret.layer([Redacted.make("a secret of the model, long enough to be one")]))
)

const Crypto = Layer.mergeAll(
  NodeCrypto.layerDigest,
  NodeCrypto.layerKdf,
  NodeCrypto.layerMac,
  NodeCrypto.layerSecureRandom
)

/** Where no address has to be confirmed nobody calls it. */
const NoConfirmation = Layer.merge(
  Layer.mock(Confirmations, {}),
  Layer.succeed(ConfirmationWorker, ConfirmationWorker.of({ wake: Effect.void }))
)

const UseCases = Layer.merge(
  Accounts.layer({ registration: true, users: Option.none(), emailConfirmation: { required: false, ttlMillis: 0 } }),
  PasswordReset.layer({ signInAfterReset: false })
).pipe(
  Layer.provideMerge(Sessions.layer({ ttlMillis: sessionTtlMillis })),
  Layer.provideMerge(Passwords),
  Layer.provideMerge(GuessLimits.layerOff),
  Layer.provideMerge(Secrets),
  Layer.provideMerge(Stores),
  Layer.provide([NoWorker, NoConfirmation]),
  Layer.provideMerge(Crypto)
)

const usernameOf = (name: number) => Username.make(`person ${name}`)
const emailOf = (name: number) => Email.make(`person${name}@example.com`)
const nameOf = (email: string) => names.find((name) => emailOf(name) === email)
const secret = (value: string): Password => Redacted.make(value)
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex")

const nobodysCode: ResetCode = Redacted.make("x".repeat(43))
const nobodysToken: SessionToken = Redacted.make("nobody's")

const only = (_tag: string): Told => ({ outcome: { _tag }, made: [] })
const refused = (error: { readonly _tag: string }): Told => only(error._tag)
const signedIn = ({ jwt, user }: { readonly jwt: SessionToken; readonly user: { readonly email: string } }): Told => ({
  outcome: { _tag: "SignedIn", name: nameOf(user.email) },
  made: [{ _tag: "Session", token: jwt }]
})

export const WorldLayer = Layer.effect(
  World,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const accounts = yield* Accounts
    const sessions = yield* Sessions
    const resets = yield* PasswordReset
    const requests = yield* RecoveryRequests
    const outbox = yield* Outbox
    const mint = yield* ResetCodeMint
    const repository = yield* AccountRepository
    const hasher = yield* PasswordHasher

    const codes: Array<Extract<Made, { _tag: "Code" }>> = []
    const tokens: Array<SessionToken> = []
    const passwords = new Set<string>()
    /** What a stored hash is of, verified once. */
    const verified = new Map<string, string>()

    const codeAt = (place: number) => codes[place]?.code ?? nobodysCode
    const tokenAt = (place: number) => tokens[place] ?? nobodysToken

    const issue = Effect.gen(function* () {
      const fresh = yield* mint.fresh
      const taken = Option.map(yield* requests.takeNext(fresh, limits), ({ outcome }) => outcome)
      const outcome = Option.getOrElse(taken, () => "None")
      if (outcome !== "Issued") return only(outcome)
      const code = Option.getOrThrow(yield* mint.derive(fresh))
      const [owner] = yield* sql<{ readonly email: string }>`
        select u.email from reset_codes c join users u on u.id = c.user_id where c.code_hash = ${fresh.codeHash}`
      const told: Told = {
        outcome: { _tag: "Issued", name: nameOf(owner?.email ?? "") },
        made: [{ _tag: "Code", hash: hex(fresh.codeHash), code }]
      }
      return told
    })

    const deliver = Effect.gen(function* () {
      // Of one account, one after the other.
      const claimed: Array<ClaimedResetCode> = []
      for (let more = yield* outbox.claim(100, 60_000); more.length > 0; more = yield* outbox.claim(100, 60_000)) {
        claimed.push(...more.filter((mail) => mail.kind === "reset-code"))
        for (const mail of more) {
          const ended = mail.kind === "reset-code" && !mail.codeLives
          yield* ended ? outbox.drop(mail.id, "code-ended") : outbox.sent(mail.id)
        }
      }
      claimed.sort((one, other) => Number(one.id - other.id))
      const mails = yield* Effect.forEach(claimed, (mail) =>
        Effect.gen(function* () {
          const code = codes.findIndex(({ hash }) => hash === hex(mail.code.codeHash))
          const derived = Option.getOrThrow(yield* mint.derive(mail.code))
          if (Redacted.value(derived) !== Redacted.value(codeAt(code)))
            return yield* Effect.die("Another code was mailed.")
          return { code, name: nameOf(mail.recipient) ?? -1, lives: mail.codeLives }
        })
      )
      const told: Told = { outcome: { _tag: "Delivered", mails }, made: [] }
      return told
    })

    const withSession = <E extends { readonly _tag: string }>(
      place: number,
      act: (authenticated: Effect.Success<ReturnType<typeof sessions.authenticate>>) => Effect.Effect<Told, E>
    ) =>
      sessions
        .authenticate(tokenAt(place))
        .pipe(
          Effect.flatMap(act),
          Effect.matchEffect({ onFailure: (error) => Effect.succeed(refused(error)), onSuccess: Effect.succeed })
        )

    const run = (operation: Operation): Effect.Effect<Told, { readonly _tag: string }> => {
      switch (operation._tag) {
        case "Register": {
          const { name, password } = operation
          return Effect.map(
            accounts.register({ username: usernameOf(name), email: emailOf(name), password: secret(password) }),
            (registered) => signedIn(Option.getOrThrow(registered))
          )
        }
        case "SignIn": {
          const { byUsername, name, password } = operation
          const identifier = byUsername ? usernameOf(name) : emailOf(name)
          return Effect.map(accounts.signIn({ identifier, password: secret(password) }), signedIn)
        }
        case "Forgot":
          return Effect.as(requests.add(emailKey(emailOf(operation.name))), only("Done"))
        case "Work":
          return issue
        case "Deliver":
          return deliver
        case "Check":
          return Effect.as(resets.check(codeAt(operation.code)), only("Live"))
        case "Reset": {
          const password = secret(operation.password)
          return Effect.map(
            resets.reset({ code: codeAt(operation.code), password, passwordConfirmation: password }),
            ({ user }): Told => ({ outcome: { _tag: "Reset", name: nameOf(user.email) }, made: [] })
          )
        }
        case "ChangePassword": {
          const password = secret(operation.password)
          const change = { currentPassword: secret(operation.current), password, passwordConfirmation: password }
          // The session goes on, and so does its place.
          return withSession(operation.session, (authenticated) =>
            Effect.map(accounts.changePassword(authenticated, change), (changed) => ({
              ...signedIn(changed),
              made: []
            }))
          )
        }
        case "Authenticate":
          return withSession(operation.session, ({ user }) =>
            Effect.succeed({ outcome: { _tag: "Authenticated", name: nameOf(user.email) }, made: [] })
          )
        case "SignOut":
          return withSession(operation.session, (authenticated) =>
            Effect.as(sessions.signOut(authenticated), only("Done"))
          )
        case "EndOthers":
          return withSession(operation.session, (authenticated) =>
            Effect.as(sessions.endOthers(authenticated), only("Done"))
          )
        case "Block":
          return Effect.as(
            sql`update users set blocked = ${operation.blocked} where email = ${emailOf(operation.name)}`,
            only("Done")
          )
        case "Delete":
          return Effect.as(sql`delete from users where email = ${emailOf(operation.name)}`, only("Done"))
        case "Pass":
          return Effect.as(
            timePasses(`${operation.seconds} seconds`).pipe(Effect.provideService(SqlClient.SqlClient, sql)),
            only("Done")
          )
      }
    }

    const perform = (operation: Operation) => {
      if ("password" in operation) passwords.add(operation.password)
      return Effect.catch(run(operation), (error) => Effect.succeed(refused(error)))
    }

    const passwordOf = Effect.fnUntraced(function* (hash: Parameters<typeof hasher.verify>[1]) {
      const known = verified.get(Redacted.value(hash))
      if (known !== undefined) return known
      for (const password of passwords) {
        const { matches } = yield* Effect.orDie(hasher.verify(secret(password), hash))
        if (!matches) continue
        verified.set(Redacted.value(hash), password)
        return password
      }
      return "none that was ever set"
    })

    const accountView = Effect.fnUntraced(function* (name: number) {
      const found = yield* Effect.orDie(repository.find({ _tag: "Username", key: usernameKey(usernameOf(name)) }))
      if (Option.isNone(found)) return undefined
      const { passwordHash, user } = found.value
      return { password: yield* passwordOf(passwordHash), confirmed: user.confirmed, blocked: user.blocked }
    })

    const requestsView = sql<{ readonly emailKey: string; readonly outdated: boolean }>`
      select r.email_key, coalesce(u.password_changed_at > r.asked_at, false) as outdated
      from recovery_requests r left join users u using (email_key) order by r.id`

    return World.of({
      clear: Effect.gen(function* () {
        yield* sql`delete from users`
        yield* sql`delete from recovery_requests`
        for (const list of [codes, tokens]) list.length = 0
        for (const known of [passwords, verified]) known.clear()
      }).pipe(Effect.orDie),
      perform,
      tick: Effect.asVoid(perform({ _tag: "Pass", seconds: 0.001 })),
      keep: (made) =>
        Effect.sync(() => {
          for (const one of made) one._tag === "Code" ? codes.push(one) : tokens.push(one.token)
        }),
      view: Effect.gen(function* () {
        return {
          accounts: yield* Effect.forEach(names, accountView),
          codes: yield* Effect.forEach(codes, (_, place) =>
            Effect.map(perform({ _tag: "Check", code: place }), ({ outcome }) => outcome._tag)
          ),
          sessions: yield* Effect.forEach(tokens, (_, place) =>
            Effect.map(perform({ _tag: "Authenticate", session: place }), ({ outcome }) => outcome.name)
          ),
          requests: (yield* requestsView).map(({ emailKey, outdated }) => ({ name: nameOf(emailKey) ?? -1, outdated }))
        }
      }).pipe(Effect.orDie)
    })
  })
).pipe(Layer.provide(UseCases))
