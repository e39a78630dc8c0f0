import { Clock, Context, Data, Effect, Layer, Metric, Stream } from "effect"
import { Digest } from "effect/crypto"
import { Hex } from "effect/encoding"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import { Unavailable } from "../domain/Failure.ts"
import { normalized, type Password } from "../domain/Password.ts"

/** For the question as a whole, connecting included. */
const patience = "1 second"

/** In bytes, of the decoded body. A range of Have I Been Pwned is some 40 kB, padding included. */
const largestAnswer = 1024 * 1024

/** Hexadecimal digits of the SHA-1 that leave the house: some thousand known passwords share any five (k-anonymity). */
const prefixLength = 5

const line = /^([0-9A-F]{35}):(\d{1,15})$/i

/** Outages closer together are one. */
const outageGapMillis = 60_000

const outages = Metric.counter("rekey_breach_check_outages_total", {
  description: "Passwords that could not be checked for breaches",
  incremental: true
})

/** Why a password couldn't be checked, without a word of the question. */
class NotChecked extends Data.TaggedError("NotChecked")<{ readonly reason: string }> {}

/** Whether a password is known from a breach elsewhere (NIST SP 800-63B-4, 3.1.1.2). */
export class BreachCheck extends Context.Service<
  BreachCheck,
  {
    isBreached(password: Password): Effect.Effect<boolean, Unavailable>
  }
>()("rekey/passwords/BreachCheck") {
  /** Nothing is asked. */
  static readonly layerOff = Layer.succeed(BreachCheck, BreachCheck.of({ isBreached: () => Effect.succeed(false) }))

  /**
   * Asks a range API in the manner of Have I Been Pwned: five digits of the password's SHA-1 out, all the suffixes known under
   * them back, padded so that the length of the answer says nothing. Where no answer comes within a second, or one that isn't
   * of this form, `open` lets the password pass and `closed` is `Unavailable`.
   *
   * What is hashed is the UTF-8 of the NFC form. Have I Been Pwned hashed what leaked, as it leaked: a keyboard's ordinary
   * output is NFC, and it is the form that our own hash is made of.
   *
   * The client must not follow redirects: where one leads, a prefix would follow.
   */
  static readonly layer = ({ onOutage, url }: { readonly url: URL; readonly onOutage: "open" | "closed" }) =>
    Layer.effect(
      BreachCheck,
      Effect.gen(function* () {
        const client = yield* HttpClient.HttpClient
        const digest = yield* Digest.Digest
        const outage = makeOutage()
        const utf8 = new TextEncoder()

        const suffixesUnder = Effect.fnUntraced(
          function* (prefix: string) {
            const range = new URL(url)
            range.pathname = `${range.pathname.replace(/\/$/, "")}/${prefix}`
            const response = yield* client.execute(
              HttpClientRequest.get(range, { headers: { "add-padding": "true", "user-agent": "Rekey" } })
            )
            if (response.status !== 200) return yield* new NotChecked({ reason: `status ${response.status}` })
            return yield* knownSuffixes(yield* bounded(response.stream))
          },
          Effect.catchTag("HttpClientError", () => new NotChecked({ reason: "no connection, or a broken one" })),
          Effect.timeoutOrElse({
            duration: patience,
            orElse: () => new NotChecked({ reason: `no whole answer within ${patience}` })
          }),
          // A span with the prefix below one with the account would narrow the password down, and our trace is nobody else's.
          Effect.provideService(HttpClient.TracerDisabledWhen, () => true)
        )

        const isBreached = Effect.fn("BreachCheck.isBreached")(
          function* (password: Password) {
            const hash = Hex.encode(yield* Effect.orDie(digest.digest(Digest.sha1, utf8.encode(normalized(password)))))
            const sha1 = hash.toUpperCase()
            const suffixes = yield* suffixesUnder(sha1.slice(0, prefixLength))
            yield* outage.answered
            return suffixes.has(sha1.slice(prefixLength))
          },
          Effect.catchTag("NotChecked", ({ reason }) =>
            Metric.update(outages, 1).pipe(
              Effect.andThen(outage.met(reason)),
              Effect.andThen(onOutage === "open" ? Effect.succeed(false) : new Unavailable())
            )
          )
        )

        return BreachCheck.of({ isBreached })
      })
    )
}

/** The text of a body, as far as it is no larger than it may be. */
const bounded = Effect.fnUntraced(function* <E>(body: Stream.Stream<Uint8Array, E>) {
  const chunks: Array<Uint8Array> = []
  let size = 0
  yield* Stream.runForEach(body, (chunk) => {
    size += chunk.length
    chunks.push(chunk)
    return size > largestAnswer ? new NotChecked({ reason: "the answer is too large" }) : Effect.void
  })
  return Buffer.concat(chunks).toString("latin1")
})

/** The suffixes with a count: those with none are padding. */
const knownSuffixes = Effect.fnUntraced(function* (text: string) {
  const known = new Set<string>()
  for (const entry of text.replace(/\r?\n$/, "").split(/\r?\n/)) {
    const [, suffix, count] = line.exec(entry) ?? []
    if (suffix === undefined) return yield* new NotChecked({ reason: "the answer isn't a range of hashes" })
    if (Number(count) > 0) known.add(suffix.toUpperCase())
  }
  return known
})

/** Logs an outage when it begins and when it is over, not each password that it meets. */
const makeOutage = () => {
  let lastMet: number | undefined
  return {
    met: (reason: string) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const known = lastMet !== undefined
        lastMet = now
        return known ? Effect.void : Effect.logWarning("Passwords can't be checked for breaches now", { reason })
      }),
    answered: Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (lastMet === undefined || now - lastMet < outageGapMillis) return Effect.void
      lastMet = undefined
      return Effect.logInfo("Passwords can be checked for breaches again")
    })
  }
}
