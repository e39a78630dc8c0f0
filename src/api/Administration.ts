import { Context, Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiMiddleware, HttpApiSecurity, OpenApi } from "effect/http-api"
import type { AdministratorName } from "../domain/Administrator.ts"
import { AccountNotFound } from "../domain/User.ts"
import { TypedIdentifier } from "./Accounts.ts"
import { documentedUnauthenticated } from "./Authorization.ts"
import { Done } from "./Done.ts"
import { documented, documentedAccountBlocked } from "./errors.ts"
import { RateLimits } from "./RateLimits.ts"
import { Requests } from "./Requests.ts"

/** Which administrator asks. */
export class CurrentAdministrator extends Context.Service<CurrentAdministrator, AdministratorName>()(
  "rekey/api/CurrentAdministrator"
) {}

/** Asks for a token of `ADMIN_TOKENS` (RFC 6750). No session is one, and it opens no session. */
export class Administration extends HttpApiMiddleware.Service<Administration, { provides: CurrentAdministrator }>()(
  "rekey/api/Administration",
  {
    requiredForClient: true,
    security: {
      administrator: HttpApiSecurity.bearer.pipe(
        HttpApiSecurity.annotate(OpenApi.Description, "A token that the operator gave to an administrator.")
      )
    },
    error: documentedUnauthenticated
  }
) {}

export class AdministrationApi extends HttpApiGroup.make("administration")
  .add(
    HttpApiEndpoint.post("sendResetCode", "/send-reset-code", {
      payload: Schema.Struct({ identifier: TypedIdentifier }),
      success: Done,
      error: [AccountNotFound.pipe(documented(404)), documentedAccountBlocked]
    })
      .middleware(Administration)
      .middleware(RateLimits)
      .annotate(OpenApi.Summary, "Send somebody a reset code")
      .annotate(
        OpenApi.Description,
        "Mails a reset code to the owner of an account, named by address or user name, as if they had asked for it: under the same limits of the account, which hold silently. The code is shown to nobody else, and the audit trail names the administrator."
      )
  )
  .middleware(Requests)
  .prefix("/admin")
  .annotate(OpenApi.Description, "For administrators, where there are some.") {}
