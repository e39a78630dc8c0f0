import { Context, Effect, Layer, Option, Redacted } from "effect"
import type { Busy } from "../domain/Failure.ts"
import { type Password, type PasswordHash, passwordHash } from "../domain/Password.ts"
import { makeBulkhead } from "./Bulkhead.ts"
import { formatOf } from "./formats.ts"
import type { HashWriter, Pepper } from "./HashFormat.ts"

/** What a password proved. */
export interface Verification {
  readonly matches: boolean
  /** The hash is of another format or cost than those that are written today: worth making again while the password is at hand. */
  readonly outdated: boolean
}

const nothing: Verification = { matches: false, outdated: false }

/**
 * Hashes passwords in the format that the table has, and verifies them against hashes of any that is known. All of it in one
 * bulkhead, past which it is `Busy`.
 */
export class PasswordHasher extends Context.Service<
  PasswordHasher,
  {
    hash(password: Password): Effect.Effect<PasswordHash, Busy>
    /**
     * A hash of no known format, one that costs too much to compute, or none at all matches nothing: that is told in the log, and takes
     * as long as a wrong password.
     */
    verify(password: Password, hash: PasswordHash): Effect.Effect<Verification, Busy>
    /** The work of `verify` where there is no hash, so that nobody learns from the time who has an account (C5). */
    rehearse(password: Password): Effect.Effect<void, Busy>
  }
>()("rekey/passwords/PasswordHasher") {
  static readonly layer = ({
    pepper,
    writes,
    ...limits
  }: {
    /** The format of the hashes that are made. */
    readonly writes: HashWriter
    /** Of the hashes that are bcrypt. */
    readonly pepper: Pepper
    /** Hashes at once. */
    readonly concurrency: number
    /** Hashes that may wait. */
    readonly queueLimit: number
  }) =>
    Layer.effect(
      PasswordHasher,
      Effect.gen(function* () {
        const inBulkhead = yield* makeBulkhead(limits)
        const make = (password: Password) => Effect.map(writes.hash(password, pepper), passwordHash)
        const hash = Effect.fn("PasswordHasher.hash")((password: Password) => inBulkhead(make(password)))

        // What a host's hashes cost is learnt later than this is built, so it is made when it is needed: the work of one look at it.
        const makeDecoy = Effect.gen(function* () {
          const { cost } = writes
          const hash = yield* make(Redacted.make("nobody has this password"))
          const { verify } = yield* Effect.orDie(Effect.fromOption(formatOf(Redacted.value(hash))))
          return { cost, verify }
        })
        let decoy = Option.none<Effect.Success<typeof makeDecoy>>()

        const rehearse = Effect.fn("PasswordHasher.rehearse")((password: Password) =>
          inBulkhead(
            Effect.suspend(() =>
              Option.isSome(decoy) && decoy.value.cost === writes.cost
                ? Effect.asVoid(decoy.value.verify(password, pepper))
                : Effect.map(makeDecoy, (made) => {
                    decoy = Option.some(made)
                  })
            )
          )
        )

        const verify = Effect.fn("PasswordHasher.verify")(function* (password: Password, hash: PasswordHash) {
          const text = Redacted.value(hash)
          const stored = formatOf(text)
          if (Option.isNone(stored)) {
            yield* text === ""
              ? Effect.logInfo("A password was tried at an account that has none")
              : Effect.logWarning(
                  "A stored hash is of no known format, or costs too much to verify: no password fits it"
                )
            yield* rehearse(password)
            return nothing
          }
          const matches = yield* inBulkhead(stored.value.verify(password, pepper))
          return { matches, outdated: !writes.isCurrent(stored.value) }
        })

        return PasswordHasher.of({ hash, verify, rehearse })
      })
    )
}
