import { hash as argon2Hash, verify as argon2Verify, parseOptions } from "@node-rs/argon2"
import { Context, Effect, Layer, Option, Redacted } from "effect"
import type { Busy } from "../domain/Failure.ts"
import { normalized, type Password, type PasswordHash, passwordHash } from "../domain/Password.ts"
import { makeBulkhead } from "./Bulkhead.ts"

/** Cost of argon2id (RFC 9106): memory in KiB, passes over it, lanes. */
export interface Argon2Cost {
  readonly memoryKib: number
  readonly iterations: number
  readonly parallelism: number
}

/** OWASP's first choice for argon2id (Password Storage Cheat Sheet). */
export const owaspCost: Argon2Cost = { memoryKib: 19_456, iterations: 2, parallelism: 1 }

/** The most that a hash may cost to make or to verify: 256 MiB, 16 passes, 16 lanes. A stored one that asks for more is refused (F4). */
export const highestCost: Argon2Cost = { memoryKib: 262_144, iterations: 16, parallelism: 16 }

/** What a password proved. */
export interface Verification {
  readonly matches: boolean
  /** The hash was made with other parameters than today's: worth making again while the password is at hand. */
  readonly outdated: boolean
}

/** Hashes passwords with argon2id, a fresh salt each, as PHC strings. All of it in one bulkhead, past which it is `Busy`. */
export class PasswordHasher extends Context.Service<
  PasswordHasher,
  {
    hash(password: Password): Effect.Effect<PasswordHash, Busy>
    /** A hash of another format, or one that costs too much to compute, matches nothing. */
    verify(password: Password, hash: PasswordHash): Effect.Effect<Verification, Busy>
    /** The work of `verify` where there is no hash, so that nobody learns from the time who has an account (C5). */
    rehearse(password: Password): Effect.Effect<void, Busy>
  }
>()("rekey/passwords/PasswordHasher") {
  static readonly layer = (options: {
    readonly cost: Argon2Cost
    /** Hashes at once. */
    readonly concurrency: number
    /** Hashes that may wait. */
    readonly queueLimit: number
  }) =>
    Layer.effect(
      PasswordHasher,
      Effect.gen(function* () {
        const inBulkhead = yield* makeBulkhead(options)
        const today = {
          memoryCost: options.cost.memoryKib,
          timeCost: options.cost.iterations,
          parallelism: options.cost.parallelism
        }
        const make = (password: string) =>
          Effect.map(
            Effect.promise(() => argon2Hash(password, today)),
            passwordHash
          )
        const decoy = yield* make("nobody has this password")

        const hash = Effect.fn("PasswordHasher.hash")((password: Password) => inBulkhead(make(normalized(password))))

        const verify = Effect.fn("PasswordHasher.verify")(function* (password: Password, hash: PasswordHash) {
          const phc = Redacted.value(hash)
          const cost = costOf(phc)
          if (Option.isNone(cost)) return { matches: false, outdated: false }
          const matches = yield* inBulkhead(Effect.promise(() => argon2Verify(phc, normalized(password))))
          return {
            matches,
            outdated:
              !phc.startsWith("$argon2id$") ||
              cost.value.memoryKib !== options.cost.memoryKib ||
              cost.value.iterations !== options.cost.iterations ||
              cost.value.parallelism !== options.cost.parallelism
          }
        })

        return PasswordHasher.of({ hash, verify, rehearse: (password) => Effect.asVoid(verify(password, decoy)) })
      })
    )
}

/** What it takes to verify a PHC string, where it is argon2 and within {@link highestCost}. */
const costOf = Option.liftThrowable((phc: string): Argon2Cost => {
  const { memoryCost: memoryKib, timeCost: iterations, parallelism } = parseOptions(phc)
  if (memoryKib > highestCost.memoryKib || iterations > highestCost.iterations || parallelism > highestCost.parallelism)
    throw new RangeError("The hash costs more than is allowed.")
  return { memoryKib, iterations, parallelism }
})

/** Whether `verify` can tell who knows the password of this hash: its format is known, and it costs no more than {@link highestCost}. */
export const isVerifiable = (hash: string): boolean => Option.isSome(costOf(hash))
