import type { Writing } from "./Writing.ts"

/** What a column has to be able to hold: whatever tells users apart, a text, a truth, or a time. */
export type ColumnKind = "key" | "text" | "boolean" | "time"

/** A piece of SQL that is true or false of a row, and the columns of the row that it reads. */
export interface Condition {
  readonly sql: string
  readonly reads: Readonly<Record<string, ColumnKind>>
  /** What stands in for it where one of the columns isn't there; without it they have to be. */
  readonly otherwise?: string
}

/** Of every row. */
export const always: Condition = { sql: "true", reads: {} }

/** Of no row. */
export const never: Condition = { sql: "false", reads: {} }

/** Rows of a table that belong to a user. */
export interface Belongings {
  readonly table: string
  /** The column with the user's key. */
  readonly userId: string
  readonly only: Condition
}

/**
 * How an application keeps its users in PostgreSQL: all that Rekey has to know to reset their passwords where they are. Names are as
 * the database has them; in SQL a user's row is `u`, the row with the hash `c` where it is another one, and a session's row `s`.
 */
export interface Preset {
  /** Where all of its tables are. */
  readonly schema: string
  readonly table: string
  readonly columns: {
    readonly id: string
    readonly email: string
    /** None where people sign in with their address alone. */
    readonly username?: string
    readonly password: string
  }
  /** Where hashes have a table of their own, a row for each user. */
  readonly credentials?: Belongings
  /** Patterns (`like`) of what stands in the place of a hash where there is no password, beside NULL and an empty text. Whoever has none is nobody to Rekey. */
  readonly noPassword: ReadonlyArray<string>
  /** Which rows are people who may have their password reset. */
  readonly accounts: Condition
  readonly blocked: Condition
  readonly confirmed: Condition
  /** What a new password sets beside itself in its row, where there is such a column. */
  readonly sets: Readonly<Record<string, { readonly kind: ColumnKind; readonly sql: string }>>
  /** What a new password deletes, where there is such a table. */
  readonly ends: ReadonlyArray<Belongings>
  /** What else it does: statements of the operator's, with `:id` for the user's key. */
  readonly statements: ReadonlyArray<string>
  /** In which formats the host reads hashes: the first is written where `USERS_HASH` names no other. */
  readonly hashes: Readonly<Record<string, Writing>>
}
