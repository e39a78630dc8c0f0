import { Cause, Predicate } from "effect"
import {
  AuthenticationError,
  AuthorizationError,
  ConnectionError,
  ConstraintError,
  DeadlockError,
  isSqlError,
  LockTimeoutError,
  SerializationError,
  type SqlError,
  type SqlErrorReason,
  SqlSyntaxError,
  StatementTimeoutError,
  UniqueViolation,
  UnknownError
} from "effect/sql/SqlError"

/** The five characters by which PostgreSQL names an error (its manual's appendix A); undefined where the server said none. */
export const sqlStateOf = (cause: unknown): string | undefined =>
  Predicate.hasProperty(cause, "code") && typeof cause.code === "string" && /^[0-9A-Z]{5}$/.test(cause.code)
    ? cause.code
    : undefined

/** The reason that `@effect/sql-pg` gives an error with this SQLSTATE; without one, the connection is at fault. */
export const reasonOf = (
  state: string | undefined,
  constraint: string | undefined,
  props: { readonly cause: unknown; readonly message: string; readonly operation: string }
): SqlErrorReason => {
  if (state === undefined || state.startsWith("08")) return new ConnectionError(props)
  if (state.startsWith("28")) return new AuthenticationError(props)
  if (state === "42501") return new AuthorizationError(props)
  if (state.startsWith("42")) return new SqlSyntaxError(props)
  if (state === "23505") return new UniqueViolation({ ...props, constraint: constraint ?? "unknown" })
  if (state.startsWith("23")) return new ConstraintError(props)
  if (state === "40P01") return new DeadlockError(props)
  if (state === "40001") return new SerializationError(props)
  if (state === "55P03") return new LockTimeoutError(props)
  if (state === "57014") return new StatementTimeoutError(props)
  return new UnknownError(props)
}

/**
 * The SQL error that a cause holds, as a failure or as a defect: where the connection is lost inside a transaction, the client
 * fails to roll back and makes a defect of that.
 */
export const sqlErrorIn = (cause: Cause.Cause<unknown>): SqlError | undefined => {
  for (const reason of cause.reasons) {
    if (Cause.isFailReason(reason) && isSqlError(reason.error)) return reason.error
    if (Cause.isDieReason(reason) && isSqlError(reason.defect)) return reason.defect
  }
  return undefined
}

/** Whether the database rolled the work back for the sake of another transaction: the same work may succeed now. */
export const isRolledBack = ({ reason }: SqlError): boolean =>
  reason._tag === "DeadlockError" || reason._tag === "SerializationError"

/**
 * Whether the database is at fault and not the statement: out of reach, starting or stopping (57P01 to 57P03), full or out of
 * connections (class 53), not there (3D000), a standby (25006), or busy with somebody else's locks.
 */
export const isUnavailable = (error: SqlError): boolean => {
  switch (error.reason._tag) {
    case "ConnectionError":
    case "AuthenticationError":
    case "LockTimeoutError":
    case "StatementTimeoutError":
      return true
  }
  return isRolledBack(error) || /^(08|53|57P|3D000|25006)/.test(sqlStateOf(error.reason.cause) ?? "")
}

/**
 * What an operator may read of an error. The server's own words may hold a value, such as the address in a duplicate key,
 * except while connecting, when it has not been told any.
 */
export const describe = ({ reason }: SqlError): string => {
  const state = sqlStateOf(reason.cause)
  const said =
    reason.cause instanceof Error && state !== undefined && reason.operation === "connect"
      ? reason.cause.message
      : (reason.message ?? "")
  const code = state ?? (Predicate.hasProperty(reason.cause, "code") ? String(reason.cause.code) : "")
  return [reason._tag, code, said].filter((part) => part !== "").join(" ")
}

/** What the server says of a statement that changes how tables are made, or asks how they are: no values are at risk. */
export const serverWords = ({ reason }: SqlError): string =>
  reason.cause instanceof Error ? reason.cause.message : (reason.message ?? reason._tag)
