import { Effect, Layer, SchemaIssue } from "effect"
import { HttpServerRequest, type HttpServerResponse } from "effect/http"
import { HttpApiError } from "effect/http-api"
import type { unhandled } from "effect/Types"
import { type Detail, InvalidRequest, UnsupportedMediaType } from "../api/errors.ts"
import { Requests } from "../api/Requests.ts"

const json = /^application\/json\s*(;|$)/i

/** Says what a field should be, never what it was. */
const leafMessage = (issue: SchemaIssue.Leaf): string => {
  switch (issue._tag) {
    case "MissingKey":
      return "Is missing."
    case "InvalidType":
      return issue.ast._tag === "String" ? "Must be a string." : "Must be of the documented type."
    default:
      return "Isn't valid."
  }
}

const checkMessage = ({ filter }: SchemaIssue.Filter): string =>
  typeof filter.annotations?.message === "string" ? filter.annotations.message : "Isn't valid."

const format = SchemaIssue.makeFormatterStandardSchemaV1({ leafHook: leafMessage, checkHook: checkMessage })

const detailsOf = (issue: SchemaIssue.Issue): ReadonlyArray<Detail> =>
  format(issue).issues.map(({ message, path = [] }) =>
    path.length === 0
      ? { path: [], message: "The body must be a JSON object." }
      : { path: path.map((segment) => String(typeof segment === "object" ? segment.key : segment)), message }
  )

/** Takes JSON alone, so that no form on another site can post here (A6), and gives what doesn't decode the documented body. */
export const RequestsLayer = Layer.succeed(
  Requests,
  Effect.fnUntraced(function* (httpEffect, { endpoint }) {
    const { headers } = yield* HttpServerRequest.HttpServerRequest
    if (endpoint.payload.size > 0 && !json.test(headers["content-type"] ?? "")) return yield* new UnsupportedMediaType()
    return yield* Effect.catch(
      httpEffect,
      (error): Effect.Effect<HttpServerResponse.HttpServerResponse, unhandled | InvalidRequest> => {
        if (!HttpApiError.HttpApiSchemaError.is(error)) return Effect.fail(error)
        // An answer of ours that doesn't encode is a fault of ours.
        return error.kind === "Body" || error.kind === "ResponseHeaders"
          ? Effect.die(error)
          : Effect.fail(new InvalidRequest({ details: detailsOf(error.cause.issue) }))
      }
    )
  })
)
