import type { Operations } from "./operations.ts"

type ReasonsOf<Group> = Group[keyof Group] extends { readonly reason: infer Reason } ? Reason : never

/** What no endpoint answers but HTTP does, or the client where there was no answer of Rekey's at all. */
type Anywhere =
  | "NotFound"
  | "MethodNotAllowed"
  | "PayloadTooLarge"
  | "HeadersTooLarge"
  | "RequestTimeout"
  | "InternalError"
  | "NoAnswer"
  | "UnexpectedAnswer"

/** Every reason that this version knows. */
export type Reason = { [Group in keyof Operations]: ReasonsOf<Operations[Group]> }[keyof Operations] | Anywhere

/** What is wrong with one field of a request. */
export interface Detail {
  readonly path: ReadonlyArray<string>
  readonly message: string
}

/** Everything that a call rejects with, but for an abort by its caller. It holds nothing of what was sent. */
export class RekeyError extends Error {
  override readonly name = "RekeyError"
  // Declared alone: the constructor sets each, and a page would load every definition.
  /** The HTTP status; 0 where there was no answer. */
  declare readonly status: number
  /** A stable name for programs. A newer service may know more of them. */
  declare readonly reason: Reason | (string & {})
  /** Which fields are at fault; empty where none is. */
  declare readonly details: ReadonlyArray<Detail>
  /** When a further try may succeed (`Retry-After`, in seconds). */
  declare readonly retryAfterSeconds: number | undefined
  /** Names the request in the service's log. */
  declare readonly requestId: string | undefined

  constructor(
    problem: Pick<RekeyError, "status" | "reason" | "message"> &
      Partial<Pick<RekeyError, "details" | "retryAfterSeconds" | "requestId">>,
    options?: ErrorOptions
  ) {
    super(problem.message, options)
    this.status = problem.status
    this.reason = problem.reason
    this.details = problem.details ?? []
    this.retryAfterSeconds = problem.retryAfterSeconds
    this.requestId = problem.requestId
  }
}
