import { Record as Records, Schema } from "effect"
import { ErrorBody, httpError } from "./errors.ts"

/** As much of an OpenAPI 3.1 document as is touched here. */
interface Document {
  readonly paths?: Record<string, Record<string, Operation>>
  readonly components?: { readonly schemas?: Record<string, JsonSchema> }
}

interface Operation {
  readonly requestBody?: { readonly content: Record<string, Content> }
  readonly responses: Record<string, Response>
}

interface Response {
  readonly description: string
  readonly content?: Record<string, Content>
}

interface Content {
  readonly schema: JsonSchema
  readonly examples?: Record<string, { readonly value: unknown }>
}

interface JsonSchema {
  readonly $ref?: string
  readonly anyOf?: ReadonlyArray<JsonSchema>
  readonly description?: string
  readonly enum?: ReadonlyArray<unknown>
  readonly properties?: Record<string, JsonSchema>
  readonly additionalProperties?: unknown
  readonly format?: string
  readonly examples?: ReadonlyArray<unknown>
}

/** What a person wants to know of a field, by its name: it means the same wherever it stands. */
const fields: Record<string, JsonSchema> = {
  code: { description: "The code from the mail.", examples: ["uG0sCcWCXM7iU8Gk3xTfIYkFV0iNPz0GbTFCbJw1fXo"] },
  email: { description: "An e-mail address.", format: "email", examples: ["ada@example.com"] },
  username: { description: "3 to 64 characters, without @.", examples: ["ada"] },
  identifier: { description: "An e-mail address or a user name.", examples: ["ada@example.com"] },
  password: {
    description:
      "The new password: 8 to 256 characters unless configured otherwise, of any kind; no common one, nor one that is little more than the address or the user name.",
    format: "password"
  },
  passwordConfirmation: { description: "The same password once more.", format: "password" },
  currentPassword: { description: "The password until now.", format: "password" },
  jwt: { description: "A bearer token (JSON Web Token) for this session." },
  id: { description: "A UUIDv7.", format: "uuid" },
  createdAt: { description: "A UTC instant, ISO 8601.", format: "date-time" },
  updatedAt: { description: "A UTC instant, ISO 8601.", format: "date-time" },
  expiresAt: { description: "A UTC instant, ISO 8601.", format: "date-time" },
  confirmed: { description: "Whether the owner has shown that mail to the address arrives." },
  blocked: { description: "Whether the operator has blocked the account." },
  language: { description: "A language by its code (RFC 5646).", examples: ["de"] },
  current: { description: "Whether it is the session that asks." },
  device: { description: "What kind of device, as far as it said.", examples: ["Firefox on Windows"] },
  clientAddress: {
    description: "The client's network or address, as far as the service keeps it.",
    examples: ["192.0.2.0/24"]
  },
  at: { description: "A UTC instant, ISO 8601.", format: "date-time" },
  event: { description: "What was done, or tried.", examples: ["sign-in"] },
  outcome: {
    description: "How it ended: of an event done or refused, of a mail sent, dropped or dead.",
    examples: ["done"]
  },
  reason: { description: "Why it was refused.", examples: ["wrong-password"] },
  actor: {
    description: "Who: the owner, anonymous, an administrator, or the operator on the command line (cli).",
    examples: ["owner"]
  },
  kind: { description: "What the mail was for.", examples: ["reset-code"] },
  settledAt: { description: "When it was sent or given up; null while it waits.", format: "date-time" },
  passwordChangedAt: { description: "A UTC instant, ISO 8601.", format: "date-time" },
  requestId: { description: "Names the request in the service's log.", format: "uuid" },
  next: { description: "What `before` takes for the next page; null where there is none." }
}

/** The descriptions of the document that this service implements, word for word. */
const descriptions: Record<string, string> = { 200: "response", 403: "Forbidden", 404: "Not found" }

const reference = "#/components/schemas/"

const internal = httpError("internal", "en")

const unexpected: Response = {
  description: "unexpected error",
  content: {
    "application/json": {
      schema: { $ref: `${reference}Error` },
      examples: { [internal.reason]: { value: internal } }
    }
  }
}

/** Adds what `HttpApi` can't say: the `default` response of every operation, examples of each error, words for people. */
export const forPeople = (document: Document): Document => {
  const schemas: Record<string, JsonSchema> = {
    ...document.components?.schemas,
    ...Schema.toJsonSchemaDocument(ErrorBody).definitions
  }

  // The `code` of an error is a status.
  const describeFields = (schema: JsonSchema): JsonSchema => ({
    ...schema,
    ...(schema.properties &&
      !schema.properties.reason && {
        properties: Records.map(schema.properties, (property, name) => ({ ...property, ...fields[name] }))
      })
  })

  // Unknown keys in a request are ignored, so the document must not forbid them.
  const request = (content: Content): Content => {
    const { additionalProperties: _, ...schema } = content.schema
    return { ...content, schema: describeFields(schema) }
  }

  const examplesOf = (schema: JsonSchema): Record<string, { readonly value: unknown }> =>
    Object.fromEntries(
      (schema.anyOf ?? [schema]).flatMap(({ $ref = "" }) => {
        const name = $ref.slice(reference.length)
        const error = schemas[name]
        const code = error?.properties?.code?.enum?.[0]
        return code === undefined ? [] : [[name, { value: { code, message: error?.description, reason: name } }]]
      })
    )

  const response = (response: Response, status: string): Response => ({
    ...response,
    description: descriptions[status] ?? response.description,
    ...(response.content && {
      content: Records.map(response.content, (content) => {
        const examples = examplesOf(content.schema)
        const schema = describeFields(content.schema)
        return { ...content, schema, ...(Object.keys(examples).length > 0 && { examples }) }
      })
    })
  })

  const operation = (operation: Operation): Operation => ({
    ...operation,
    ...(operation.requestBody && {
      requestBody: { ...operation.requestBody, content: Records.map(operation.requestBody.content, request) }
    }),
    responses: { ...Records.map(operation.responses, response), default: unexpected }
  })

  return {
    ...document,
    paths: Records.map(document.paths ?? {}, (operations) => Records.map(operations, operation)),
    components: { ...document.components, schemas: Records.map(schemas, describeFields) }
  }
}
