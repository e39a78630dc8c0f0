import { Array, Schema, SchemaTransformation } from "effect"
import { HttpApiSchema } from "effect/http-api"
import { Busy, RateLimited, Unavailable } from "../domain/Failure.ts"
import { PasswordMismatch, PasswordRejected } from "../domain/Password.ts"
import { AccountBlocked } from "../domain/User.ts"

/** What is wrong with one field. `path` leads to the field; its value is never repeated. */
export const Detail = Schema.Struct({ path: Schema.Array(Schema.String), message: Schema.String })
export type Detail = typeof Detail.Type

/** The body of every error, on every path, by every cause: the documented `code` and `message`, a stable `reason` for programs. */
export const ErrorBody = Schema.Struct({
  code: Schema.Int.annotate({ description: "The HTTP status." }),
  message: Schema.String.annotate({ description: "A sentence for a person." }),
  reason: Schema.String.annotate({ description: "A stable name for programs." }),
  details: Schema.optionalKey(Schema.Array(Detail)).annotate({
    description: "Which fields are at fault, where some are."
  })
}).annotate({ identifier: "Error", description: "Every error has this shape." })
export type ErrorBody = typeof ErrorBody.Type

const bodyOf = <const Status extends number, const Reason extends string>(
  status: Status,
  reason: Reason,
  description: string
) =>
  Schema.Struct({
    code: Schema.Literal(status),
    message: Schema.String,
    reason: Schema.Literal(reason),
    details: Schema.optionalKey(Schema.Array(Detail))
  }).annotate({ identifier: reason, description })

type FieldlessError = Schema.Constraint & (new () => { readonly _tag: string })

/**
 * How an error of the domain goes over the wire. The domain knows nothing of it, handlers map nothing, and a typed client gets
 * the domain's error back. `field` is the one at fault, where there is one.
 */
export const documented =
  (status: number, message: string, field?: string) =>
  <E extends FieldlessError>(error: E) => {
    const details = field === undefined ? undefined : [{ path: [field], message }]
    const reason = new error()._tag
    return bodyOf(status, reason, message)
      .pipe(
        Schema.decodeTo(
          Schema.toType(error),
          SchemaTransformation.transform({
            decode: () => new error() as E["Type"],
            encode: (): ErrorBody => ({ code: status, message, reason, ...(details && { details }) })
          })
        )
      )
      .annotate({ httpApiStatus: status })
  }

export const documentedPasswordMismatch = PasswordMismatch.pipe(
  documented(400, "The two passwords differ.", "passwordConfirmation")
)
export const documentedAccountBlocked = AccountBlocked.pipe(documented(403, "This account is blocked."))
export const documentedUnavailable = Unavailable.pipe(
  documented(503, "The service can't answer now. Try again shortly.")
)
export const documentedBusy = Busy.pipe(
  documented(503, "Too many passwords are being checked right now. Try again shortly.")
)

const tooMany = "Too many requests. Try again later."

/** The one error that says more in a header than in its body (RFC 6585, 4). */
export const documentedRateLimited = RateLimited.pipe(
  HttpApiSchema.encodeToWithHeaders(
    {
      body: bodyOf(429, "RateLimited", tooMany).annotate({ httpApiStatus: 429 }),
      headers: { "retry-after": Schema.FiniteFromString.annotate({ description: "In seconds." }) }
    },
    {
      decode: ({ headers }) => new RateLimited({ retryAfterSeconds: headers["retry-after"] }),
      encode: ({ retryAfterSeconds }) => ({
        body: { code: 429 as const, message: tooMany, reason: "RateLimited" as const },
        headers: { "retry-after": retryAfterSeconds }
      })
    }
  )
)

export const documentedPasswordRejected = bodyOf(
  400,
  "PasswordRejected",
  "The password must have at least 8 characters."
)
  .pipe(
    Schema.decodeTo(
      Schema.toType(PasswordRejected),
      SchemaTransformation.transform({
        decode: ({ details = [], message }) =>
          new PasswordRejected({
            reasons: Array.isReadonlyArrayNonEmpty(details) ? Array.map(details, (_) => _.message) : [message]
          }),
        encode: ({ reasons }) => ({
          code: 400 as const,
          message: reasons[0],
          reason: "PasswordRejected" as const,
          details: reasons.map((message) => ({ path: ["password"], message }))
        })
      })
    )
  )
  .annotate({ httpApiStatus: 400 })

/** The request doesn't have the documented form. */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>()("InvalidRequest", {
  details: Schema.Array(Detail)
}) {}

const invalidRequest = "The request doesn't have the documented form."

export const documentedInvalidRequest = bodyOf(400, "InvalidRequest", invalidRequest)
  .pipe(
    Schema.decodeTo(
      Schema.toType(InvalidRequest),
      SchemaTransformation.transform({
        decode: ({ details = [] }) => new InvalidRequest({ details }),
        encode: ({ details }) => ({
          code: 400 as const,
          message: invalidRequest,
          reason: "InvalidRequest" as const,
          ...(details.length > 0 ? { details } : {})
        })
      })
    )
  )
  .annotate({ httpApiStatus: 400 })

/** The body isn't `application/json`. */
export class UnsupportedMediaType extends Schema.TaggedError<UnsupportedMediaType>()("UnsupportedMediaType", {}) {}

export const documentedUnsupportedMediaType = UnsupportedMediaType.pipe(
  documented(415, "The body must be application/json.")
)

/** What HTTP itself answers, where no endpoint does: the body of each. */
export const httpErrors = {
  malformed: { code: 400, message: "This is not an HTTP request that can be understood.", reason: "InvalidRequest" },
  notFound: { code: 404, message: "There is nothing here.", reason: "NotFound" },
  methodNotAllowed: { code: 405, message: "This path doesn't take this method.", reason: "MethodNotAllowed" },
  fromElsewhere: { code: 403, message: "This form was sent from another site.", reason: "CrossSite" },
  notAForm: { code: 415, message: "The body must be a form.", reason: "UnsupportedMediaType" },
  payloadTooLarge: { code: 413, message: "The body is larger than 64 KiB.", reason: "PayloadTooLarge" },
  headersTooLarge: { code: 431, message: "The headers are too large.", reason: "HeadersTooLarge" },
  timeout: { code: 408, message: "The request took too long to arrive.", reason: "RequestTimeout" },
  expectationFailed: { code: 417, message: "No expectation but 100-continue is met.", reason: "ExpectationFailed" },
  internal: { code: 500, message: "Something went wrong on our side.", reason: "InternalError" },
  shuttingDown: { code: 503, message: "The service is shutting down. Try again shortly.", reason: "Unavailable" }
} as const satisfies Record<string, ErrorBody>
