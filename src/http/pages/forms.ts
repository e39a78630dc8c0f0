import { Effect, Schema } from "effect"
import { type HttpServerRequest, HttpServerResponse, UrlParams } from "effect/http"
import {
  type Detail,
  documentedRateLimited,
  documentedUnavailable,
  type ErrorBody,
  httpError
} from "../../api/errors.ts"
import type { RateLimited, Unavailable } from "../../domain/Failure.ts"
import { httpErrorResponse } from "../errors.ts"
import { type Door, Limits } from "../limits.ts"
import type { Answer, Visit } from "./Visits.ts"

/** What was typed, by the names of the fields; what is missing is empty. */
export type Typed = (name: string) => string

const encodeUnavailable = Schema.encodeEffect(documentedUnavailable)
const encodeRateLimited = Schema.encodeEffect(documentedRateLimited)

/** The words and the status of an error are the API's. */
export const errorBody =
  <S extends Schema.Encoder<ErrorBody>>(schema: S) =>
  (error: S["Type"]): Effect.Effect<ErrorBody> =>
    Effect.orDie(Schema.encodeEffect(schema)(error))

/** Too many tries, told on a page; the header says when the next one may succeed. */
export const rateLimited = (
  error: RateLimited,
  refused: (error: ErrorBody) => HttpServerResponse.HttpServerResponse
): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.map(Effect.orDie(encodeRateLimited(error)), ({ body, headers }) =>
    HttpServerResponse.setHeaders(refused(body), headers)
  )

/** What is wrong with fields, by their names; nothing, where none is named. */
export const faulty = (faults: Readonly<Record<string, string | undefined>>): ErrorBody | undefined => {
  const details = Object.entries(faults).flatMap(
    ([name, message]): ReadonlyArray<Detail> => (message === undefined ? [] : [{ path: [name], message }])
  )
  const [first] = details
  return first && { code: 400, message: first.message, reason: "InvalidRequest", details }
}

/** A form that another site sent: browsers say so, and cookies stay away from it besides (A6). */
const fromElsewhere = ({ headers }: HttpServerRequest.HttpServerRequest): boolean => {
  const site = headers["sec-fetch-site"]
  if (site !== undefined) return site !== "same-origin" && site !== "none"
  // `null` is what our own `no-referrer` makes of the origin.
  const { origin } = headers
  return origin !== undefined && origin !== "null" && URL.parse(origin)?.host !== headers.host
}

const isForm = ({ headers }: HttpServerRequest.HttpServerRequest): boolean =>
  /^application\/x-www-form-urlencoded\s*(;|$)/i.test(headers["content-type"] ?? "")

/** Goes through a door of the API; who is refused there is told on a page. */
export const makeEnter = Effect.gen(function* () {
  const { enter } = yield* Limits
  return <R>(door: Door, refused: (error: ErrorBody) => HttpServerResponse.HttpServerResponse, answer: Answer<R>) =>
    Effect.matchEffect(enter(door), {
      onFailure: (error: RateLimited | Unavailable) =>
        error._tag === "Unavailable"
          ? Effect.map(Effect.orDie(encodeUnavailable(error)), refused)
          : rateLimited(error, refused),
      onSuccess: () => answer
    })
})

/** Takes a form that a page of ours sent, through a door of the API where there is one for what it asks. */
export const makeTakeForm = Effect.gen(function* () {
  const enter = yield* makeEnter
  return <R>(
    { language, request }: Visit,
    {
      door,
      refused
    }: {
      readonly door?: Door
      /** The page with the form once more. */
      readonly refused: (error: ErrorBody) => HttpServerResponse.HttpServerResponse
    },
    taken: (typed: Typed) => Answer<R>
  ): Answer<R | HttpServerRequest.HttpServerRequest> => {
    if (!isForm(request)) return Effect.succeed(httpErrorResponse("notAForm", language))
    if (fromElsewhere(request)) return Effect.succeed(refused(httpError("fromElsewhere", language)))
    const read = Effect.flatMap(request.urlParamsBody, (body) => {
      const fields = UrlParams.toRecord(body)
      return taken((name) => {
        const value = Object.hasOwn(fields, name) ? fields[name] : undefined
        return typeof value === "string" ? value : ""
      })
    })
    return door === undefined ? read : enter(door, refused, read)
  }
})
