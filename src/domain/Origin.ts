import { Context, Effect, Option } from "effect"
import { type AddressKept, addressToKeep } from "./ClientAddress.ts"
import { deviceOf } from "./Device.ts"

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

/** How much of a client's address may be written down (`AUDIT_ADDRESS`). */
export const KeptOfAddress = Context.Reference<AddressKept>("rekey/domain/KeptOfAddress", {
  defaultValue: () => "truncated"
})

/** What may be written down of an origin. */
export interface Trace {
  readonly requestId: string | null
  readonly clientAddress: string | null
  /** In a few words of our own, such as `Firefox on Windows`. */
  readonly device: string
}

/** Reads the setting once; gives what reads the trace of the current origin whenever it is run. */
export const traces: Effect.Effect<Effect.Effect<Trace>> = Effect.map(KeptOfAddress, (kept) =>
  Effect.map(CurrentOrigin, ({ clientAddress, requestId, userAgent }) => ({
    requestId: Option.getOrNull(requestId),
    clientAddress: Option.getOrNull(Option.flatMap(clientAddress, (address) => addressToKeep(kept, address))),
    device: deviceOf(Option.getOrElse(userAgent, () => ""))
  }))
)
