import { Schema } from "effect"
import { OpenApi } from "effect/http-api"
import * as fc from "fast-check"
import { Api } from "../../src/api/Api.ts"
import { paths } from "../../src/http/paths.ts"

/** Stands for the token of a session that lives. */
export const liveToken = "<token>"

/** Of an administrator. */
export const administratorToken = "0123456789abcdef0123456789abcdef"

/** Something sent to the server: a request of HTTP, or bytes on a connection. Bytes are a string of Latin-1. */
export type Input =
  | {
      readonly _tag: "Request"
      readonly method: string
      readonly path: string
      readonly headers: Readonly<Record<string, string>>
      readonly body: string
    }
  | { readonly _tag: "Bytes"; readonly bytes: string }

interface Door {
  readonly method: string
  readonly path: string
  readonly fields: ReadonlyArray<string>
}

/** As much of an OpenAPI document as is looked at. */
const Schemas = Schema.Struct({
  $ref: Schema.optionalKey(Schema.String),
  properties: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown))
})
const Body = Schema.Struct({ content: Schema.Record(Schema.String, Schema.Struct({ schema: Schemas })) })
const decodeDocument = Schema.decodeUnknownSync(
  Schema.Struct({
    components: Schema.Struct({ schemas: Schema.Record(Schema.String, Schemas) }),
    paths: Schema.Record(
      Schema.String,
      Schema.Record(Schema.String, Schema.Struct({ requestBody: Schema.optionalKey(Body) }))
    )
  })
)

/** Every endpoint of the contract with the fields of its body, and the pages. */
const doors: ReadonlyArray<Door> = (() => {
  const { components, paths: endpoints } = decodeDocument(OpenApi.fromApi(Api))
  const contract = Object.entries(endpoints).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { requestBody }]): Door => {
      const schema = requestBody?.content["application/json"]?.schema ?? {}
      const { properties = {} } = schema.$ref ? (components.schemas[schema.$ref.split("/").at(-1) ?? ""] ?? {}) : schema
      return { method: method.toUpperCase(), path, fields: Object.keys(properties) }
    })
  )
  const form = ["code", "password", "passwordConfirmation"]
  const pages = [
    paths.resetPage,
    paths.resetDonePage,
    paths.confirmPage,
    paths.confirmDonePage,
    paths.docs,
    paths.openapi,
    paths.inbox
  ]
  return [
    ...contract,
    ...pages.map((path) => ({ method: "GET", path, fields: [] })),
    { method: "POST", path: paths.resetPage, fields: form },
    { method: "POST", path: paths.confirmPage, fields: form }
  ]
})()

const latin1 = (text: string) => Buffer.from(text).toString("latin1")

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array).toString("latin1"))

const long = fc
  .tuple(fc.constantFrom("a", "é", "🐈", "\u0301", " ", "1", "@", "."), fc.nat(20_000))
  .map(([unit, times]) => unit.repeat(times))

const address = fc
  .tuple(
    fc.oneof(
      fc.string({ unit: "binary", maxLength: 70 }),
      fc.constantFrom("ada", "ada+tag", '"a b"', "a\r\nBcc: eve", "ada,eve")
    ),
    fc.oneof(
      fc.domain(),
      fc.constantFrom(
        "example.com",
        "xn--",
        "xn--a",
        "1.2.3.4",
        "[::1]",
        "ﬀ.com",
        "a..b",
        "例え。テスト",
        "-a.b",
        "%00.com"
      )
    )
  )
  .map(([local, domain]) => `${local}@${domain}`)

const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme" }),
  long,
  address,
  fc.constantFrom(
    "",
    "\0",
    "\ud800",
    "x".repeat(43),
    "a phrase of some length",
    "password",
    "true",
    "null",
    "%00",
    "../.."
  ),
  fc.constantFrom("fuzz", "fuzz@example.com", "a phrase for fuzzing")
)

const value = fc.oneof(
  { arbitrary: text, weight: 4 },
  { arbitrary: fc.jsonValue(), weight: 1 },
  { arbitrary: fc.anything(), weight: 1 }
)

const deep = fc
  .tuple(fc.constantFrom(["[", "]"], ['{"a":', "}"]), fc.nat(5000))
  .map(([[open, close], depth]) => `${open?.repeat(depth)}1${close?.repeat(depth)}`)

const jsonOf = (value: unknown): string => {
  try {
    return JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? Number(inner) : inner)) ?? "undefined"
  } catch {
    return "{}" // in a circle
  }
}

