import { Array, Effect, Predicate, Schema, SchemaTransformation } from "effect"
import { HttpApiSchema } from "effect/http-api"
import { Busy, RateLimited, Unavailable } from "../domain/Failure.ts"
import { type PasswordFault, PasswordMismatch, PasswordRejected } from "../domain/Password.ts"
import { AccountBlocked } from "../domain/User.ts"
import { english } from "../language/english.ts"
import { CurrentLanguage, type Language } from "../language/Language.ts"
import { type PlainKey, say } from "../language/Messages.ts"

/** What is wrong with one field. `path` leads to the field; its value is never repeated. */
export const Detail = Schema.Struct({ path: Schema.Array(Schema.String), message: Schema.String })
export type Detail = typeof Detail.Type

/** The body of every error, on every path, by every cause: the documented `code` and `message`, a stable `reason` for programs. */
export const ErrorBody = Schema.Struct({
  code: Schema.Int.annotate({ description: "The HTTP status." }),
  message: Schema.String.annotate({
    description: "A sentence for a person, in the language that Accept-Language asks for, where we speak it."
  }),
  reason: Schema.String.annotate({ description: "A stable name for programs, the same in every language." }),
  details: Schema.optionalKey(Schema.Array(Detail)).annotate({
    description: "Which fields are at fault, where some are."
  })
}).annotate({ identifier: "Error", description: "Every error has this shape." })
export type ErrorBody = typeof ErrorBody.Type

/** What is said, in whichever language. */
type Say = (language: Language) => string

/** Words on the wire; before they go there, what is said, in whichever language the answer speaks. */
const Sentence = Schema.String.pipe(
  Schema.decodeTo(
    Schema.declare((value): value is Say => Predicate.isFunction(value)),
    SchemaTransformation.transformEffect({
      decode: (words): Effect.Effect<Say> => Effect.succeed(() => words),
      encode: (sentence) => Effect.map(CurrentLanguage, sentence)
    })
  )
)

/** The errors that there are words for. */
export type ErrorName = Exclude<
  PlainKey extends infer Key ? (Key extends `error.${infer Name}` ? Name : never) : never,
  `${string}.${string}`
>

const sentence =
  (key: PlainKey): Say =>
  (language) =>
    say(language, key)

const bodyOf = <const Status extends number, const Reason extends string>(
  status: Status,
  reason: Reason,
  description: string
) =>
  Schema.Struct({
    code: Schema.Literal(status),
    message: Sentence,
    reason: Schema.Literal(reason),
    details: Schema.optionalKey(Schema.Array(Schema.Struct({ ...Detail.fields, message: Sentence })))
  }).annotate({ identifier: reason, description })

/** A body whose words are still to be said. */
interface Unsaid {
  readonly code: number
  readonly message: Say
  readonly reason: ErrorName
  readonly details?: ReadonlyArray<{ readonly path: ReadonlyArray<string>; readonly message: Say }>
}

type FieldlessError = Schema.Constraint & (new () => { readonly _tag: ErrorName })

/**
 * How an error of the domain goes over the wire, its words those of `languages`. The domain knows nothing of it, handlers map
 * nothing, and a typed client gets the domain's error back. `field` is the one at fault, where there is one.
 */
export const documented =
  (status: number, field?: string) =>
  <E extends FieldlessError>(error: E) => {
    const reason = new error()._tag
    const message = sentence(`error.${reason}`)
    const details = field === undefined ? undefined : [{ path: [field], message }]
    return bodyOf(status, reason, english[`error.${reason}`])
      .pipe(
        Schema.decodeTo(
          Schema.toType(error),
          SchemaTransformation.transform({
            decode: () => new error() as E["Type"],
            encode: (): Unsaid => ({ code: status, message, reason, ...(details && { details }) })
          })
        )
      )
      .annotate({ httpApiStatus: status })
  }

export const documentedPasswordMismatch = PasswordMismatch.pipe(documented(400, "passwordConfirmation"))
export const documentedAccountBlocked = AccountBlocked.pipe(documented(403))
export const documentedUnavailable = Unavailable.pipe(documented(503))
export const documentedBusy = Busy.pipe(documented(503))

