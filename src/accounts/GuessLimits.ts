import { Context, Effect, Layer, Metric } from "effect"
import { clientNetwork } from "../domain/ClientNetwork.ts"
import { type Busy, RateLimited, type Unavailable } from "../domain/Failure.ts"
import { CurrentOrigin } from "../domain/Origin.ts"
import type { SessionId } from "../domain/Session.ts"
import type { InvalidCredentials } from "../domain/User.ts"
import { GuessCounts } from "./GuessCounts.ts"

/** Wrong passwords in a row that one client may try at one account (OWASP Authentication Cheat Sheet, account lockout). */
const guesses = 5
const windowMillis = 15 * 60_000

/**
 * Wrong passwords at one account from everywhere together, after which each further client gets a single try in a window: NIST
 * SP 800-63B-4, 3.2.2, allows 100 in a row. A lock in their place would let anybody lock an owner out.
 */
const failuresUnderAttack = 100
const attackWindowMillis = 60 * 60_000
const guessesUnderAttack = 1

const refusals = Metric.counter("rekey_guesses_refused_total", {
  description: "Tries at a password that were not looked at, since too many were wrong before.",
  incremental: true
})

/** Unambiguous whatever somebody types: no name of an account can be taken for another one together with an address. */
const keyOf = (...parts: ReadonlyArray<string>): string => JSON.stringify(parts)

/**
 * Slows guessing at one password down. A try is counted before it is looked at, so that many at once can't pass (B1's way), and
 * tries at an account that doesn't exist are counted alike (C5).
 */
export class GuessLimits extends Context.Service<
  GuessLimits,
  {
    /**
     * For a sign-in. Counts by what was typed and by the client's network, so that nobody's wrong guesses keep the owner out who
     * signs in from elsewhere. `identifier` is folded.
     */
    signIn<A, E>(
      identifier: string,
      attempt: Effect.Effect<A, E | InvalidCredentials | Busy>
    ): Effect.Effect<A, E | InvalidCredentials | Busy | RateLimited | Unavailable>

    /** For the current password. Counts by session, since it is a stolen session that guesses here. */
    currentPassword<A, E>(
      session: SessionId,
      attempt: Effect.Effect<A, E | InvalidCredentials | Busy>
    ): Effect.Effect<A, E | InvalidCredentials | Busy | RateLimited | Unavailable>
  }
>()("rekey/accounts/GuessLimits") {
  static readonly layer = Layer.effect(
    GuessLimits,
    Effect.gen(function* () {
      const counts = yield* GuessCounts

      const limited = Effect.fnUntraced(function* <A, E>(
        kind: "signIn" | "currentPassword",
        key: string,
        allowed: number,
        attempt: Effect.Effect<A, E | InvalidCredentials | Busy>
      ) {
        const { count, remainingMillis } = yield* counts.add(key, windowMillis)
        if (count > allowed) {
          yield* Metric.update(Metric.withAttributes(refusals, { kind }), 1)
          return yield* new RateLimited({ retryAfterSeconds: Math.ceil(remainingMillis / 1000) })
        }
        return yield* attempt.pipe(
          // NIST SP 800-63B-4, 3.2.2: a success clears what failed before from there.
          Effect.tap(() => Effect.ignore(counts.forget(key))),
          Effect.tapErrorTag("Busy", () => Effect.ignore(counts.takeBack(key)))
        )
      })

      const signIn: GuessLimits["Service"]["signIn"] = Effect.fn("GuessLimits.signIn")(function* (identifier, attempt) {
        const { clientAddress } = yield* CurrentOrigin
        const everywhere = keyOf("sign in", identifier)
        const failures = yield* counts.current(everywhere)
        return yield* limited(
          "signIn",
          keyOf("sign in", identifier, clientNetwork(clientAddress)),
          failures < failuresUnderAttack ? guesses : guessesUnderAttack,
          Effect.tapErrorTag(attempt, "InvalidCredentials", () =>
            Effect.ignore(counts.add(everywhere, attackWindowMillis))
          )
        )
      })

      return GuessLimits.of({
        signIn,
        currentPassword: (session, attempt) =>
          limited("currentPassword", keyOf("current password", session), guesses, attempt)
      })
    })
  )

  /** For measuring, or behind a gateway that limits. */
  static readonly layerOff = Layer.succeed(
    GuessLimits,
    GuessLimits.of({ signIn: (_, attempt) => attempt, currentPassword: (_, attempt) => attempt })
  )
}
