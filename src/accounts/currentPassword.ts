import { Effect, Option } from "effect"
import type { Password } from "../domain/Password.ts"
import { Unauthenticated } from "../domain/Session.ts"
import { InvalidCredentials } from "../domain/User.ts"
import { PasswordHasher } from "../passwords/PasswordHasher.ts"
import { type Refusal, Trail } from "../trail/Trail.ts"
import { AccountRepository } from "./AccountRepository.ts"
import { GuessLimits } from "./GuessLimits.ts"
import type { Authenticated } from "./Sessions.ts"

/**
 * Makes what proves the current password of whoever is signed in, since a session alone may be a stolen one. Gives the version of the
 * credentials that it is good for; a wrong one is written to the trail as a refused `event`, and few are looked at.
 */
export const makeCurrentPassword = Effect.gen(function* () {
  const repository = yield* AccountRepository
  const hasher = yield* PasswordHasher
  const guesses = yield* GuessLimits
  const trail = yield* Trail

  const prove = Effect.fnUntraced(function* (event: Refusal["event"], { user }: Authenticated, password: Password) {
    const found = yield* repository.find({ _tag: "UserId", id: user.id })
    if (Option.isNone(found)) return yield* new Unauthenticated()
    const { passwordHash, version } = found.value
    // Where the log has something to say of the hash, it names the account.
    const { matches } = yield* hasher.verify(password, passwordHash).pipe(Effect.annotateLogs({ account: user.id }))
    if (!matches) {
      yield* trail.refused({ event, reason: "wrong-password", actor: "owner", userId: Option.some(user.id) })
      return yield* new InvalidCredentials()
    }
    return version
  })

  return (event: Refusal["event"], authenticated: Authenticated, password: Password) =>
    guesses.currentPassword(authenticated.session.id, prove(event, authenticated, password))
})
