import { Schema } from "effect"

/**
 * What a person or a program typed. PostgreSQL's `text` can hold neither a NUL nor half of a surrogate pair, so a string
 * with one of them is refused at the edge instead of failing in the database.
 */
export const Text = Schema.String.pipe(
  Schema.check(
    Schema.makeFilter((value: string) => value.isWellFormed() && !value.includes("\0"), {
      identifier: "Text",
      message: "Must hold no NUL and no unpaired surrogate."
    })
  )
)
