import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { bearer } from "../support/client.ts"
import { administrators, onPostgres, Service } from "../support/service.ts"

interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly enum?: ReadonlyArray<unknown>
  readonly anyOf?: ReadonlyArray<Schema>
  readonly required?: ReadonlyArray<string>
  readonly properties?: Record<string, Schema>
  readonly additionalProperties?: unknown
  readonly description?: string
}

interface Content {
  readonly schema: Schema
  readonly examples?: Record<string, { readonly value: Record<string, unknown> }>
}

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly description: string
  readonly security: ReadonlyArray<Record<string, unknown>>
  readonly parameters: ReadonlyArray<{ readonly name: string; readonly in: string; readonly required: boolean }>
  readonly requestBody?: { readonly required: boolean; readonly content: Record<string, Content> }
  readonly responses: Record<string, { readonly description: string; readonly content: Record<string, Content> }>
}

interface Document {
  readonly openapi: string
  readonly info: Record<string, string>
  readonly paths: Record<string, Record<string, Operation>>
  readonly components: { readonly schemas: Record<string, Schema>; readonly securitySchemes: Record<string, unknown> }
}

const documentOf = Effect.gen(function* () {
  const { get } = yield* Service
  const answer = yield* get("/openapi.json")
  assert.strictEqual(answer.status, 200)
  assert.match(String(answer.headers["content-type"]), /^application\/json/)
  return answer.json as Document
})

const operationsOf = ({ paths }: Document) =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation }))
  )

const nodesOf = (value: unknown): ReadonlyArray<object> =>
  typeof value === "object" && value !== null ? [value, ...Object.values(value).flatMap(nodesOf)] : []

