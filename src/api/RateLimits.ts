import { HttpApiMiddleware } from "effect/http-api"
import { documentedRateLimited, documentedUnavailable } from "./errors.ts"

/** Lets a client through so many times a minute. */
export class RateLimits extends HttpApiMiddleware.Service<RateLimits>()("rekey/api/RateLimits", {
  error: [documentedRateLimited, documentedUnavailable]
}) {}
