import { HttpApiMiddleware } from "effect/http-api"
import { documentedInvalidRequest, documentedUnavailable, documentedUnsupportedMediaType } from "./errors.ts"

/** What any endpoint may answer, whatever it does: a body that isn't JSON or doesn't decode, a database that is away. */
export class Requests extends HttpApiMiddleware.Service<Requests>()("rekey/api/Requests", {
  error: [documentedInvalidRequest, documentedUnsupportedMediaType, documentedUnavailable]
}) {}
