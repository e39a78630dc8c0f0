import { Schema } from "effect"
import { MailedCode } from "./MailedCode.ts"

/** What the owner of an account gets by mail to choose a new password with. */
export const ResetCode = MailedCode
export type ResetCode = MailedCode

/** SHA-256 of a code, 32 bytes: all that is stored. Unsalted, since nobody can guess 256 bits (ASVS 5.0, 6.5.2). */
export const ResetCodeHash = Schema.Uint8Array.pipe(Schema.brand("ResetCodeHash"))
export type ResetCodeHash = typeof ResetCodeHash.Type

/** Nobody was ever given this code, or its account or its row is gone. */
export class ResetCodeNotFound extends Schema.TaggedError<ResetCodeNotFound>()("ResetCodeNotFound", {}) {}

/** The code is real and has been used: another request may have won a race with this one (B1). */
export class ResetCodeUsed extends Schema.TaggedError<ResetCodeUsed>()("ResetCodeUsed", {}) {}

/** The code is real; a newer one, or a change of the password, took its place (B3, B4). */
export class ResetCodeSuperseded extends Schema.TaggedError<ResetCodeSuperseded>()("ResetCodeSuperseded", {}) {}

/** The code is real and its time is over, by the database's clock (B5). */
export class ResetCodeExpired extends Schema.TaggedError<ResetCodeExpired>()("ResetCodeExpired", {}) {}

/** Why a code can't be used (any more). */
export type ResetCodeRefused = ResetCodeNotFound | ResetCodeUsed | ResetCodeSuperseded | ResetCodeExpired
