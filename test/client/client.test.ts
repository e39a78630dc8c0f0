import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { assert, describe, it as plainly } from "@effect/vitest"
import { Data, Effect, Layer, Redacted, Schema } from "effect"
import { FetchHttpClient } from "effect/http"
import { RekeyClient } from "../../src/api/RekeyClient.ts"
import { type ClientOptions, createClient, RekeyError } from "../../src/client/index.ts"
import { Email } from "../../src/domain/Email.ts"
import { Password } from "../../src/domain/Password.ts"
import { ResetCode } from "../../src/domain/ResetCode.ts"
import { SessionId } from "../../src/domain/Session.ts"
import { Username } from "../../src/domain/User.ts"
import { administrators, aliceToken, onBothDatabases, Service } from "../support/service.ts"

const newPassword = "a new long phrase"
const nobodysCode = "x".repeat(43)

class Rejected extends Data.TaggedError("Rejected")<{ readonly error: unknown }> {}

const call = <A>(evaluate: () => Promise<A>) =>
  Effect.tryPromise({ try: evaluate, catch: (error) => new Rejected({ error }) })

/** What a call rejects with. */
const refusal = <A>(evaluate: () => Promise<A>) =>
  call(evaluate).pipe(
    Effect.flip,
    Effect.map(({ error }) => {
      assert.instanceOf(error, RekeyError)
      return error
    })
  )

/** A client of the service, and the token that it shows. */
const signedOut = Effect.map(Service, ({ url }) => {
  const held: { token: string | undefined } = { token: undefined }
  return { held, rekey: createClient({ url, token: () => held.token }) }
})

let people = 0
const somebody = () => {
  const username = `client${process.pid}x${people++}`
  return { username, email: `${username}@example.com`, password: "an old long phrase" }
}

const registered = Effect.gen(function* () {
  const { held, rekey } = yield* signedOut
  const ada = somebody()
  const answer = yield* call(() => rekey.accounts.register(ada))
  assert("jwt" in answer)
  held.token = answer.jwt
  return { ...ada, held, rekey, user: answer.user }
})

