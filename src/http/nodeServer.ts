import { createServer, type Server, STATUS_CODES } from "node:http"
import type { Duplex } from "node:stream"
import { type HttpError, httpError } from "../api/errors.ts"
import { fallback, type Language, negotiate } from "../language/Language.ts"
import { securityHeaders } from "./headers.ts"

/** What Node's parser has against a request, by its error's code. */
const parserErrors: Record<string, HttpError> = {
  HPE_HEADER_OVERFLOW: "headersTooLarge",
  ERR_HTTP_REQUEST_TIMEOUT: "timeout"
}

/** Answers on the bare connection, which can't be used any further: where a request ends can't be told. */
const refuseWith =
  (headers: Record<string, string>) =>
  (error: HttpError, language: Language, socket: Duplex, method?: string): void => {
    if (!socket.writable) return void socket.destroy()
    const body = httpError(error, language)
    const text = JSON.stringify(body)
    const fields = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(text),
      "content-language": language,
      connection: "close",
      ...headers
    }
    socket.end(
      `HTTP/1.1 ${body.code} ${STATUS_CODES[body.code]}\r\n` +
        Object.entries(fields)
          .map(([name, value]) => `${name}: ${value}\r\n`)
          .join("") +
        `\r\n${method === "HEAD" ? "" : text}` // RFC 9110, 9.3.2
    )
  }

/** A server whose parser, too, answers in the one shape: Node's own answers have no body. */
export const makeNodeServer = (options: { readonly publicUrl: URL }) => (): Server => {
  const refuse = refuseWith(securityHeaders(options))
  const server = createServer({
    // A request has to arrive within this time, however slowly it is sent on purpose.
    headersTimeout: 10_000,
    requestTimeout: 30_000,
    // Without `Host` Node would answer by itself and without a body; the edge refuses it.
    requireHostHeader: false,
    // Nothing here is another protocol: whoever offers one gets an ordinary answer (RFC 9110, 7.8).
    shouldUpgradeCallback: () => false
  })
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === "ECONNRESET") return void socket.destroy()
    refuse(parserErrors[error.code ?? ""] ?? "malformed", fallback, socket)
  })
  server.on("checkExpectation", (request) =>
    refuse("expectationFailed", negotiate(request.headers["accept-language"]), request.socket, request.method)
  )
  server.on("connect", (request, socket) => refuse("malformed", negotiate(request.headers["accept-language"]), socket))
  return server
}
