import { Schema } from "effect"
import { MailedCode } from "./MailedCode.ts"

/** What shows that mail to an address arrives: whoever has it reads the mails there. */
export const ConfirmationCode = MailedCode
export type ConfirmationCode = MailedCode

/** SHA-256 of a code, 32 bytes: all that is stored, as of a reset code. */
export const ConfirmationCodeHash = Schema.Uint8Array.pipe(Schema.brand("ConfirmationCodeHash"))
export type ConfirmationCodeHash = typeof ConfirmationCodeHash.Type

/** Nobody was ever given this code, or its account is gone or has another address now. */
export class ConfirmationCodeNotFound extends Schema.TaggedError<ConfirmationCodeNotFound>()(
  "ConfirmationCodeNotFound",
  {}
) {}

/** The code is real, and its address was confirmed already: by this code, by a sibling, or by a reset. */
export class ConfirmationCodeUsed extends Schema.TaggedError<ConfirmationCodeUsed>()("ConfirmationCodeUsed", {}) {}

/** The code is real and its time is over, by the database's clock. */
export class ConfirmationCodeExpired extends Schema.TaggedError<ConfirmationCodeExpired>()(
  "ConfirmationCodeExpired",
  {}
) {}

/** Why a confirmation code can't be used (any more). */
export type ConfirmationCodeRefused = ConfirmationCodeNotFound | ConfirmationCodeUsed | ConfirmationCodeExpired
