import { Array, Clock, Context, Effect, Layer, Redacted, Schema } from "effect"
import { Mac, SecureRandom } from "effect/crypto"
import { compactVerify, SignJWT } from "jose"
import { SessionId, type SessionToken, Unauthenticated } from "../domain/Session.ts"
import type { UserId } from "../domain/User.ts"
import { AppSecret } from "../secrets/AppSecret.ts"

const Claims = Schema.fromJsonString(Schema.Struct({ sid: SessionId }))

/** Tokens that name a session: JSON Web Tokens, HS256, with `sub`, `sid`, `jti`, `iat`, `exp`. */
export class SessionTokens extends Context.Service<
  SessionTokens,
  {
    sign(session: {
      readonly id: SessionId
      readonly userId: UserId
      readonly expiresAt: Date
    }): Effect.Effect<SessionToken>
    /** The session that a token names. `exp` is for clients: whether the session still lives, its row and the database's clock decide. */
    verify(token: SessionToken): Effect.Effect<SessionId, Unauthenticated>
  }
>()("rekey/accounts/SessionTokens") {
  static readonly layer = Layer.effect(
    SessionTokens,
    Effect.gen(function* () {
      const random = yield* SecureRandom.SecureRandom
      const { sessionTokenKeys } = yield* AppSecret
      const keys = yield* Effect.forEach(sessionTokenKeys, Mac.toBytes).pipe(Effect.orDie)
      const decodeClaims = Schema.decodeUnknownEffect(Claims)
      const utf8 = new TextDecoder()

      const sign = Effect.fn("SessionTokens.sign")(function* (session: {
        readonly id: SessionId
        readonly userId: UserId
        readonly expiresAt: Date
      }) {
        const jti = yield* random.uuidV4()
        const now = yield* Clock.currentTimeMillis
        const unsigned = new SignJWT({ sid: session.id })
          .setProtectedHeader({ alg: "HS256", typ: "JWT" })
          .setSubject(session.userId)
          .setJti(jti)
          .setIssuedAt(Math.floor(now / 1000))
          .setExpirationTime(Math.floor(session.expiresAt.getTime() / 1000))
        return Redacted.make(yield* Effect.promise(() => unsigned.sign(keys[0])), { label: "jwt" })
      })

      // The algorithm is ours to say, never the token's (RFC 8725, 3.1).
      const claimsUnder = (key: Uint8Array, token: SessionToken) =>
        Effect.tryPromise(() => compactVerify(Redacted.value(token), key, { algorithms: ["HS256"] })).pipe(
          Effect.flatMap(({ payload }) => decodeClaims(utf8.decode(payload)))
        )

      const verify = Effect.fn("SessionTokens.verify")((token: SessionToken) =>
        Effect.firstSuccessOf(Array.map(keys, (key) => claimsUnder(key, token))).pipe(
          Effect.mapBoth({ onFailure: () => new Unauthenticated(), onSuccess: ({ sid }) => sid })
        )
      )

      return SessionTokens.of({ sign, verify })
    })
  )
}