/** A few bytes of a text taken out, put in or exchanged. */
const damaged = (text: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(text, fc.nat(), fc.nat(8), bytes(8)).map(([text, at, taken, added]) => {
    const place = at % (text.length + 1)
    return text.slice(0, place) + added + text.slice(place + taken)
  })

const bodyOf = ({ fields }: Door): fc.Arbitrary<string> => {
  const field = fc.constantFrom(...fields, "email", "__proto__", "constructor", "extra")
  // Each field as it is called, often with what it should hold, and now and then missing.
  const close = fc.record(Object.fromEntries(fields.map((name) => [name, value])), { requiredKeys: [] })
  const json = fc.oneof(close, fc.dictionary(field, value), value).map((body) => latin1(jsonOf(body)))
  const twice = fc
    .array(fc.tuple(field, value), { maxLength: 6 })
    .map((entries) =>
      latin1(`{${entries.map(([name, value]) => `${JSON.stringify(name)}:${jsonOf(value)}`).join(",")}}`)
    )
  const form = fc.dictionary(field, text).map((body) => {
    const entries = Object.entries(body).map(([name, value]) => [name, value.toWellFormed()] as const)
    return new URLSearchParams(Object.fromEntries(entries)).toString()
  })
  return fc.oneof(
    { arbitrary: json, weight: 6 },
    { arbitrary: twice, weight: 2 },
    { arbitrary: damaged(json), weight: 2 },
    { arbitrary: form, weight: 1 },
    { arbitrary: damaged(form), weight: 1 },
    { arbitrary: deep, weight: 1 },
    { arbitrary: bytes(300), weight: 1 },
    { arbitrary: fc.constant(" ".repeat(66_000)), weight: 1 }
  )
}

/** What Node's client sends: visible Latin-1. */
const headerText = fc.string({
  unit: fc
    .integer({ min: 0x20, max: 0xff })
    .filter((code) => code !== 0x7f)
    .map((code) => String.fromCharCode(code)),
  maxLength: 200
})

const token = fc.oneof(
  fc.constant(`Bearer ${liveToken}`),
  fc.constant(`Bearer ${administratorToken}`),
  headerText,
  fc.base64String({ maxLength: 100 }).map((text) => `Bearer ${text}`),
  fc
    .tuple(fc.jsonValue(), fc.jsonValue())
    .map(
      (parts) => `Bearer ${parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".")}.x`
    )
)

const headers = fc.record(
  {
    "content-type": fc.oneof(
      { arbitrary: fc.constant("application/json"), weight: 8 },
      fc.constantFrom(
        "application/json; charset=utf-16",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain"
      ),
      headerText
    ),
    authorization: token,
    accept: headerText,
    "content-encoding": fc.constantFrom("gzip", "deflate", "br", "x"),
    cookie: fc.oneof(
      headerText,
      headerText.map((text) => `rekey_reset_code=${text}`)
    ),
    origin: headerText,
    "user-agent": headerText,
    "x-forwarded-for": headerText,
    forwarded: headerText,
    "x-request-id": headerText,
    traceparent: headerText,
    b3: headerText,
    range: headerText,
    expect: fc.constantFrom("100-continue", "x"),
    "x-http-method-override": fc.constantFrom("DELETE", "x")
  },
  { requiredKeys: ["content-type"] }
)

const segment = fc.oneof(
  fc.uuid({ version: 7 }),
  fc.string({ unit: "binary", maxLength: 30 }).map((text) => encodeURIComponent(text.toWellFormed())),
  fc.constantFrom("%", "%zz", "%00", "%2e%2e", "..", "%ed%a0%80", "a".repeat(3000))
)

const pathOf = ({ path }: Door): fc.Arbitrary<string> =>
  fc
    .tuple(segment, fc.option(fc.tuple(segment, segment), { freq: 5 }), fc.option(segment, { freq: 20 }))
    .map(([id, query, beyond]) => {
      const filled = path.replace(/\{\w+\}|:\w+/g, id)
      return `${filled}${beyond === null ? "" : `/${beyond}`}${query === null ? "" : `?${query[0]}=${query[1]}`}`
    })

const method = ({ method }: Door) =>
  fc.oneof(
    { arbitrary: fc.constant(method), weight: 12 },
    fc.constantFrom("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY")
  )

const request: fc.Arbitrary<Input> = fc.constantFrom(...doors).chain((door) =>
  fc.record({
    _tag: fc.constant("Request" as const),
    method: method(door),
    path: pathOf(door),
    headers,
    body: bodyOf(door)
  })
)

/** A request as it stands on a connection, with a length that is true, false or missing. */
const written = fc.tuple(request, fc.constantFrom("true", "false", "chunked", "none")).map(([input, length]) => {
  if (input._tag === "Bytes") return input.bytes
  const fields = Object.entries({ host: "localhost", connection: "close", ...input.headers }).map(
    ([name, value]) => `${name}: ${value}`
  )
  const framing = {
    true: [`content-length: ${input.body.length}`],
    false: [`content-length: ${input.body.length + 7}`],
    chunked: ["transfer-encoding: chunked"],
    none: []
  }[length]
  return [`${input.method} ${input.path} HTTP/1.1`, ...fields, ...(framing ?? []), "", input.body].join("\r\n")
})

const onConnection: fc.Arbitrary<Input> = fc
  .oneof(
    { arbitrary: damaged(written), weight: 4 },
    { arbitrary: written, weight: 1 },
    { arbitrary: bytes(400), weight: 1 }
  )
  .map((bytes) => ({ _tag: "Bytes", bytes }))

export const input = fc.oneof({ arbitrary: request, weight: 9 }, { arbitrary: onConnection, weight: 1 })
