import { assert } from "@effect/vitest"
import { Effect, Layer, Option, Redacted, Scope } from "effect"
import { trustedProxy } from "../../src/http/clientAddress.ts"
import { limits } from "../../src/http/limits.ts"
import { argon2id, owaspCost } from "../../src/passwords/argon2.ts"
import { WatchedHasher } from "../passwords/doubles.ts"
import { type Answer, assertError, bearer, type Client } from "../support/client.ts"
import {
  codeIn,
  onBothDatabases,
  onPostgres,
  Service,
  startService,
  startServiceWithInbox,
  timePasses
} from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"
import {
  codesOf,
  documentedLimits,
  flood,
  forgotAndDone,
  newPassword,
  nobodysCode,
  processes,
  statusesOf,
  times
} from "./common.ts"

const limited = { rateLimit: true }
const behindProxy = { ...limited, trustedProxies: [Option.getOrThrow(trustedProxy("127.0.0.1"))] }
const from = (address: string) => ({ "x-forwarded-for": address })

const forgotFrom = (client: Client, address: string, email = "nobody@example.com") =>
  client.post("/auth/forgot-password", { email }, from(address))

const assertRefused = (answer: Answer) => {
  assertError(answer, 429, "RateLimited")
  const seconds = Number(answer.headers["retry-after"])
  assert.isTrue(Number.isInteger(seconds) && seconds >= 1 && seconds <= 60, answer.headers["retry-after"])
  assert.strictEqual(answer.headers["ratelimit-remaining"], "0")
}

onBothDatabases("limits", Layer.empty, (it) => {
  it.effect("E1: the addresses of one IPv6 /64 are one client, and those of another are another", () =>
    Effect.gen(function* () {
      const service = yield* startServiceWithInbox({ settings: behindProxy })
      const answers = yield* flood(100, (index) => forgotFrom(service, `2001:db8:0:1:${index.toString(16)}::${index}`))
      assert.deepStrictEqual(statusesOf(answers), { 200: 10, 429: 90 })
      assert.strictEqual((yield* forgotFrom(service, "2001:db8:0:2::1")).status, 200)
      assert.strictEqual((yield* forgotFrom(service, "203.0.113.1")).status, 200)
      assert.strictEqual((yield* forgotFrom(service, "::ffff:203.0.113.1")).headers["ratelimit-remaining"], "8")
    })
  )

  it.effect("E1: what a client writes before its proxy's own words is nobody's address", () =>
    Effect.gen(function* () {
      const service = yield* startServiceWithInbox({ settings: behindProxy })
      const answers = yield* flood(100, (index) =>
        forgotFrom(
          service,
          [
            ["203.0.113.250", "unknown", "127.0.0.1x", "::1%eth0", `198.51.100.${index}`, ""][index % 6],
            "203.0.113.9"
          ].join(", ")
        )
      )
      assert.deepStrictEqual(statusesOf(answers), { 200: limits.forgotPassword, 429: 100 - limits.forgotPassword })
    })
  )

  it.effect("E2: no spelling of an address and no key of a body chooses another bucket", () =>
    Effect.gen(function* () {
      const service = yield* startServiceWithInbox({ settings: behindProxy })
      const bodies = ["A@example.com", "a@EXAMPLE.com ", "b@example.com"].map((email) => ({ email }))
      for (const [index, body] of [...bodies, ...bodies].entries()) {
        const { headers } = yield* service.post(
          "/auth/forgot-password",
          { ...body, ip: `203.0.113.${index}` },
          from("203.0.113.3")
        )
        assert.strictEqual(headers["ratelimit-remaining"], String(9 - index))
      }
      const answers = yield* flood(100, (index) =>
        service.post(
          "/auth/reset-password",
          {
            code: nobodysCode,
            password: "a long phrase",
            passwordConfirmation: "a long phrase",
            email: `${index}@example.com`
          },
          from("203.0.113.3")
        )
      )
      assert.deepStrictEqual(statusesOf(answers), { 404: 20, 429: 80 })
    })
  )

  it.effect("E5: counts end with the window, and are kept over a restart", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const first = yield* Scope.provide(startServiceWithInbox({ settings: behindProxy }), scope)
      yield* flood(11, () => forgotFrom(first, "203.0.113.6"))
      yield* Scope.close(scope, yield* Effect.exit(Effect.void))
      const second = yield* startServiceWithInbox({ settings: behindProxy })
      assertRefused(yield* forgotFrom(second, "203.0.113.6"))
      yield* timePasses("30 seconds")
      const third = yield* startServiceWithInbox({ settings: behindProxy })
      const refused = yield* forgotFrom(third, "203.0.113.6")
      assertRefused(refused)
      assert.isAtMost(Number(refused.headers["retry-after"]), 30)
      yield* timePasses("30 seconds")
      const fourth = yield* startServiceWithInbox({ settings: behindProxy })
      const answer = yield* forgotFrom(fourth, "203.0.113.6")
      assert.strictEqual(answer.status, 200)
      assert.strictEqual(answer.headers["ratelimit-remaining"], "9")
    })
  )
})

