import { connect, type Socket } from "node:net"
import { assert } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { WatchedHasher } from "../passwords/doubles.ts"
import { assertError, textAt } from "../support/client.ts"
import { onPostgres, Service, startService } from "../support/service.ts"

const newPassword = "a new long phrase"
const marker = "s3cr3t-do-not-echo"

onPostgres("a fault of ours", Service.layerWatched(), (it) => {
  it.effect("is 500 in the one shape, tells nothing, and is logged under the request's id", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { breakNext } = yield* WatchedHasher
      const code = yield* service.codeFor((yield* service.register()).email)
      yield* breakNext("hash", new Error(`broken by ${marker}`))
      const answer = yield* service.reset(code, newPassword)
      assertError(answer, 500, "InternalError")
      assert.notInclude(answer.text, marker)
      const id = String(answer.headers["x-request-id"])
      const told = service.logs.filter((line) => line.includes(id))
      assert.lengthOf(told, 2)
      assert.deepInclude(JSON.parse(told[0] ?? ""), { level: "ERROR" })
      assert.include(told[0], marker)
      assert.strictEqual((yield* service.reset(code, newPassword)).status, 200)
    })
  )

  it.effect("is the same for the page's form", () =>
    Effect.gen(function* () {
      const service = yield* Service
      const { breakNext } = yield* WatchedHasher
      const code = yield* service.codeFor((yield* service.register()).email)
      yield* breakNext("hash", marker)
      const answer = yield* service.send("POST", "/reset-password", {
        headers: { "content-type": "application/x-www-form-urlencoded", cookie: `rekey_reset_code=${code}` },
        body: "password=a+long+phrase&passwordConfirmation=a+long+phrase"
      })
      assertError(answer, 500, "InternalError")
      assert.notInclude(answer.text, marker)
    })
  )
})

/** A connection whose bytes are written and read as a test likes. */
const connectTo = Effect.fnUntraced(function* (url: string) {
  const { hostname, port } = new URL(url)
  const socket = yield* Effect.acquireRelease(
    Effect.callback<Socket>((resume) => {
      const socket = connect({ host: hostname, port: Number(port) }, () => resume(Effect.succeed(socket)))
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )
  let received = ""
  socket.on("data", (chunk) => {
    received += chunk
  })
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()))
  return {
    write: (text: string) => Effect.sync(() => void socket.write(text)),
    /** Waits for the next bytes. */
    next: Effect.callback<void>((resume) => void socket.once("data", () => resume(Effect.void))),
    /** Waits for the end, and gives all that came. */
    all: Effect.map(
      Effect.promise(() => closed),
      () => received
    )
  }
})

/** How a new connection is refused. */
const refusalOf = (url: string) =>
  Effect.callback<string>((resume) => {
    const { hostname, port } = new URL(url)
    connect({ host: hostname, port: Number(port) }).once("error", (error: NodeJS.ErrnoException) =>
      resume(Effect.succeed(error.code ?? ""))
    )
  })

onPostgres("shutting down", WatchedHasher.layer, (it) => {
  it.effect("completes the reset that is under way, refuses what still comes in, and closes each connection (B9)", () =>
    Effect.gen(function* () {
      const { halt, layer } = yield* WatchedHasher
      const life = yield* Scope.make()
      const service = yield* Scope.provide(startService({ hasher: layer }), life)
      const { email } = yield* service.register()
      const code = yield* service.codeFor(email)
      const [resetting, asking] = [yield* connectTo(service.url), yield* connectTo(service.url)]

      const health = "GET /health HTTP/1.1\r\nHost: x\r\n"
      // A request and the beginning of the next: by the first answer the server has read both.
      yield* asking.write(`${health}\r\n${health}`)
      yield* asking.next
      const { reached, release } = yield* halt("hash")
      const body = JSON.stringify({ code, password: newPassword, passwordConfirmation: newPassword })
      const head = "POST /auth/reset-password HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
      yield* resetting.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`)
      yield* reached

      const stopped = yield* Effect.forkChild(Scope.close(life, Exit.void), { startImmediately: true })
      assert.strictEqual(yield* refusalOf(service.url), "ECONNREFUSED")
      yield* asking.write("\r\n")
      const [first, second] = (yield* asking.all).split(/(?=HTTP\/1\.1 \d{3} )/)
      assert.match(first ?? "", /^HTTP\/1\.1 200 /)
      assert.match(second ?? "", /^HTTP\/1\.1 503 [\s\S]*retry-after: 1[\s\S]*"reason":"Unavailable"/)
      yield* release
      assert.match(yield* resetting.all, /^HTTP\/1\.1 200 [\s\S]*"user"/)
      yield* Fiber.join(stopped)

      const next = yield* startService()
      assert.strictEqual(textAt(yield* next.signIn(email, newPassword), "user", "email"), email)
    })
  )
})
