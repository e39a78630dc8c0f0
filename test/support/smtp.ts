import type { Socket } from "node:net"
import { Context, Effect, Layer, Queue } from "effect"
import { type ParsedMail, simpleParser } from "mailparser"
import { SMTPServer, type SMTPServerError, type SMTPServerSession } from "smtp-server"

/** What the server does with whom connects from now on. */
export type Behaviour =
  /** Takes mails. */
  | "take"
  /** Takes mails, half a second after it has them. */
  | "slow"
  /** Isn't there: connections are refused. */
  | "refuse"
  /** Lets a client connect and then says nothing. */
  | "hang"
  /** Takes a mail to its end and then says nothing. */
  | "stall"
  /** Answers each recipient with 451 and the address. */
  | "defer"
  /** Answers each recipient with 550 and the address. */
  | "reject"
  /** Takes a mail to its end and hangs up without a reply. */
  | "drop"
  /** Takes a mail, keeps it and never replies. */
  | "mute"

export interface ArrivedMail {
  readonly envelope: { readonly from: string; readonly to: ReadonlyArray<string> }
  /** Whether it came over TLS. */
  readonly encrypted: boolean
  readonly raw: string
  readonly parsed: ParsedMail
}

export interface MailServerOptions {
  /** Sign-in is asked for; a wrong one is answered with what was tried. */
  readonly credentials?: { readonly user: string; readonly password: string }
  /** The certificate is smtp-server's own: nobody vouches for it. */
  readonly tls?: "implicit" | "starttls"
}

/** A mail server on loopback which speaks SMTP and keeps what it gets. */
export class MailServer extends Context.Service<
  MailServer,
  {
    /** `smtp://127.0.0.1:port`, without credentials. */
    readonly url: string
    behave(behaviour: Behaviour): Effect.Effect<void>
    /** Answers this recipient with 550 from now on, whoever else is on the server. */
    reject(address: string): Effect.Effect<void>
    /** The next mail for exactly this address that wasn't asked for yet; waits for it. */
    next(address: string): Effect.Effect<ArrivedMail>
    /** All mails so far, the oldest first. */
    readonly arrived: Effect.Effect<ReadonlyArray<ArrivedMail>>
    /** Waits for a client to connect, or to be gone; each one is told once. */
    readonly connected: Effect.Effect<void>
    readonly disconnected: Effect.Effect<void>
  }
>()("rekey/test/MailServer") {
  static readonly layerWith = ({ credentials, tls }: MailServerOptions) =>
    Layer.effect(
      MailServer,
      Effect.gen(function* () {
        let behaviour: Behaviour = "take"
        const rejected = new Set<string>()
        const arrived: Array<ArrivedMail> = []
        const boxes = new Map<string, Queue.Queue<ArrivedMail>>()
        const sockets = new Map<number, Socket>()
        const connected = yield* Queue.unbounded<void>()
        const disconnected = yield* Queue.unbounded<void>()

        const boxOf = Effect.fnUntraced(function* (address: string) {
          const box = boxes.get(address) ?? (yield* Queue.unbounded<ArrivedMail>())
          boxes.set(address, box)
          return box
        })

        const keep = Effect.fnUntraced(function* (raw: string, { envelope, secure }: SMTPServerSession) {
          const from = envelope.mailFrom ? envelope.mailFrom.address : ""
          const to = envelope.rcptTo.map(({ address }) => address)
          const parsed = yield* Effect.promise(() => simpleParser(raw))
          const mail = { envelope: { from, to }, encrypted: secure, raw, parsed }
          arrived.push(mail)
          for (const address of to) yield* Queue.offer(yield* boxOf(address), mail)
        })

        const server = new SMTPServer({
          logger: false,
          disableReverseLookup: true,
          closeTimeout: 1,
          secure: tls === "implicit",
          allowInsecureAuth: true,
          disabledCommands: [...(credentials ? [] : ["AUTH"]), ...(tls === "starttls" ? [] : ["STARTTLS"])],
          onAuth: ({ password, username }, _session, callback) =>
            username === credentials?.user && password === credentials?.password
              ? callback(null, { user: username })
              : callback(refusal(535, `${username} may not sign in with ${password}`)),
          onClose: ({ remotePort }) => {
            sockets.delete(remotePort)
            Queue.offerUnsafe(disconnected, undefined)
          },
          onConnect: (_session, callback) => {
            if (behaviour !== "hang") callback()
          },
          onRcptTo: ({ address }, _session, callback) =>
            behaviour === "defer"
              ? callback(refusal(451, `${address} is busy`))
              : behaviour === "reject" || rejected.has(address)
                ? callback(refusal(550, `${address} is unknown`))
                : callback(),
          onData: (stream, session, callback) => {
            const chunks: Array<Buffer> = []
            stream.on("data", (chunk: Buffer) => chunks.push(chunk))
            stream.on("end", () => {
              if (behaviour === "stall") return
              if (behaviour === "drop") {
                sockets.get(session.remotePort)?.destroy()
                return
              }
              Effect.runFork(
                keep(Buffer.concat(chunks).toString(), session).pipe(
                  Effect.delay(behaviour === "slow" ? "500 millis" : 0),
                  Effect.andThen(Effect.sync(() => behaviour === "mute" || callback()))
                )
              )
            })
          }
        })
        // A client that breaks off is what some tests are about.
        server.on("error", () => {})
        server.server.on("connection", (socket) => {
          sockets.set(socket.remotePort ?? 0, socket)
          Queue.offerUnsafe(connected, undefined)
        })

        const listen = (port: number) =>
          Effect.callback<void>((resume) => {
            server.listen(port, "127.0.0.1", () => resume(Effect.void))
          })
        yield* Effect.acquireRelease(listen(0), () =>
          Effect.callback<void>((resume) => {
            server.close(() => resume(Effect.void))
            for (const socket of sockets.values()) socket.destroy()
          })
        )
        const address = server.server.address()
        const port = address !== null && typeof address === "object" ? address.port : 0

        return MailServer.of({
          url: `${tls === "implicit" ? "smtps" : "smtp"}://127.0.0.1:${port}`,
          behave: Effect.fnUntraced(function* (next) {
            behaviour = next
            if (next === "refuse") server.server.close()
            else if (!server.server.listening) yield* listen(port)
          }),
          reject: (address) => Effect.sync(() => void rejected.add(address)),
          next: Effect.fnUntraced(function* (address) {
            return yield* Queue.take(yield* boxOf(address))
          }),
          arrived: Effect.sync(() => [...arrived]),
          connected: Queue.take(connected),
          disconnected: Queue.take(disconnected)
        })
      })
    )

  static readonly layer = MailServer.layerWith({})
}

const refusal = (responseCode: number, message: string): SMTPServerError =>
  Object.assign(new Error(message), { responseCode })
