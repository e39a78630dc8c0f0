import { createServer, type Server, STATUS_CODES } from "node:http"
import type { Duplex } from "node:stream"
import { type ErrorBody, httpErrors } from "../api/errors.ts"

/** What Node's parser has against a request, by its error's code. */
const parserErrors: Record<string, ErrorBody> = {
  HPE_HEADER_OVERFLOW: httpErrors.headersTooLarge,
  ERR_HTTP_REQUEST_TIMEOUT: httpErrors.timeout
}

/** Answers on the bare connection, which can't be used any further: where a request ends can't be told. */
const refuse = (body: ErrorBody, socket: Duplex, method?: string): void => {
  if (!socket.writable) return void socket.destroy()
  const text = JSON.stringify(body)
  socket.end(
    `HTTP/1.1 ${body.code} ${STATUS_CODES[body.code]}\r\n` +
      "Content-Type: application/json\r\n" +
      `Content-Length: ${Buffer.byteLength(text)}\r\n` +
      `Cache-Control: no-store\r\nConnection: close\r\n\r\n${method === "HEAD" ? "" : text}` // RFC 9110, 9.3.2
  )
}

/** A server whose parser, too, answers in the one shape: Node's own answers have no body. */
export const makeNodeServer = (): Server => {
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
    refuse(parserErrors[error.code ?? ""] ?? httpErrors.malformed, socket)
  })
  server.on("checkExpectation", (request) => refuse(httpErrors.expectationFailed, request.socket, request.method))
  server.on("connect", (_, socket) => refuse(httpErrors.malformed, socket))
  return server
}
