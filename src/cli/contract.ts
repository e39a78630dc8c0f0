import { Command, Flag } from "effect/cli"
import { OpenApi } from "effect/http-api"
import { Api, PublicApi } from "../api/Api.ts"
import { print } from "./output.ts"

/** `rekey openapi`. */
export const openapiCommand = Command.make(
  "openapi",
  {
    public: Flag.Boolean("public").pipe(
      Flag.withoutNegation,
      Flag.withDescription("Leave the doors of administrators out, as a server without ADMIN_TOKENS does"),
      Flag.withDefault(false)
    )
  },
  ({ public: withoutDoors }) =>
    print(`${JSON.stringify(withoutDoors ? OpenApi.fromApi(PublicApi) : OpenApi.fromApi(Api), undefined, 2)}\n`)
).pipe(Command.withDescription("Print the API as OpenAPI 3.1, as /openapi.json has it"))
