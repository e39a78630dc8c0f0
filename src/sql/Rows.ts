import { Effect, type Option, Schema } from "effect"
import type { SqlClient } from "effect/sql"
import type { Identifier } from "../accounts/Identifier.ts"
import { Email } from "../domain/Email.ts"
import { KeptUsername, User, UserId } from "../domain/User.ts"

/** What a statement selects of `users u` to make a `User` of. */
export const userColumns = "u.id, u.username, u.email, u.confirmed, u.blocked, u.created_at, u.updated_at"

/** The same columns, decoded. */
export const userFields = {
  id: UserId,
  username: KeptUsername,
  email: Email,
  confirmed: Schema.Boolean,
  blocked: Schema.Boolean,
  createdAt: Schema.Date,
  updatedAt: Schema.Date
}

/** What a statement asks of `users u` to find an account. */
export const named = (sql: SqlClient.SqlClient, identifier: Identifier) => {
  switch (identifier._tag) {
    case "Email":
      return sql`u.email_key = ${identifier.key}`
    case "Username":
      return sql`u.username_key = ${identifier.key}`
    case "UserId":
      return sql`u.id = ${identifier.id}`
  }
}

/** The account in a decoded row, whatever else the row holds. */
export const userIn = (row: Schema.Struct<typeof userFields>["Type"]): User => {
  const { id, username, email, confirmed, blocked, createdAt, updatedAt } = row
  return new User({ id, username, email, confirmed, blocked, createdAt, updatedAt }, { disableChecks: true })
}

type Rows<E, R> = Effect.Effect<ReadonlyArray<unknown>, E, R>

/** Runs a statement for its first row, if there is one. */
export const firstRow = <A, I>(row: Schema.Codec<A, I>) => {
  const decode = Schema.decodeUnknownEffect(row)
  return <E, R>(rows: Rows<E, R>): Effect.Effect<Option.Option<A>, E | Schema.SchemaError, R> =>
    Effect.flatMap(rows, ([first]) => (first === undefined ? Effect.succeedNone : Effect.asSome(decode(first))))
}

/** Runs a statement for all its rows. */
export const allRows = <A, I>(row: Schema.Codec<A, I>) => {
  const decode = Schema.decodeUnknownEffect(Schema.Array(row))
  return <E, R>(rows: Rows<E, R>): Effect.Effect<ReadonlyArray<A>, E | Schema.SchemaError, R> =>
    Effect.flatMap(rows, decode)
}
