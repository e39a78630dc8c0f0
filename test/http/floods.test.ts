import { assert } from "@effect/vitest"
import { Effect, Layer, Option, Redacted } from "effect"
import { WatchedHasher } from "../passwords/doubles.ts"
import { type Answer, assertError, bearer, type Client } from "../support/client.ts"
import { codeIn, onPostgres, Service, startService } from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"

const times = (count: number) => Array.from({ length: count }, (_, index) => index)

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

onPostgres("a flood", Service.layerWatched({ settings: { rateLimit: false } }), (it) => {
  it.effect("of 1,000 resets with bad codes hashes nothing (E6)", () =>
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

  it.effect("of wrong codes leaves a live one alive (E3)", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { email } = yield* service.register()
      const code = yield* service.codeFor(email)
      yield* Effect.all(
        times(1000).map((index) => service.check(`${index}${code.slice(String(index).length)}`)),
        { concurrency: 100 }
      )
      assert.strictEqual((yield* service.reset(code, "a new long phrase")).status, 200)
    })
  )
})

const token = "a-token-of-the-tests-that-is-long-enough"
const narrow = {
  rateLimit: false,
  metricsToken: Option.some(Redacted.make(token)),
  // A hash of some 20 ms, so that a queue forms.
  hashing: { cost: { memoryKib: 19_456, iterations: 2, parallelism: 1 }, concurrency: 1, queueLimit: 4 }
}

onPostgres("a flood of resets with good codes", Service.layer({ settings: narrow }), (it) => {
  const queueLength = Effect.fnUntraced(function* (service: Client) {
    const { text } = yield* service.get("/metrics", bearer(token))
    return Number(/^rekey_hash_queue_length (\d+)$/m.exec(text)?.[1])
  })

  it.effect("is hashed within bounds, the surplus gets 503 with Retry-After (E7)", () =>
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

  it.effect("does no harm when each client hangs up at once (E7)", () =>
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

onPostgres("a flood of forgots for one account", Layer.empty, (it) => {
  it.effect("is a bounded number of mails, delays nobody else's, and leaves the newest code good (E4)", () =>
    Effect.gen(function* () {
      const service = yield* startService({
        settings: { rateLimit: false, resetLimits: { codeTtlMillis: 1_800_000, cooldownMillis: 0, hourlyCap: 5 } }
      })
      const mails = yield* MailServer
      const victim = yield* service.register()
      const other = yield* service.register()
      const flood = Effect.all(
        times(1000).map(() => service.forgot(victim.email)),
        { concurrency: 100 }
      )
      const [, code] = yield* Effect.all([flood, Effect.delay(service.codeFor(other.email), "50 millis")], {
        concurrency: 2
      })
      assert.strictEqual((yield* service.reset(code, "a new long phrase")).status, 200)
      // Whoever asks after the flood is behind all of it.
      const late = yield* service.register()
      yield* service.codeFor(late.email)
      const received = (yield* mails.arrived).filter(({ envelope }) => envelope.to.includes(victim.email))
      assert.isAtLeast(received.length, 1)
      assert.isAtMost(received.length, 5)
      const codes = received.map(({ parsed }) => codeIn(parsed.text ?? ""))
      const statuses = yield* Effect.forEach(codes, (code) => Effect.map(service.check(code), ({ status }) => status))
      assert.lengthOf(
        statuses.filter((status) => status === 200),
        1
      )
    })
  )
})
