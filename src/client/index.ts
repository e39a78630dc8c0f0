/** A client of Rekey's API without Effect, for browsers, Node, Bun and Deno. It imports nothing. */

export { type CallOptions, type Client, type ClientOptions, createClient } from "./createClient.ts"
export type {
  AccountEvent,
  AccountExport,
  AccountMail,
  Done,
  Operations,
  Session,
  SignedIn,
  User
} from "./operations.ts"
export { type Detail, type Reason, RekeyError } from "./RekeyError.ts"
