import { assert, describe, it } from "@effect/vitest"
import type { Schema } from "effect"
import type { HttpApi, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import type { Administration } from "../../src/api/Administration.ts"
import { Api } from "../../src/api/Api.ts"
import type { Authorization } from "../../src/api/Authorization.ts"
import { type Operations, routes } from "../../src/client/operations.ts"

type Groups = typeof Api extends HttpApi.HttpApi<infer _Id, infer Groups> ? Groups : never
type EndpointsOf<Group extends string> = HttpApiGroup.Endpoints<HttpApiGroup.WithIdentifier<Groups, Group>>

/** As it is on the wire: an endpoint wraps its schemas in codecs that say `Json`, and keeps what they wrap. */
type Wire<Codec> = Codec extends { readonly schema: infer Inner extends Schema.Constraint } ? Inner["Encoded"] : never

type RequestOf<Endpoint extends HttpApiEndpoint.ConstraintRequest> = [Endpoint["~Payload"]] extends [never]
  ? [Endpoint["~Params"]] extends [never]
    ? [Endpoint["~Query"]] extends [never]
      ? unknown
      : { readonly request: Wire<Endpoint["~Query"]> }
    : { readonly request: Wire<Endpoint["~Params"]> }
  : { readonly request: Wire<Endpoint["~Payload"]> }

type OperationOf<Endpoint> = Endpoint extends HttpApiEndpoint.ConstraintRequest
  ? RequestOf<Endpoint> & {
      readonly response: Wire<Endpoint["~Success"]>
      readonly reason: Extract<HttpApiEndpoint.Errors<Endpoint>, { readonly _tag: string }>["_tag"]
    }
  : never

/** What the client should say, by the contract. */
type Contract = {
  readonly [Group in Groups["identifier"]]: {
    readonly [Endpoint in EndpointsOf<Group> as Endpoint["identifier"]]: OperationOf<Endpoint>
  }
}

type PathOf<Path> = Path extends `${infer Start}/` ? Start : Path extends string ? Path : never

type RouteOf<Endpoint> =
  Endpoint extends HttpApiEndpoint.HttpApiEndpoint<
    infer _Identifier,
    infer Method,
    infer Path,
    infer _Params,
    infer Query,
    infer Payload,
    infer _Headers,
    infer _Success,
    infer _Error,
    infer Middleware,
    infer _Services
  >
    ? `${Method} ${PathOf<Path>}${[Payload] extends [never] ? "" : " body"}${[Query] extends [never] ? "" : " query"}${[
        Extract<Middleware, Authorization | Administration>
      ] extends [never]
        ? ""
        : " bearer"}`
    : never

type Routes = {
  readonly [Group in Groups["identifier"]]: {
    readonly [Endpoint in EndpointsOf<Group> as Endpoint["identifier"]]: RouteOf<Endpoint>
  }
}

/** Down to the last member, whatever the types are called. */
type Plain<A> = A extends object ? { readonly [K in keyof A]: Plain<A[K]> } : A

/** `true` where the two can't be told apart, optional members included; else what differs. */
type Same<A, B> =
  (<T>() => T extends Plain<A> ? 1 : 2) extends <T>() => T extends Plain<B> ? 1 : 2
    ? true
    : { readonly contract: Plain<A>; readonly client: Plain<B> }

type Agreement = { readonly [Group in keyof Contract & keyof Operations]: Same<Contract[Group], Operations[Group]> }

/** A group at a time, so that the compiler says where the two differ. */
const operationsAgree: Agreement & { readonly [Group in keyof Contract | keyof Operations]: true } = {
  recovery: true,
  accounts: true,
  sessions: true,
  users: true,
  system: true,
  administration: true
}

const routesAgree: Same<Routes, typeof routes> = true

describe("the client and the contract", () => {
  it("agree on what is sent and answered, which the compiler checks", () => {
    assert.hasAllKeys(operationsAgree, Object.keys(Api.groups))
    assert.isTrue(routesAgree)
  })

  it("agree on each method and path", () => {
    const served = Object.values(Api.groups).flatMap((group) =>
      Object.values(group.endpoints).map(({ identifier, method, path }) => [
        `${group.identifier}.${identifier}`,
        `${method} ${path.replace(/\/$/, "")}`
      ])
    )
    const called = Object.entries(routes).flatMap(([group, endpoints]) =>
      Object.entries(endpoints).map(([name, route]) => [`${group}.${name}`, route.replace(/ (body|query|bearer)/g, "")])
    )
    assert.deepStrictEqual(Object.fromEntries(called), Object.fromEntries(served))
  })
})
