import { Schema } from "effect"
import { MailedCode } from "./MailedCode.ts"

/** What changes the address of an account, to whoever reads the mails there; or back, to whoever read them before. */
export const EmailChangeCode = MailedCode
export type EmailChangeCode = MailedCode

/** SHA-256 of a code, 32 bytes: all that is stored, as of a reset code. */
export const EmailChangeCodeHash = Schema.Uint8Array.pipe(Schema.brand("EmailChangeCodeHash"))
export type EmailChangeCodeHash = typeof EmailChangeCodeHash.Type

/** Nobody was ever given this code, or its account or its row is gone. */
export class EmailChangeCodeNotFound extends Schema.TaggedError<EmailChangeCodeNotFound>()(
  "EmailChangeCodeNotFound",
  {}
) {}

/** The code is real and has been used: another request may have won a race with this one (B1). */
export class EmailChangeCodeUsed extends Schema.TaggedError<EmailChangeCodeUsed>()("EmailChangeCodeUsed", {}) {}

/** The code is real; a newer request, a change of the password, or an earlier way back took its place (B4). */
export class EmailChangeCodeSuperseded extends Schema.TaggedError<EmailChangeCodeSuperseded>()(
  "EmailChangeCodeSuperseded",
  {}
) {}

/** The code is real and its time is over, by the database's clock (B5). */
export class EmailChangeCodeExpired extends Schema.TaggedError<EmailChangeCodeExpired>()(
  "EmailChangeCodeExpired",
  {}
) {}

/** Why a code can't be used (any more). */
export type EmailChangeCodeRefused =
  | EmailChangeCodeNotFound
  | EmailChangeCodeUsed
  | EmailChangeCodeSuperseded
  | EmailChangeCodeExpired