onPostgres("limits of processes", Layer.empty, (it) => {
  it.effect("E1: a client without a trusted proxy is one, whatever its headers say", () =>
    Effect.gen(function* () {
      const service = yield* startServiceWithInbox({ settings: limited })
      const answers = yield* flood(1000, (index) =>
        service.post(
          "/auth/forgot-password",
          { email: `somebody${index}@example.com` },
          {
            "x-forwarded-for": `203.0.113.${index % 256}, 2001:db8:${index.toString(16)}::1`,
            forwarded: `for=198.51.100.${index % 256}`,
            "x-real-ip": `198.51.100.${index % 256}`,
            "true-client-ip": `198.51.100.${index % 256}`
          }
        )
      )
      assert.deepStrictEqual(statusesOf(answers), { 200: limits.forgotPassword, 429: 1000 - limits.forgotPassword })
      assert.strictEqual((yield* service.get("/health")).status, 200)
    })
  )

  it.effect("E5: two processes share their counts, and a third that starts when both are gone goes on with them", () =>
    Effect.gen(function* () {
      const { start, started } = yield* processes(2, { RATE_LIMIT: "on", TRUSTED_PROXIES: "127.0.0.1" })
      const answers = yield* flood(200, (index) =>
        forgotFrom(started[index % 2]?.client ?? assert.fail(), "203.0.113.1")
      )
      assert.deepStrictEqual(statusesOf(answers), { 200: limits.forgotPassword, 429: 200 - limits.forgotPassword })
      yield* Effect.forEach(started, ({ server }) => server.stop(), { concurrency: 2 })
      const { client } = yield* start
      assertRefused(yield* forgotFrom(client, "203.0.113.1"))
      assert.strictEqual((yield* forgotFrom(client, "203.0.113.2")).status, 200)
    })
  )
})

/** All at once, while the process keeps saying that it is alive. */
const whileHealthy = Effect.fnUntraced(function* (service: Client, requests: ReadonlyArray<Effect.Effect<Answer>>) {
  let healthy = 0
  const asks = service.get("/health").pipe(
    Effect.tap(({ status }) =>
      Effect.sync(() => {
        assert.strictEqual(status, 200)
        healthy++
      })
    ),
    Effect.delay("10 millis"),
    Effect.forever
  )
  const answers = yield* Effect.raceFirst(Effect.all(requests, { concurrency: 200 }), asks)
  assert.isAbove(healthy, 0)
  return answers
})

onPostgres("limits on guesses", Service.layerWatched({ settings: { rateLimit: false } }), (it) => {
  it.effect("E6: a thousand resets with bad codes cost no hash", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { asked } = yield* WatchedHasher
      const resets = times(1000).map((index) => service.reset(`${index}`.padEnd(43, "x"), "a new long phrase"))
      for (const answer of yield* whileHealthy(service, resets)) {
        // The pool may be waited for too long.
        if (answer.status === 503) assertError(answer, 503, "Unavailable")
        else assertError(answer, 404, "ResetCodeNotFound")
      }
      assert.isEmpty(asked)
    })
  )
})

const token = "a-token-of-the-tests-that-is-long-enough"
const narrow = {
  rateLimit: false,
  metricsToken: Option.some(Redacted.make(token)),
  // A hash of some 20 ms, so that a queue forms.
  hashing: { writes: argon2id(owaspCost), pepper: Option.none(), concurrency: 1, queueLimit: 4 }
}

onPostgres("limits on codes", Service.layer({ settings: behindProxy }), (it) => {
  it.effect("E3: a thousand wrong codes, from as many addresses, leave the live one alive", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { email } = yield* service.register()
      const code = yield* service.codeFor(email)
      const near = (index: number) => `${`${index}`.padEnd(index % 2 === 0 ? 4 : 43, "x")}${code.slice(4)}`
      const guess = (index: number) =>
        service.post(
          index % 2 === 0 ? "/auth/reset-password/check" : "/auth/reset-password",
          { code: near(index), password: newPassword, passwordConfirmation: newPassword },
          from(`203.0.${index >> 8}.${index % 256}`)
        )
      assert.deepStrictEqual(statusesOf(yield* flood(1000, guess)), { 404: 1000 })
      assert.strictEqual((yield* service.check(code)).status, 200)
      assert.strictEqual((yield* service.reset(code, newPassword)).status, 200)
    })
  )
})

