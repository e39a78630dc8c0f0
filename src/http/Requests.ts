import { Effect, Layer, SchemaIssue } from "effect"
import { HttpServerRequest, type HttpServerResponse } from "effect/http"
import { HttpApiError } from "effect/http-api"
import type { unhandled } from "effect/Types"
import { type Detail, InvalidRequest, UnsupportedMediaType } from "../api/errors.ts"
import { Requests } from "../api/Requests.ts"
import { CurrentLanguage, type Language } from "../language/Language.ts"
import { say } from "../language/Messages.ts"

const json = /^application\/json\s*(;|$)/i

const leafFault = (issue: SchemaIssue.Leaf) => {
  switch (issue._tag) {
    case "MissingKey":
      return "missing"
    case "InvalidType":
      return issue.ast._tag === "String" ? "notText" : "type"
    default:
      return "invalid"
  }
}

/** Says what a field should be, never what it was. */
const formatterIn = (language: Language) =>
  SchemaIssue.makeFormatterStandardSchemaV1({
    leafHook: (issue) => say(language, `error.field.${leafFault(issue)}`),
    checkHook: ({ filter }) => say(language, `error.field.${filter.annotations?.fault ?? "invalid"}`)
  })

const detailsOf = (issue: SchemaIssue.Issue, language: Language): ReadonlyArray<Detail> =>
  formatterIn(language)(issue).issues.map(({ message, path = [] }) =>
    path.length === 0
      ? { path: [], message: say(language, "error.field.notJson") }
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
          : Effect.flatMap(
              CurrentLanguage,
              (language) => new InvalidRequest({ details: detailsOf(error.cause.issue, language) })
            )
      }
    )
  })
)
