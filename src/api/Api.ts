import { HttpApi, OpenApi } from "effect/http-api"
import { AccountsApi, SessionsApi, UsersApi } from "./Accounts.ts"
import { AdministrationApi } from "./Administration.ts"
import { forPeople } from "./openapi.ts"
import { RecoveryApi } from "./Recovery.ts"
import { Requests } from "./Requests.ts"
import { SystemApi } from "./System.ts"

/** What is served where there are no administrators. */
export class PublicApi extends HttpApi.make("rekey")
  .add(RecoveryApi, AccountsApi, SessionsApi, UsersApi, SystemApi)
  .middleware(Requests)
  // A request is told of all that is wrong with it at once.
  .annotate(HttpApi.PayloadParseOptions, { errors: "all" })
  .annotate(OpenApi.Title, "Rekey")
  .annotate(OpenApi.Version, "0.1.0")
  .annotate(
    OpenApi.Description,
    "Resets forgotten passwords. Every error, on every path, has the shape of the `default` response."
  )
  .annotate(OpenApi.Transform, forPeople) {}

/** The contract: every endpoint with what it takes and what it answers. A client may import it. */
export class Api extends PublicApi.add(AdministrationApi) {}