onPostgres("limits on hashing", Service.layer({ settings: narrow }), (it) => {
  const queueLength = Effect.fnUntraced(function* (service: Client) {
    const { text } = yield* service.get("/metrics", bearer(token))
    return Number(/^rekey_hash_queue_length (\d+)$/m.exec(text)?.[1])
  })

  it.effect(
    "E7: a thousand resets with good codes are hashed within bounds, the surplus gets 503 with Retry-After",
    () =>
      Effect.gen(function* () {
        const service = yield* Service
        const codes = yield* Effect.forEach(times(20), () =>
          Effect.flatMap(service.register(), ({ email }) => service.codeFor(email))
        )
        const resets = times(1000).map((index) => service.reset(codes[index % 20] ?? "", `a new long phrase ${index}`))
        const answers = yield* whileHealthy(service, resets)
        const surplus = answers.filter(({ status }) => status === 503)
        assert.isAbove(surplus.length, 20)
        for (const { headers, text } of surplus) {
          assert.match(text, /"reason":"(Busy|Unavailable)"/)
          assert.match(String(headers["retry-after"]), /^\d+$/)
        }
        const done = answers.filter(({ status }) => status === 200)
        assert.isAtLeast(done.length, 1)
        assert.isAtMost(done.length, codes.length)
        for (const answer of answers.filter(({ status }) => status !== 200 && status !== 503)) {
          assertError(answer, 403, "ResetCodeUsed")
        }
        assert.strictEqual(yield* queueLength(service), 0)
      })
  )

  it.effect("E7: a thousand resets whose clients hang up at once do no harm", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { email, password } = yield* service.register()
      const code = yield* service.codeFor(email)
      let longest = 0
      const measure = queueLength(service).pipe(
        Effect.tap((length) =>
          Effect.sync(() => {
            longest = Math.max(longest, length)
          })
        ),
        Effect.forever
      )
      const hangingUp = times(1000).map((index) =>
        service.reset(code, `a new long phrase ${index}`).pipe(Effect.timeoutOption("5 millis"))
      )
      yield* Effect.raceFirst(Effect.all(hangingUp, { concurrency: 50 }), measure)
      assert.isAtMost(longest, narrow.hashing.queueLimit)
      const notBusy = (request: Effect.Effect<Answer>) =>
        Effect.repeat(request, { until: ({ status }) => status !== 503 })
      const answer = yield* notBusy(service.reset(code, "the newest long phrase"))
      // Whether one of those that hung up got through first or not, the code is used once and the service works.
      if (answer.status !== 200) assertError(answer, 403, "ResetCodeUsed")
      else assert.strictEqual((yield* notBusy(service.signIn(email, "the newest long phrase"))).status, 200)
      assert.strictEqual((yield* notBusy(service.signIn(email, password))).status, 400)
      assert.strictEqual(yield* queueLength(service), 0)
    })
  )
})

