import { Cause } from "effect"
import { HttpServerError, HttpServerResponse } from "effect/http"
import { type ErrorBody, type HttpError, httpError } from "../api/errors.ts"
import type { Language } from "../language/Language.ts"
import type { MethodsOf } from "./paths.ts"

/** An error in the one shape. */
export const errorResponse = (body: ErrorBody): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.jsonUnsafe(body, { status: body.code })

/** What HTTP itself answers, in a language. */
export const httpErrorResponse = (name: HttpError, language: Language): HttpServerResponse.HttpServerResponse =>
  errorResponse(httpError(name, language))

/** What HTTP itself has against a request: no such path, a method that the path doesn't take, a body that can't be read. */
const refusal = (
  { reason, request }: HttpServerError.HttpServerError,
  methodsOf: MethodsOf
): { readonly name: HttpError; readonly allow?: string } => {
  switch (reason._tag) {
    case "RouteNotFound": {
      const methods = methodsOf(request.url)
      return methods.length === 0 || methods.includes(request.method)
        ? { name: "notFound" }
        : { name: "methodNotAllowed", allow: methods.join(", ") }
    }
    case "RequestParseError":
      return { name: reason.reason === "BodyTooLarge" ? "payloadTooLarge" : "malformed" }
    default:
      return { name: "internal" }
  }
}

/** What a request that nobody could answer gets: `fault` where it is ours to look into. */
export const causeResponse = (
  cause: Cause.Cause<unknown>,
  methodsOf: MethodsOf,
  language: Language
): { readonly response: HttpServerResponse.HttpServerResponse; readonly fault: boolean } => {
  const interrupted = Cause.hasInterruptsOnly(cause)
  if (interrupted) return { response: httpErrorResponse("shuttingDown", language), fault: false }
  for (const reason of cause.reasons) {
    const error = Cause.isFailReason(reason) ? reason.error : Cause.isDieReason(reason) ? reason.defect : undefined
    if (HttpServerError.isHttpServerError(error)) {
      const { allow, name } = refusal(error, methodsOf)
      const response = httpErrorResponse(name, language)
      return {
        response: allow === undefined ? response : HttpServerResponse.setHeader(response, "allow", allow),
        fault: name === "internal"
      }
    }
  }
  return { response: httpErrorResponse("internal", language), fault: true }
}