/** The one error that says more in a header than in its body (RFC 6585, 4). */
export const documentedRateLimited = RateLimited.pipe(
  HttpApiSchema.encodeToWithHeaders(
    {
      body: bodyOf(429, "RateLimited", english["error.RateLimited"]).annotate({ httpApiStatus: 429 }),
      headers: { "retry-after": Schema.FiniteFromString.annotate({ description: "In seconds." }) }
    },
    {
      decode: ({ headers }) => new RateLimited({ retryAfterSeconds: headers["retry-after"] }),
      encode: ({ retryAfterSeconds }) => ({
        body: { code: 429 as const, message: sentence("error.RateLimited"), reason: "RateLimited" as const },
        headers: { "retry-after": retryAfterSeconds }
      })
    }
  )
)

/** What is against a password, in words. */
export const faultWords = (fault: PasswordFault, language: Language): string => {
  switch (fault._tag) {
    case "TooShort":
      return say(language, "policy.tooShort", fault)
    case "TooLong":
      return say(language, "policy.tooLong", fault)
    case "TooManyBytes":
      return say(language, "policy.tooManyBytes", fault)
    case "TooCommon":
      return say(language, "policy.tooCommon")
    case "TooClose":
      return say(language, "policy.tooClose")
    case "Breached":
      return say(language, "policy.breached")
    case "Told":
      return fault.words
  }
}

const faultSentence =
  (fault: PasswordFault): Say =>
  (language) =>
    faultWords(fault, language)

export const documentedPasswordRejected = bodyOf(400, "PasswordRejected", english["policy.tooCommon"])
  .pipe(
    Schema.decodeTo(
      Schema.toType(PasswordRejected),
      SchemaTransformation.transform({
        decode: ({ details = [], message }) => {
          const told = Array.map(details, (detail): PasswordFault => ({ _tag: "Told", words: detail.message("en") }))
          return new PasswordRejected({
            faults: Array.isReadonlyArrayNonEmpty(told) ? told : [{ _tag: "Told", words: message("en") }]
          })
        },
        encode: ({ faults }) => ({
          code: 400 as const,
          message: faultSentence(faults[0]),
          reason: "PasswordRejected" as const,
          details: faults.map((fault) => ({ path: ["password"], message: faultSentence(fault) }))
        })
      })
    )
  )
  .annotate({ httpApiStatus: 400 })

/** The request doesn't have the documented form. */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>()("InvalidRequest", {
  details: Schema.Array(Detail)
}) {}

export const documentedInvalidRequest = bodyOf(400, "InvalidRequest", english["error.InvalidRequest"])
  .pipe(
    Schema.decodeTo(
      Schema.toType(InvalidRequest),
      SchemaTransformation.transform({
        decode: ({ details = [] }) =>
          new InvalidRequest({ details: details.map(({ message, path }) => ({ path, message: message("en") })) }),
        encode: ({ details }) => ({
          code: 400 as const,
          message: sentence("error.InvalidRequest"),
          reason: "InvalidRequest" as const,
          ...(details.length > 0
            ? { details: details.map(({ message, path }) => ({ path, message: () => message })) }
            : {})
        })
      })
    )
  )
  .annotate({ httpApiStatus: 400 })

/** The body isn't `application/json`. */
export class UnsupportedMediaType extends Schema.TaggedError<UnsupportedMediaType>()("UnsupportedMediaType", {}) {}

export const documentedUnsupportedMediaType = UnsupportedMediaType.pipe(documented(415))

/** What HTTP itself answers, where no endpoint does: the status and the reason of each. */
const httpStatuses = {
  malformed: { code: 400, reason: "InvalidRequest" },
  notFound: { code: 404, reason: "NotFound" },
  methodNotAllowed: { code: 405, reason: "MethodNotAllowed" },
  fromElsewhere: { code: 403, reason: "CrossSite" },
  notAForm: { code: 415, reason: "UnsupportedMediaType" },
  payloadTooLarge: { code: 413, reason: "PayloadTooLarge" },
  headersTooLarge: { code: 431, reason: "HeadersTooLarge" },
  timeout: { code: 408, reason: "RequestTimeout" },
  expectationFailed: { code: 417, reason: "ExpectationFailed" },
  internal: { code: 500, reason: "InternalError" },
  shuttingDown: { code: 503, reason: "Unavailable" }
} as const

export type HttpError = keyof typeof httpStatuses

/** The body of what HTTP itself answers. */
export const httpError = (name: HttpError, language: Language): ErrorBody => {
  const { code, reason } = httpStatuses[name]
  return { code, message: say(language, `error.http.${name}`), reason }
}
