import { Schema } from "effect"

/** A UUIDv7. It names a session and can't be used as a token: tokens are signed. */
export const SessionId = Schema.String.pipe(Schema.check(Schema.isUUID(7)), Schema.brand("SessionId"))
export type SessionId = typeof SessionId.Type

/** A signed JSON Web Token (RFC 7519, HS256) that names a session. */
export const SessionToken = Schema.RedactedFromValue(Schema.String, { label: "jwt" })
export type SessionToken = typeof SessionToken.Type

/** A sign-in that lasts, as its owner may see it. */
export class Session extends Schema.Class<Session>("Session")({
  id: SessionId,
  createdAt: Schema.DateFromString,
  expiresAt: Schema.DateFromString,
  current: Schema.Boolean,
  /** In words of ours, such as `Firefox on Windows`. */
  device: Schema.String,
  /** As AUDIT_ADDRESS lets it be kept; none where nothing was. */
  clientAddress: Schema.NullOr(Schema.String)
}) {}

/** No bearer, or one that is wrong, expired or revoked: nobody is told which. */
export class Unauthenticated extends Schema.TaggedError<Unauthenticated>()("Unauthenticated", {}) {}

/** The account has no such session. */
export class SessionNotFound extends Schema.TaggedError<SessionNotFound>()("SessionNotFound", {}) {}
