import { Agent, type IncomingHttpHeaders, request } from "node:http"
import { connect } from "node:net"
import { assert } from "@effect/vitest"
import { Effect, Schema } from "effect"

/** An answer as a client reads it. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** Undefined where the text isn't JSON. */
  readonly json: unknown
}

export interface Asked {
  readonly headers?: Record<string, string> | undefined
  /** A string is sent as it is, anything else as JSON; of several pieces each is sent as a chunk of its own. */
  readonly body?: unknown
  readonly chunks?: ReadonlyArray<string>
}

/** Somebody with an account, as registered. */
export interface Somebody {
  readonly id: string
  readonly username: string
  readonly email: string
  readonly password: string
  readonly jwt: string
}

/** A client of the service at one URL. */
export interface Client {
  readonly url: string
  send(method: string, path: string, asked?: Asked): Effect.Effect<Answer>
  get(path: string, headers?: Record<string, string>): Effect.Effect<Answer>
  post(path: string, body: unknown, headers?: Record<string, string>): Effect.Effect<Answer>
  /** Sends bytes as they are on a connection of its own, and waits until the server has closed it. */
  raw(bytes: string): Effect.Effect<Answer>
  /** Somebody new, signed in; what isn't given is made up. */
  register(person?: Partial<Pick<Somebody, "username" | "email" | "password">>): Effect.Effect<Somebody>
  signIn(identifier: string, password: string): Effect.Effect<Answer>
  me(jwt: string): Effect.Effect<Answer>
  changePassword(jwt: string, currentPassword: string, password: string): Effect.Effect<Answer>
  forgot(email: string): Effect.Effect<Answer>
  check(code: string): Effect.Effect<Answer>
  reset(code: string, password: string): Effect.Effect<Answer>
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const Registered = Schema.Struct({ jwt: Schema.String, user: Schema.Struct({ id: Schema.String }) })

/** The header that shows who is signed in. */
export const bearer = (jwt: string) => ({ authorization: `Bearer ${jwt}` })

/** What a JSON answer holds at `path`, which must be a string. */
export const textAt = ({ json, text }: Answer, ...path: ReadonlyArray<string>): string => {
  const found = path.reduce<unknown>(
    (value, key) => (typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined),
    json
  )
  assert(typeof found === "string", `${path.join(".")} in ${text}`)
  return found
}

let people = 0

/** A client that keeps its connections, unless it is told not to, until the scope closes. */
export const clientOf = Effect.fnUntraced(function* (url: string, { keepAlive = true } = {}) {
  const { hostname, pathname, port } = new URL(url)
  const base = pathname.replace(/\/$/, "")
  const agent = yield* Effect.acquireRelease(
    Effect.sync(() => new Agent({ keepAlive })),
    (agent) => Effect.sync(() => agent.destroy())
  )

  const send: Client["send"] = (method, path, { body, chunks, headers } = {}) =>
    Effect.callback<Answer, Error>((resume) => {
      const text = typeof body === "string" ? body : JSON.stringify(body)
      const outgoing = request(
        { hostname, port, path: base + path, method, agent, headers: { ...headers } },
        (incoming) => {
          const received: Array<Buffer> = []
          incoming.on("data", (chunk: Buffer) => received.push(chunk))
          incoming.on("error", (error) => resume(Effect.fail(error)))
          incoming.on("end", () => {
            const text = Buffer.concat(received).toString()
            resume(
              Effect.succeed({ status: incoming.statusCode ?? 0, headers: incoming.headers, text, json: parsed(text) })
            )
          })
        }
      )
      outgoing.on("error", (error) => resume(Effect.fail(error)))
      for (const chunk of chunks ?? []) outgoing.write(chunk)
      outgoing.end(text)
      return Effect.sync(() => outgoing.destroy())
    }).pipe(Effect.orDie)

  const raw: Client["raw"] = (bytes) =>
    Effect.callback<Answer>((resume) => {
      const received: Array<Buffer> = []
      const socket = connect({ host: hostname, port: Number(port) }, () => socket.write(bytes))
      socket.on("data", (chunk) => received.push(chunk))
      // A server that refuses to read on may reset the connection after its answer.
      socket.on("error", () => {})
      socket.on("close", () => resume(Effect.succeed(answerIn(Buffer.concat(received).toString()))))
      return Effect.sync(() => socket.destroy())
    })

  const post: Client["post"] = (path, body, headers) =>
    send("POST", path, { body, headers: { "content-type": "application/json", ...headers } })

  const register: Client["register"] = Effect.fnUntraced(function* (person) {
    const name = `person${process.pid}x${people++}`
    const somebody = { username: name, email: `${name}@example.com`, password: "an old long phrase", ...person }
    const answer = yield* post("/auth/local/register", somebody)
    assert.strictEqual(answer.status, 200, answer.text)
    const { jwt, user } = Schema.decodeUnknownSync(Registered)(answer.json)
    return { ...somebody, id: user.id, jwt }
  })

  const client: Client = {
    url,
    send,
    post,
    raw,
    register,
    get: (path, headers) => send("GET", path, { headers }),
    signIn: (identifier, password) => post("/auth/local", { identifier, password }),
    me: (jwt) => send("GET", "/users/me", { headers: bearer(jwt) }),
    changePassword: (jwt, currentPassword, password) =>
      post("/auth/change-password", { currentPassword, password, passwordConfirmation: password }, bearer(jwt)),
    forgot: (email) => post("/auth/forgot-password", { email }),
    check: (code) => post("/auth/reset-password/check", { code }),
    reset: (code, password) => post("/auth/reset-password", { code, password, passwordConfirmation: password })
  }
  return client
})

/** An answer out of the bytes of a connection, where there is one: status 0 stands for none. */
const answerIn = (bytes: string): Answer => {
  const end = bytes.indexOf("\r\n\r\n")
  const [statusLine = "", ...fields] = bytes.slice(0, Math.max(0, end)).split("\r\n")
  const text = end === -1 ? bytes : bytes.slice(end + 4)
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1] ?? 0),
    headers: Object.fromEntries(
      fields.map((field) => [
        field.slice(0, field.indexOf(":")).toLowerCase(),
        field.slice(field.indexOf(":") + 1).trim()
      ])
    ),
    text,
    json: parsed(text)
  }
}

/** Asserts that an answer is an error in the one shape, and gives its details. */
export const assertError = (
  answer: Answer,
  status: number,
  reason: string
): ReadonlyArray<{ readonly path: ReadonlyArray<string>; readonly message: string }> => {
  assert.strictEqual(answer.status, status, answer.text)
  const error = decodeError(answer.json)
  assert.deepStrictEqual({ code: error.code, reason: error.reason }, { code: status, reason }, answer.text)
  assert.isNotEmpty(error.message)
  assert.match(String(answer.headers["content-type"]), /^application\/json\b/)
  assert.strictEqual(answer.headers["cache-control"], "no-store")
  return error.details ?? []
}

/** Not the contract's own schema: a test that shares it would follow its mistakes. */
const decodeError = Schema.decodeUnknownSync(
  Schema.Struct({
    code: Schema.Int,
    message: Schema.String,
    reason: Schema.String,
    details: Schema.optionalKey(
      Schema.Array(Schema.Struct({ path: Schema.Array(Schema.String), message: Schema.String }))
    )
  }),
  { onExcessProperty: "error" }
)
