import { Schema } from "effect"

declare module "effect/Schema" {
  namespace Annotations {
    interface Filter {
      /** What a check of ours asks for, by a name: whoever tells a person has the words. */
      readonly fault?: "email" | "empty" | "text" | "username" | undefined
    }
  }
}

/**
 * What a person or a program typed. PostgreSQL's `text` can hold neither a NUL nor half of a surrogate pair, so a string
 * with one of them is refused at the edge instead of failing in the database.
 */
export const Text = Schema.String.pipe(
  Schema.check(
    Schema.makeFilter((value: string) => value.isWellFormed() && !value.includes("\0"), {
      identifier: "Text",
      expected: "a string without NUL and unpaired surrogates",
      fault: "text"
    })
  )
)
