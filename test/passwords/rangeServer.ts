import { createHash } from "node:crypto"
import { createServer, type Socket } from "node:net"
import { Effect } from "effect"

const sha1 = (password: string) => createHash("sha1").update(password).digest("hex").toUpperCase()

/** The five digits under which a range API files a password. */
export const prefixOf = (password: string) => sha1(password).slice(0, 5)

/** A suffix that no password of a test has. */
const nobodysSuffix = "0".repeat(35)

const ok = (body: string) =>
  `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`

/** What the server sends to whom asks; `undefined` sends nothing and leaves the connection open. */
export type Behaviour = (prefix: string) => { readonly bytes?: string; readonly close?: boolean }

/** Knows these passwords, `count` times each, among entries of padding and of other passwords. */
export const knows =
  (passwords: ReadonlyArray<string>, count = 3, lineEnd = "\r\n"): Behaviour =>
  (prefix) => {
    const known = passwords.filter((password) => prefixOf(password) === prefix)
    const entries = [
      `${nobodysSuffix}:12`,
      ...known.map((password) => `${sha1(password).slice(5)}:${count}`),
      ...Array.from({ length: 800 }, (_, index) => `${sha1(`padding ${index}`).slice(5)}:0`)
    ]
    return { bytes: ok(entries.join(lineEnd)) }
  }

/** Ways not to answer, by name. The password in question is one that the server would know. */
export const failures = (password: string): Readonly<Record<string, Behaviour>> => {
  const suffix = sha1(password).slice(5)
  return {
    "says nothing": () => ({}),
    "says the half and then nothing": () => ({
      bytes: `HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n${suffix}:3\r\n`
    }),
    "closes at once": () => ({ close: true }),
    "closes midway": () => ({ bytes: `HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n${suffix}:3\r\n`, close: true }),
    "answers 500": () => ({ bytes: "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n" }),
    "answers 429": () => ({ bytes: "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n" }),
    "answers 204": () => ({ bytes: "HTTP/1.1 204 No Content\r\n\r\n" }),
    "answers nothing": () => ({ bytes: ok("") }),
    "answers a page": () => ({ bytes: ok("<!doctype html><title>Sign in to the hotel's network</title>") }),
    "answers garbage": () => ({ bytes: ok("\0\u0001\u0002 nothing of the sort") }),
    "isn't HTTP": () => ({ bytes: "220 mail.example.com ESMTP\r\n", close: true }),
    "answers suffixes that are too short": () => ({ bytes: ok(`${suffix}:3\r\n${suffix.slice(1)}:3`) }),
    "answers whole hashes": () => ({ bytes: ok(`${suffix}:3\r\n${sha1(password)}:3`) }),
    "answers no counts": () => ({ bytes: ok(`${suffix}\r\n${nobodysSuffix}`) }),
    "answers negative counts": () => ({ bytes: ok(`${suffix}:-3`) }),
    "answers a blank line within": () => ({ bytes: ok(`${suffix}:3\r\n\r\n${nobodysSuffix}:1`) }),
    "answers far too much": () => ({ bytes: ok(`${suffix}:3\r\n`.repeat(100_000)) })
  }
}

/** A range API on loopback that keeps every byte which reaches it. */
export const startRangeServer = Effect.gen(function* () {
  let behaviour: Behaviour = knows([])
  const sockets = new Set<Socket>()
  const received: Array<string> = []

  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on("error", () => {})
    let request = ""
    socket.setEncoding("latin1").on("data", (text: string) => {
      request += text
      if (!request.includes("\r\n\r\n")) return
      const { bytes = "", close } = behaviour(/^GET \S*\/(\S*) /.exec(request)?.[1] ?? "")
      received.push(request)
      request = ""
      socket.write(bytes)
      if (close) socket.destroySoon()
    })
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        for (const socket of sockets) socket.destroy()
      })
  )
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return {
    url: new URL(`http://127.0.0.1:${port}/range/`),
    behave: (next: Behaviour) => {
      behaviour = next
    },
    /** Each request as it came, the oldest first. */
    received
  }
})
