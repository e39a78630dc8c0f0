import { Context, Option } from "effect"

/** Where a request came from, for the audit trail, for notices to the owner and for limits. None of it is a secret. */
export interface Origin {
  /** What the answer has in `x-request-id`. */
  readonly requestId: Option.Option<string>
  /** The client's IP address, as far as it can be known. */
  readonly clientAddress: Option.Option<string>
  /** What the client says that it is: `User-Agent`, unchecked. */
  readonly userAgent: Option.Option<string>
}

/** The origin of what is being done; nowhere, where no request asked for it. */
export const CurrentOrigin = Context.Reference<Origin>("rekey/domain/Origin", {
  defaultValue: () => ({ requestId: Option.none(), clientAddress: Option.none(), userAgent: Option.none() })
})