onPostgres("the OpenAPI document", Service.layerWithInbox({ settings: { administrators } }), (it) => {
  it.effect("is OpenAPI 3.1, and each of its references leads somewhere", () =>
    Effect.gen(function* () {
      const document = yield* documentOf
      assert.match(document.openapi, /^3\.1\.\d+$/)
      assert.isNotEmpty(document.info.title)
      assert.isNotEmpty(document.info.version)
      const references = nodesOf(document).flatMap((node) => ("$ref" in node ? [String(node.$ref)] : []))
      assert.isNotEmpty(references)
      for (const reference of references) {
        const [, name = ""] = /^#\/components\/schemas\/(.+)$/.exec(reference) ?? []
        assert.property(document.components.schemas, name)
      }
    })
  )

  it.effect("has each route of the contract, and no other", () =>
    Effect.gen(function* () {
      const routes = operationsOf(yield* documentOf).map(({ method, path }) => `${method.toUpperCase()} ${path}`)
      assert.sameMembers(routes, [
        "POST /auth/forgot-password",
        "POST /auth/reset-password",
        "POST /auth/reset-password/check",
        "POST /auth/local/register",
        "POST /auth/local",
        "POST /auth/send-email-confirmation",
        "POST /auth/email-confirmation",
        "POST /auth/change-password",
        "POST /auth/logout",
        "GET /auth/sessions",
        "DELETE /auth/sessions/{id}",
        "DELETE /auth/sessions",
        "GET /users/me",
        "GET /users/me/language",
        "PUT /users/me/language",
        "GET /users/me/events",
        "GET /users/me/export",
        "POST /auth/delete-account",
        "POST /auth/change-email",
        "POST /auth/change-email/confirm",
        "POST /auth/change-email/undo",
        "POST /admin/send-reset-code",
        "GET /health",
        "GET /ready"
      ])
    })
  )

  it.effect("says of POST /auth/reset-password what its document says: 200, 403, 404 and default", () =>
    Effect.gen(function* () {
      const operation = (yield* documentOf).paths["/auth/reset-password"]?.post
      assert(operation !== undefined)
      assert.strictEqual(operation.description, "Reset user password with a code (resetToken)")
      const descriptions = Object.entries(operation.responses).map(([status, { description }]) => [status, description])
      assert.deepInclude(Object.fromEntries(descriptions), {
        200: "response",
        403: "Forbidden",
        404: "Not found",
        default: "unexpected error"
      })
      for (const { content } of Object.values(operation.responses)) {
        assert.deepStrictEqual(Object.keys(content), ["application/json"])
      }
      const body = operation.requestBody?.content["application/json"]?.schema
      assert.deepStrictEqual(body?.required, ["code", "password", "passwordConfirmation"])
      assert.isUndefined(body?.additionalProperties) // unknown keys are ignored
      assert.deepStrictEqual(operation.security, [])
      assert.deepStrictEqual(operation.parameters, [])
    })
  )

  it.effect("has a default response of the one error shape on every operation", () =>
    Effect.gen(function* () {
      const document = yield* documentOf
      for (const { operation, path } of operationsOf(document)) {
        const schema = operation.responses.default?.content["application/json"]?.schema
        assert.deepStrictEqual(schema, { $ref: "#/components/schemas/Error" }, path)
      }
      const { properties, required } = document.components.schemas.Error ?? {}
      assert.deepStrictEqual(required, ["code", "message", "reason"])
      assert.sameMembers(Object.keys(properties ?? {}), ["code", "message", "reason", "details"])
    })
  )

  it.effect("has an example of each reason, whose code is the status that it stands under", () =>
    Effect.gen(function* () {
      const document = yield* documentOf
      for (const { operation, path } of operationsOf(document)) {
        for (const [status, { content }] of Object.entries(operation.responses)) {
          if (status === "200" || status === "default") continue
          const { examples = {}, schema } = content["application/json"] ?? assert.fail(`${path} ${status}`)
          const reasons = (schema.anyOf ?? [schema]).map(({ $ref = "" }) => $ref.split("/").at(-1) ?? "")
          assert.deepStrictEqual(Object.keys(examples), reasons)
          for (const [reason, { value }] of Object.entries(examples)) {
            assert.deepInclude(value, { reason, code: Number(status) })
            assert.isNotEmpty(value.message)
          }
        }
      }
    })
  )

  it.effect("has words for people on every operation, under an id of its own", () =>
    Effect.gen(function* () {
      const operations = operationsOf(yield* documentOf)
      for (const { operation } of operations) {
        assert.isNotEmpty(operation.summary)
        assert.isNotEmpty(operation.description)
      }
      assert.strictEqual(new Set(operations.map(({ operation }) => operation.operationId)).size, operations.length)
    })
  )

  it.effect("declares each parameter of a path, and a bearer token where one is asked for", () =>
    Effect.gen(function* () {
      const document = yield* documentOf
      const { send } = yield* Service
      for (const { method, operation, path } of operationsOf(document)) {
        const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
        const declared = operation.parameters.filter((_) => _.in === "path" && _.required).map(({ name }) => name)
        assert.deepStrictEqual(declared, inPath)
        const asked = operation.requestBody && { "content-type": "application/json" }
        const answer = yield* send(method.toUpperCase(), path.replace("{id}", "x"), {
          headers: { ...bearer("none"), ...asked },
          body: asked && {}
        })
        const scheme = path.startsWith("/admin/") ? "administrator" : "bearer"
        assert.deepStrictEqual(operation.security, answer.status === 401 ? [{ [scheme]: [] }] : [], path)
      }
      assert.sameMembers(Object.keys(document.components.securitySchemes), ["bearer", "administrator"])
    })
  )
})

onPostgres("the docs page", Service.layerWithInbox(), (it) => {
  it.effect("holds its script itself, and may load nothing from elsewhere", () =>
    Effect.gen(function* () {
      const { get } = yield* Service
      const { headers, status, text } = yield* get("/docs")
      assert.strictEqual(status, 200)
      assert.match(String(headers["content-type"]), /^text\/html/)
      const policy = String(headers["content-security-policy"])
      assert.match(policy, /^default-src 'none';/)
      assert.notMatch(policy, /https?:|\*/)
      assert.include(text, "Reset user password with a code (resetToken)")
      // No tag outside of the script names another site.
      const outside = text.replace(/<script[^>]*>[\s\S]*?<\/script>/g, (script) => script.slice(0, script.indexOf(">")))
      assert.notMatch(outside, /(src|href)\s*=\s*["']?(https?:)?\/\//i)
    })
  )
})
