import { Cause } from "effect"
import { HttpServerError, HttpServerResponse } from "effect/http"
import { type ErrorBody, httpErrors } from "../api/errors.ts"
import type { MethodsOf } from "./paths.ts"

/** An error in the one shape. */
export const errorResponse = (body: ErrorBody): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.jsonUnsafe(body, { status: body.code })

/** What HTTP itself has against a request: no such path, a method that the path doesn't take, a body that can't be read. */
const httpErrorResponse = (
  { reason, request }: HttpServerError.HttpServerError,
  methodsOf: MethodsOf
): HttpServerResponse.HttpServerResponse => {
  switch (reason._tag) {
    case "RouteNotFound": {
      const methods = methodsOf(request.url)
      return methods.length === 0 || methods.includes(request.method)
        ? errorResponse(httpErrors.notFound)
        : HttpServerResponse.setHeader(errorResponse(httpErrors.methodNotAllowed), "allow", methods.join(", "))
    }
    case "RequestParseError":
      return errorResponse(reason.reason === "BodyTooLarge" ? httpErrors.payloadTooLarge : httpErrors.malformed)
    default:
      return errorResponse(httpErrors.internal)
  }
}

/** What a request that nobody could answer gets: `fault` where it is ours to look into. */
export const causeResponse = (
  cause: Cause.Cause<unknown>,
  methodsOf: MethodsOf
): { readonly response: HttpServerResponse.HttpServerResponse; readonly fault: boolean } => {
  const interrupted = Cause.hasInterruptsOnly(cause)
  if (interrupted) return { response: errorResponse(httpErrors.shuttingDown), fault: false }
  for (const reason of cause.reasons) {
    const error = Cause.isFailReason(reason) ? reason.error : Cause.isDieReason(reason) ? reason.defect : undefined
    if (HttpServerError.isHttpServerError(error)) {
      const response = httpErrorResponse(error, methodsOf)
      return { response, fault: response.status === httpErrors.internal.code }
    }
  }
  return { response: errorResponse(httpErrors.internal), fault: true }
}