onBothDatabases("the client", Service.layerWithInbox({ settings: { administrators } }), (it) => {
  it.effect("recovery: asks for a code, checks it, resets with it", () =>
    Effect.gen(function* () {
      const { codeFor } = yield* Service
      const { email, password, rekey, user } = yield* registered
      const unknown = { email: "nobody@example.com" }
      assert.deepStrictEqual(yield* call(() => rekey.recovery.forgotPassword(unknown)), { ok: true })
      const code = yield* codeFor(email)
      const { expiresAt } = yield* call(() => rekey.recovery.checkResetCode({ code }))
      assert.isAbove(Date.parse(expiresAt), Date.now())
      const reset = { code, password: newPassword, passwordConfirmation: newPassword }
      const answer = yield* call(() => rekey.recovery.resetPassword(reset))
      assert.deepInclude(answer.user, { id: user.id, email, confirmed: true })
      const error = yield* refusal(() => rekey.recovery.resetPassword(reset))
      assert.deepInclude(error, { status: 403, reason: "ResetCodeUsed", details: [] })
      assert.strictEqual((yield* refusal(() => rekey.accounts.signIn({ identifier: email, password }))).status, 400)
    })
  )

  it.effect("accounts: registers, signs in, changes the password, signs out", () =>
    Effect.gen(function* () {
      const { email, held, password, rekey, user } = yield* registered
      assert.deepStrictEqual(yield* call(() => rekey.users.me()), user)
      const again = yield* call(() => rekey.accounts.signIn({ identifier: email, password }))
      assert.deepStrictEqual(again.user, user)
      const changed = yield* call(() =>
        rekey.accounts.changePassword({
          currentPassword: password,
          password: newPassword,
          passwordConfirmation: newPassword
        })
      )
      held.token = changed.jwt
      assert.deepStrictEqual(yield* call(() => rekey.accounts.signOut()), { ok: true })
      const error = yield* refusal(() => rekey.users.me())
      assert.deepInclude(error, { status: 401, reason: "Unauthenticated" })
      assert.match(String(error.requestId), /^[0-9a-f-]{36}$/)
    })
  )

  it.effect("accounts: asks for a confirmation, and is told that a code is nobody's", () =>
    Effect.gen(function* () {
      const { email, rekey } = yield* registered
      assert.deepStrictEqual(yield* call(() => rekey.accounts.sendEmailConfirmation({ email })), { ok: true })
      const error = yield* refusal(() => rekey.accounts.confirmEmail({ code: nobodysCode }))
      assert.deepInclude(error, { status: 404, reason: "ConfirmationCodeNotFound" })
    })
  )

  it.effect("sessions: lists them, ends one, ends all others", () =>
    Effect.gen(function* () {
      const { email, password, rekey } = yield* registered
      const signIn = call(() => rekey.accounts.signIn({ identifier: email, password }))
      yield* Effect.all([signIn, signIn])
      const { sessions } = yield* call(() => rekey.sessions.list())
      assert.deepStrictEqual(
        sessions.map(({ current }) => current),
        [true, false, false]
      )
      const id = sessions[1]?.id ?? ""
      assert.deepStrictEqual(yield* call(() => rekey.sessions.endOne({ id })), { ok: true })
      assert.strictEqual((yield* refusal(() => rekey.sessions.endOne({ id }))).reason, "SessionNotFound")
      assert.lengthOf((yield* call(() => rekey.sessions.list())).sessions, 2)
      assert.deepStrictEqual(yield* call(() => rekey.sessions.endOthers()), { ok: true })
      assert.lengthOf((yield* call(() => rekey.sessions.list())).sessions, 1)
    })
  )

  it.effect("users: lists what happened, a page at a time", () =>
    Effect.gen(function* () {
      const { rekey } = yield* registered
      const { events, next } = yield* call(() => rekey.users.events({}))
      assert.deepStrictEqual(
        events.map(({ event }) => event),
        ["sign-in", "account.registered"]
      )
      assert.isNull(next)
      assert.lengthOf((yield* call(() => rekey.users.events({ before: "0" }))).events, 0)
      assert.strictEqual((yield* refusal(() => rekey.users.events({ before: "a&b" }))).reason, "InvalidRequest")
    })
  )

  it.effect("users and accounts: exports an account, and deletes it", () =>
    Effect.gen(function* () {
      const { email, password, rekey } = yield* registered
      const { events, user } = yield* call(() => rekey.users.export())
      assert.deepStrictEqual([user.email, events[0]?.event], [email, "account.exported"])
      const wrong = yield* refusal(() => rekey.accounts.deleteAccount({ currentPassword: "not the phrase" }))
      assert.strictEqual(wrong.reason, "InvalidCredentials")
      assert.deepStrictEqual(yield* call(() => rekey.accounts.deleteAccount({ currentPassword: password })), {
        ok: true
      })
      assert.strictEqual((yield* refusal(() => rekey.users.me())).reason, "Unauthenticated")
    })
  )

  it.effect("sessions: takes no id that would name another endpoint, such as the one that ends all", () =>
    Effect.gen(function* () {
      const { email, password, rekey } = yield* registered
      yield* call(() => rekey.accounts.signIn({ identifier: email, password }))
      for (const id of ["", ".", ".."]) {
        const error = yield* refusal(() => rekey.sessions.endOne({ id }))
        assert.deepInclude(error, { status: 0, reason: "InvalidRequest" })
      }
      for (const id of ["/", "../sessions", "?", "#", "%2e", "a/b"]) {
        assert.isAtLeast((yield* refusal(() => rekey.sessions.endOne({ id }))).status, 400)
      }
      assert.lengthOf((yield* call(() => rekey.sessions.list())).sessions, 2)
    })
  )

  it.effect("system and administration", () =>
    Effect.gen(function* () {
      const { email, held, rekey } = yield* registered
      assert.deepStrictEqual(yield* call(() => rekey.system.health()), { ok: true })
      assert.deepStrictEqual(yield* call(() => rekey.system.ready()), { ok: true })
      const send = () => rekey.administration.sendResetCode({ identifier: email })
      assert.strictEqual((yield* refusal(send)).reason, "Unauthenticated")
      held.token = aliceToken
      assert.deepStrictEqual(yield* call(send), { ok: true })
    })
  )

  it.effect("says which fields are at fault, and repeats no value", () =>
    Effect.gen(function* () {
      const { rekey } = yield* signedOut
      const error = yield* refusal(() => rekey.accounts.register({ ...somebody(), email: "a-secret-no-address" }))
      assert.deepInclude(error, { name: "RekeyError", status: 400, reason: "InvalidRequest" })
      assert.deepStrictEqual(error.details, [
        { path: ["email"], message: "Must be one e-mail address, such as ada@example.com." }
      ])
      const short = { code: nobodysCode, password: "short", passwordConfirmation: "short" }
      const refused = yield* refusal(() => rekey.recovery.resetPassword(short))
      assert.strictEqual(refused.reason, "PasswordRejected")
      assert.deepStrictEqual(refused.details[0]?.path, ["password"])
      for (const { details, message, stack } of [error, refused]) {
        assert.notMatch(JSON.stringify([details, message, stack]), new RegExp(`a-secret|${nobodysCode}`))
      }
    })
  )
})

onBothDatabases(
  "the client of a service with limits",
  Service.layerWithInbox({ settings: { rateLimit: true } }),
  (it) => {
    it.effect("says when to try again", () =>
      Effect.gen(function* () {
        const { rekey } = yield* signedOut
        const forgot = () => rekey.recovery.forgotPassword({ email: "nobody@example.com" })
        yield* Effect.forEach(Array.from({ length: 10 }), () => call(forgot))
        const error = yield* refusal(forgot)
        assert.deepInclude(error, { status: 429, reason: "RateLimited" })
        assert.isAbove(error.retryAfterSeconds ?? 0, 0)
        assert.isAtMost(error.retryAfterSeconds ?? 0, 60)
      })
    )
  }
)

