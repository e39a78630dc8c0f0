import { Effect, Option, Redacted } from "effect"
import { Digest, Mac } from "effect/crypto"

/** Makes what finds out whose token was shown, of the tokens that the operator set. */
export const makeHolderOf = Effect.fnUntraced(function* <A extends { readonly token: Redacted.Redacted }>(
  holders: ReadonlyArray<A>
) {
  const digest = yield* Digest.Digest
  // Hashes have one length, so that a comparison tells nothing of a token, not even its own (ASVS 5.0, 11.2.4).
  const hash = (token: Redacted.Redacted) =>
    Effect.orDie(digest.digest(Digest.sha256, new TextEncoder().encode(Redacted.value(token))))
  const known = yield* Effect.forEach(holders, (holder) => Effect.map(hash(holder.token), (hash) => ({ holder, hash })))
  return Effect.fnUntraced(function* (shown: Redacted.Redacted) {
    const shownHash = yield* hash(shown)
    // All are compared, whichever fits.
    const [found] = known.filter(({ hash }) => Mac.timingSafeEqual(shownHash, hash))
    return Option.map(Option.fromUndefinedOr(found), ({ holder }) => holder)
  })
})
