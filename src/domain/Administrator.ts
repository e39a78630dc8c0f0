import { Schema } from "effect"

/**
 * What an administrator is called in `ADMIN_TOKENS`, and so in the audit trail: 1 to 64 characters in one line, without a colon or
 * a comma, which part the names from the tokens there.
 */
export const AdministratorName = Schema.String.pipe(
  Schema.check(Schema.isPattern(/^(?! )[^\p{C}\p{Zl}\p{Zp}:,]{1,64}(?<! )$/u)),
  Schema.brand("AdministratorName")
)
export type AdministratorName = typeof AdministratorName.Type

/** Who asks for somebody else: an administrator, through the door that `ADMIN_TOKENS` opens, or the operator, on the command line. */
export type Helper =
  | { readonly _tag: "Administrator"; readonly name: AdministratorName }
  | { readonly _tag: "Operator" }
