import { Schema } from "effect"
import { Text } from "./Text.ts"

/**
 * What somebody gets by mail: 256 bits as 43 base64url characters. A string of any other form is a code that nobody was given:
 * 404, not 400.
 */
export const MailedCode = Schema.RedactedFromValue(Text.pipe(Schema.check(Schema.isNonEmpty({ fault: "empty" }))), {
  label: "code"
})
export type MailedCode = typeof MailedCode.Type
