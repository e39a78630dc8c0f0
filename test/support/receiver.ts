import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http"
import type { Socket } from "node:net"
import { Context, Effect, Layer, Queue } from "effect"
import { Webhook } from "standardwebhooks"

/** What the receiver does with each request, from now on. */
export type Reception =
  /** Takes it. */
  | "take"
  /** Answers with this status. */
  | number
  /** Leads elsewhere. */
  | { readonly redirect: string }
  /** Reads it to its end and says nothing. */
  | "hang"
  /** Hangs up without a word. */
  | "drop"
  /** Says that it took it, and hangs up in the middle of its answer. */
  | "break"
  /** Says that it took it, and goes on talking for ever. */
  | "drip"
  /** Isn't there: connections are refused. */
  | "refuse"

/** A webhook as it came. */
export interface Arrived {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly id: string
  readonly type: string
  readonly userId: string
}

export const webhookSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"

/** A receiver of webhooks on loopback, which keeps what it gets. */
export class Receiver extends Context.Service<
  Receiver,
  {
    /** `http://127.0.0.1:port/webhooks`. */
    readonly url: string
    behave(reception: Reception): Effect.Effect<void>
    /** The same for events of one type alone, whatever becomes of the others. */
    behaveFor(type: string, reception: Reception): Effect.Effect<void>
    /** The next one that wasn't asked for yet, taken or not; waits for it. */
    readonly next: Effect.Effect<Arrived>
    /** All so far. */
    readonly arrived: ReadonlyArray<Arrived>
    /** Those of one account, in the order in which they were taken. */
    takenFor(userId: string): ReadonlyArray<Arrived>
  }
>()("rekey/test/Receiver") {
  static readonly layer = Layer.effect(
    Receiver,
    Effect.gen(function* () {
      let reception: Reception = "take"
      const byType = new Map<string, Reception>()
      const arrived: Array<Arrived> = []
      const taken: Array<Arrived> = []
      const queue = yield* Queue.unbounded<Arrived>()
      const sockets = new Set<Socket>()

      const answer = (response: ServerResponse, doing: Reception) => {
        if (typeof doing === "number") return void response.writeHead(doing).end("a word of the receiver's")
        if (typeof doing === "object") return void response.writeHead(302, { location: doing.redirect }).end()
        switch (doing) {
          case "take":
            return void response.writeHead(204).end()
          case "drop":
            return void response.socket?.destroy()
          case "break":
            response.writeHead(200, { "content-length": "1000" }).write("half")
            return void setImmediate(() => response.socket?.destroy())
          case "drip": {
            response.writeHead(200)
            const dripping = setInterval(() => response.write("drip"), 5)
            return void response.on("close", () => clearInterval(dripping))
          }
        }
      }

      const server = createServer((request, response) => {
        const chunks: Array<Buffer> = []
        request.on("data", (chunk: Buffer) => chunks.push(chunk))
        request.on("end", () => {
          const body = Buffer.concat(chunks).toString()
          const payload: { readonly type: string; readonly data: { readonly user: { readonly id: string } } } =
            JSON.parse(body)
          const webhook: Arrived = {
            path: request.url ?? "",
            headers: request.headers,
            body,
            id: String(request.headers["webhook-id"]),
            type: payload.type,
            userId: payload.data.user.id
          }
          const doing = byType.get(webhook.type) ?? reception
          arrived.push(webhook)
          if (doing === "take" || doing === "break" || doing === "drip" || doing === 200) taken.push(webhook)
          answer(response, doing)
          Queue.offerUnsafe(queue, webhook)
        })
      })
      server.on("connection", (socket) => {
        sockets.add(socket)
        socket.on("close", () => sockets.delete(socket))
      })
      const listen = (port: number) =>
        Effect.callback<void>((resume) => {
          server.listen(port, "127.0.0.1", () => resume(Effect.void))
        })
      const close = Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        for (const socket of sockets) socket.destroy()
      })
      yield* Effect.acquireRelease(listen(0), () => (server.listening ? close : Effect.void))
      const address = server.address()
      const port = address !== null && typeof address === "object" ? address.port : 0

      return Receiver.of({
        url: `http://127.0.0.1:${port}/webhooks`,
        behave: Effect.fnUntraced(function* (next) {
          reception = next
          byType.clear()
          if (next === "refuse") yield* close
          else if (!server.listening) yield* listen(port)
        }),
        behaveFor: (type, next) => Effect.sync(() => void byType.set(type, next)),
        next: Queue.take(queue),
        arrived,
        takenFor: (id) => taken.filter(({ userId }) => userId === id)
      })
    })
  )
}

/** What a receiver makes of one that came, which throws where the signature isn't right. */
export const verified = ({ body, headers }: Pick<Arrived, "body" | "headers">, secret = webhookSecret): unknown =>
  new Webhook(secret).verify(body, {
    "webhook-id": String(headers["webhook-id"]),
    "webhook-timestamp": String(headers["webhook-timestamp"]),
    "webhook-signature": String(headers["webhook-signature"])
  })
