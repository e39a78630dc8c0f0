import { connect, createServer, type Socket } from "node:net"
import { Effect, Redacted } from "effect"

/**
 * A network between a client and its PostgreSQL that can go wrong: it can swallow what the server answers, cut the connections
 * that are open, refuse new ones, and lead to another server from now on.
 */
export const proxyTo = Effect.fnUntraced(function* (target: Redacted.Redacted) {
  let { hostname, port } = new URL(Redacted.value(target))
  const open = new Set<Socket>()
  let swallowing = false
  let refusing = false
  const server = createServer((client) => {
    if (refusing) return void client.destroy()
    const upstream = connect(Number(port), hostname)
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.on("error", () => socket.destroy())
      socket.on("close", () => {
        open.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.pipe(upstream)
    upstream.on("data", (chunk) => swallowing || client.write(chunk))
  })
  const cut = Effect.sync(() => {
    for (const socket of open) socket.destroy()
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () =>
      Effect.andThen(
        cut,
        Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
      )
  )
  const url = new URL(Redacted.value(target))
  const address = server.address()
  url.port = String(typeof address === "object" ? address?.port : undefined)
  return {
    url: Redacted.make(url.href),
    cut,
    leadTo: (other: Redacted.Redacted) =>
      Effect.sync(() => {
        ;({ hostname, port } = new URL(Redacted.value(other)))
      }),
    swallow: (on: boolean) =>
      Effect.sync(() => {
        swallowing = on
      }),
    refuse: (on: boolean) =>
      Effect.sync(() => {
        refusing = on
      })
  }
})