/** The URL of a server that isn't Rekey, and what it was asked. */
const stranger = Effect.fnUntraced(function* (status: number, headers: Record<string, string>, text: string) {
  const asked: Array<string> = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    response.writeHead(status, headers).end(text)
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  )
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mounted/`, asked }
})

/** The address of nobody: a port that was just closed. */
const nowhere = Effect.map(Effect.scoped(stranger(200, {}, "")), ({ url }) => url)

describe("the client, where no Rekey answers,", () => {
  const signIn = (options: ClientOptions) => () =>
    createClient(options).accounts.signIn({ identifier: "ada", password: "a-secret" })

  plainly.effect("tells an answer that isn't Rekey's by its status", () =>
    Effect.gen(function* () {
      for (const [status, type, text] of [
        [502, "text/html", "<h1>Bad gateway</h1>"],
        [200, "text/html", "<h1>Welcome to the hotel</h1>"],
        [200, "application/json", "null"],
        [404, "application/json", '{"error":"no such thing"}']
      ] as const) {
        const { asked, url } = yield* stranger(status, { "content-type": type }, text)
        const error = yield* refusal(signIn({ url }))
        assert.deepInclude(error, { status, reason: "UnexpectedAnswer", details: [] })
        assert.deepStrictEqual(asked, ["POST /mounted/auth/local"])
      }
    })
  )

  plainly.effect("follows no redirection, so that a password goes where it was meant to go and nowhere else", () =>
    Effect.gen(function* () {
      const elsewhere = yield* stranger(200, {}, "{}")
      const { url } = yield* stranger(307, { location: elsewhere.url }, "")
      assert.deepInclude(yield* refusal(signIn({ url })), { status: 0, reason: "NoAnswer" })
      assert.isEmpty(elsewhere.asked)
    })
  )

  plainly.effect("tells that nobody answers", () =>
    Effect.gen(function* () {
      const error = yield* refusal(signIn({ url: yield* nowhere }))
      assert.deepInclude(error, { status: 0, reason: "NoAnswer" })
      assert.instanceOf(error.cause, Error)
    })
  )

  plainly.effect("rejects with the reason of the caller who aborts", () =>
    Effect.gen(function* () {
      const url = yield* nowhere
      const reason = new Error("the page was left")
      const signal = AbortSignal.abort(reason)
      const { error } = yield* Effect.flip(call(() => createClient({ url }).system.health({ signal })))
      assert.strictEqual(error, reason)
    })
  )
})

onBothDatabases("the client for Effect programs", Service.layerWithInbox({ settings: { administrators } }), (it) => {
  const clientWith = (token: string) =>
    Effect.flatMap(Service, ({ url }) =>
      Effect.map(
        Layer.build(
          RekeyClient.layer({ url, token: Effect.succeed(Redacted.make(token)) }).pipe(
            Layer.provide(FetchHttpClient.layer)
          )
        ),
        (context) => RekeyClient.pipe(Effect.provide(context))
      )
    ).pipe(Effect.flatten)

  const password = Schema.decodeSync(Password)

  it.effect("gives the domain's values and fails with its errors", () =>
    Effect.gen(function* () {
      const { codeFor, register } = yield* Service
      const ada = yield* register()
      const rekey = yield* clientWith(ada.jwt)
      const me = yield* rekey.users.me()
      assert.strictEqual(me.username, Username.make(ada.username))
      assert.instanceOf(me.createdAt, Date)

      yield* rekey.recovery.forgotPassword({ payload: { email: Email.make("nobody@example.com") } })
      const code = Schema.decodeSync(ResetCode)(yield* codeFor(ada.email))
      yield* rekey.recovery.checkResetCode({ payload: { code } })
      const payload = { code, password: password(newPassword), passwordConfirmation: password(newPassword) }
      const mismatch = { payload: { ...payload, passwordConfirmation: password("another") } }
      assert.strictEqual((yield* Effect.flip(rekey.recovery.resetPassword(mismatch)))._tag, "PasswordMismatch")
      yield* rekey.recovery.resetPassword({ payload })
      assert.strictEqual((yield* Effect.flip(rekey.recovery.resetPassword({ payload })))._tag, "ResetCodeUsed")
      assert.strictEqual((yield* Effect.flip(rekey.users.me()))._tag, "Unauthenticated")
    })
  )

  it.effect("shows its token where one is asked for, an administrator's too", () =>
    Effect.gen(function* () {
      const { register } = yield* Service
      const ada = yield* register()
      const { sessions } = yield* (yield* clientWith(ada.jwt)).sessions.list()
      assert.lengthOf(sessions, 1)
      const id = SessionId.make(sessions[0]?.id ?? "")
      yield* (yield* clientWith(ada.jwt)).sessions.endOne({ params: { id } })
      const administrator = yield* clientWith(aliceToken)
      yield* administrator.administration.sendResetCode({ payload: { identifier: ada.username } })
      const error = yield* Effect.flip(
        administrator.administration.sendResetCode({ payload: { identifier: "nobody" } })
      )
      assert.strictEqual(error._tag, "AccountNotFound")
    })
  )
})