onPostgres("limits on mail", Service.layer({ settings: { resetLimits: documentedLimits } }), (it) => {
  it.effect("E4: past five codes an hour none is made while one lives, and the owner is never locked out", () =>
    Effect.gen(function* () {
      const { check, codeFor, register, reset } = yield* Service
      const { email, id } = yield* register()
      let code = ""
      for (let time = 0; time < 5; time++) {
        code = yield* codeFor(email)
        yield* timePasses("61 seconds")
      }
      yield* forgotAndDone(email)
      assert.strictEqual(yield* codesOf(id), 5)
      assert.strictEqual((yield* check(code)).status, 200)
      // The newest is over, and the cap isn't: still there is a way in.
      yield* timePasses("30 minutes")
      assertError(yield* check(code), 403, "ResetCodeExpired")
      code = yield* codeFor(email)
      assert.strictEqual((yield* reset(code, newPassword)).status, 200)
    })
  )

  it.effect("E4: a thousand requests for one account are a bounded number of mails, and delay nobody else's", () =>
    Effect.gen(function* () {
      const service = yield* startService({ settings: { resetLimits: { ...documentedLimits, cooldownMillis: 0 } } })
      const mails = yield* MailServer
      const victim = yield* service.register()
      const other = yield* service.register()
      const [answers, code] = yield* Effect.all(
        [
          flood(1000, () => service.forgot(victim.email), { concurrency: 100 }),
          Effect.delay(service.codeFor(other.email), "50 millis")
        ],
        { concurrency: 2 }
      )
      assert.deepStrictEqual(statusesOf(answers), { 200: 1000 })
      assert.strictEqual((yield* service.reset(code, newPassword)).status, 200)
      // Whoever asks after the flood is behind all of it.
      yield* service.codeFor((yield* service.register()).email)
      const toVictim = Effect.map(mails.arrived, (arrived) =>
        arrived
          .filter(({ envelope }) => envelope.to.includes(victim.email))
          .map(({ parsed }) => codeIn(parsed.text ?? ""))
      )
      const live = Effect.flatMap(toVictim, (codes) =>
        Effect.filter(codes, (code) => Effect.map(service.check(code), ({ status }) => status === 200))
      )
      const [newest, ...others] = yield* Effect.repeat(live, { until: (codes) => codes.length > 0 })
      assert.isEmpty(others)
      assert.isAtMost((yield* toVictim).length, documentedLimits.hourlyCap)
      assert.strictEqual((yield* service.reset(newest ?? "", newPassword)).status, 200)
    })
  )

  it.effect("E4: at no minute of an hour of flood is the owner without a way in", () =>
    Effect.gen(function* () {
      const { check, register, reset } = yield* Service
      const mails = yield* MailServer
      const { email, id } = yield* register()
      let newest = ""
      let mailed = 0
      for (let minute = 0; minute < 66; minute += 3) {
        yield* forgotAndDone(email)
        for (; mailed < ((yield* codesOf(id)) ?? 0); mailed++) {
          newest = codeIn((yield* mails.next(email)).parsed.text ?? "")
        }
        assert.strictEqual((yield* check(newest)).status, 200, `in minute ${minute}`)
        yield* timePasses("3 minutes")
      }
      assert.isAtMost(mailed, 2 * documentedLimits.hourlyCap)
      assert.strictEqual((yield* reset(newest, newPassword)).status, 200)
    })
  )
})

onPostgres("limits on passwords", Service.layerWatched(), (it) => {
  it.effect(
    "E6: a reset that can't succeed costs no hash: a wrong code, a superseded one, a mismatch, a short or long password",
    () =>
      Effect.gen(function* () {
        const { codeFor, post, register, reset } = yield* Service
        const { asked } = yield* WatchedHasher
        const { email } = yield* register()
        const [former = "", code = ""] = yield* Effect.all([codeFor(email), codeFor(email)])
        const { length } = asked
        yield* reset(nobodysCode, newPassword)
        yield* reset(former, newPassword)
        yield* reset(code, "short")
        yield* reset(code, "x".repeat(60_000))
        yield* post("/auth/reset-password", { code, password: newPassword, passwordConfirmation: "another" })
        assert.deepStrictEqual(asked.slice(length), [])
        yield* reset(code, newPassword)
        yield* reset(code, newPassword)
        assert.deepStrictEqual(asked.slice(length), ["hash"])
      })
  )

  it.effect("E8: a password of a megabyte is refused at each door before anything is hashed", () =>
    Effect.gen(function* () {
      const { changePassword, codeFor, post, register, reset, send, signIn } = yield* Service
      const { asked } = yield* WatchedHasher
      const { email, jwt, password } = yield* register()
      const code = yield* codeFor(email)
      const { length } = asked
      const megabyte = "x".repeat(1_000_000)
      const newcomer = { username: "newcomer", email: "newcomer@example.com" }
      for (const answer of [
        yield* reset(code, megabyte),
        yield* signIn(email, megabyte),
        yield* changePassword(jwt, password, megabyte),
        yield* changePassword(jwt, megabyte, newPassword),
        yield* post("/auth/local/register", { ...newcomer, password: megabyte })
      ]) {
        assertError(answer, 413, "PayloadTooLarge")
      }
      // As large as a request may be.
      for (const long of ["x".repeat(20_000), "\u00e9".repeat(257), "\u{1f408}".repeat(257), "e\u0301".repeat(2_000)]) {
        assertError(yield* reset(code, long), 400, "PasswordRejected")
        assertError(yield* post("/auth/local/register", { ...newcomer, password: long }), 400, "PasswordRejected")
        const page = yield* send("POST", "/reset-password", {
          headers: { "content-type": "application/x-www-form-urlencoded", cookie: `rekey_reset_code=${code}` },
          body: new URLSearchParams({ password: long, passwordConfirmation: long }).toString().slice(0, 65_000)
        })
        assert.strictEqual(page.status, 400)
      }
      assert.lengthOf(asked, length)
      assert.strictEqual((yield* reset(code, newPassword)).status, 200)
    })
  )
})
