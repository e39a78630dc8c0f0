import { Context } from "effect"
import { HttpApiMiddleware, HttpApiSecurity } from "effect/http-api"
import { type SessionId, Unauthenticated } from "../domain/Session.ts"
import type { User } from "../domain/User.ts"
import { documented, documentedUnavailable } from "./errors.ts"

/** Who asks, and by which session. */
export class CurrentSession extends Context.Service<
  CurrentSession,
  {
    readonly session: { readonly id: SessionId; readonly createdAt: Date; readonly expiresAt: Date }
    readonly user: User
  }
>()("rekey/api/CurrentSession") {}

export const documentedUnauthenticated = Unauthenticated.pipe(documented(401))

/** Asks for a bearer token (RFC 6750) whose session is alive. */
export class Authorization extends HttpApiMiddleware.Service<Authorization, { provides: CurrentSession }>()(
  "rekey/api/Authorization",
  {
    requiredForClient: true,
    security: { bearer: HttpApiSecurity.bearer },
    error: [documentedUnauthenticated, documentedUnavailable]
  }
) {}
