import { type Operations, routes } from "./operations.ts"
import { RekeyError } from "./RekeyError.ts"

export interface ClientOptions {
  /** Where the service is, such as `https://accounts.example.com`, with a path where it is mounted under one. */
  readonly url: string | URL
  /**
   * Gives the bearer token, asked anew by each call that needs one; keeping it is the caller's business. Nothing where nobody is
   * signed in: the service then refuses with `Unauthenticated`.
   */
  readonly token?: () => string | null | undefined | Promise<string | null | undefined>
  /** In place of the global one. */
  readonly fetch?: typeof globalThis.fetch
}

export interface CallOptions {
  /** Aborts the call, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

type Method<Operation> = Operation extends { readonly request: infer Request; readonly response: infer Response }
  ? (request: Request, options?: CallOptions) => Promise<Response>
  : Operation extends { readonly response: infer Response }
    ? (options?: CallOptions) => Promise<Response>
    : never

/** A function for each endpoint, in the groups of the contract. Each rejects with {@link RekeyError}. */
export type Client = {
  readonly [Group in keyof Operations]: {
    readonly [Name in keyof Operations[Group]]: Method<Operations[Group][Name]>
  }
}

/** A client of one service, by `fetch` alone. */
export const createClient = ({ fetch = globalThis.fetch, token, url }: ClientOptions): Client => {
  const base = String(url).replace(/\/+$/, "")

  const call = async (route: string, request: Fields, { signal }: CallOptions = {}): Promise<unknown> => {
    const [method = "", path = "", ...flags] = route.split(" ")
    const bearer = flags.includes("bearer") && (await token?.())
    const body = flags.includes("body") && JSON.stringify(request)
    const query = flags.includes("query") ? `?${queryOf(request)}` : ""
    const target = base + path.replace(/:(\w+)/, (_, name) => segment(name, request[name])) + query
    let response: Response
    let text: string
    try {
      response = await fetch(target, {
        method,
        headers: {
          accept: "application/json",
          ...(body && { "content-type": "application/json" }),
          ...(bearer && { authorization: `Bearer ${bearer}` })
        },
        ...(body && { body }),
        ...(signal && { signal }),
        // Neither a code in the page's address nor a cookie goes along, and no password goes where a redirection points.
        referrerPolicy: "no-referrer",
        credentials: "omit",
        redirect: "error"
      })
      text = await response.text()
    } catch (cause) {
      signal?.throwIfAborted()
      throw new RekeyError({ status: 0, reason: "NoAnswer", message: "The service can't be reached." }, { cause })
    }
    const answer = parsed(text)
    if (response.ok && answer) return answer
    throw errorIn(response, answer)
  }

  const method = (route: string): AnyMethod =>
    / body| query|:/.test(route)
      ? (request: Fields, options?: CallOptions) => call(route, request, options)
      : (options?: CallOptions) => call(route, {}, options)
  const methods: Readonly<Record<string, Readonly<Record<string, AnyMethod>>>> = mapped(routes, (group) =>
    mapped(group, method)
  )
  // Which method has which name is what `routes` and `Operations` agree on; test/client/agreement.test.ts has the compiler check it.
  return methods as Client
}

/** A method whichever it is. */
type AnyMethod = (...parameters: never) => Promise<unknown>

/** The members of a request, or of an answer. */
type Fields = Readonly<Record<string, unknown>>

const mapped = <A, B>(record: Readonly<Record<string, A>>, f: (value: A) => B) =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value)]))

/** What of a request goes into a query: what isn't there isn't. */
const queryOf = (request: Fields) =>
  new URLSearchParams(
    Object.entries(request).flatMap(
      ([name, value]): Array<[string, string]> => (value == null ? [] : [[name, String(value)]])
    )
  )

/** One segment of a path: an empty one, or dots, would name another endpoint. */
const segment = (name: string, value: unknown): string => {
  if (typeof value === "string" && !/^\.{0,2}$/.test(value)) return encodeURIComponent(value)
  const message = `${name} must be the id of something.`
  throw new RekeyError({ status: 0, reason: "InvalidRequest", message, details: [{ path: [name], message }] })
}

/** An object or an array; nothing else is an answer of Rekey's. */
const parsed = (text: string): Fields | undefined => {
  try {
    const value = JSON.parse(text)
    return typeof value === "object" && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

const errorIn = ({ headers, ok, status }: Response, answer: Fields | undefined): RekeyError => {
  const { details, message, reason } = (!ok && answer) || {}
  const retryAfter = Number(headers.get("retry-after") ?? Number.NaN)
  return new RekeyError({
    status,
    ...(typeof reason === "string" && typeof message === "string"
      ? { reason, message }
      : { reason: "UnexpectedAnswer", message: `An answer with status ${status} isn't Rekey's.` }),
    ...(Array.isArray(details) && { details }),
    retryAfterSeconds: Number.isFinite(retryAfter) ? retryAfter : undefined,
    requestId: headers.get("x-request-id") ?? undefined
  })
}
