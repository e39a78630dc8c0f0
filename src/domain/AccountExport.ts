import { Schema } from "effect"
import { AccountEvent } from "./AccountEvent.ts"
import { Session } from "./Session.ts"
import { User } from "./User.ts"

/** A mail to an account, by its kind and its times. What stood in it isn't kept. */
export class AccountMail extends Schema.Class<AccountMail>("AccountMail")({
  kind: Schema.String,
  createdAt: Schema.DateFromString,
  /** How it ended: sent, dropped or dead; none while it waits. */
  outcome: Schema.NullOr(Schema.String),
  settledAt: Schema.NullOr(Schema.DateFromString)
}) {}

/** What is held on an account, for its owner: no secret, and nothing that one could be guessed from. */
export class AccountExport extends Schema.Class<AccountExport>("AccountExport")({
  user: User,
  passwordChangedAt: Schema.DateFromString,
  /** Of the account's mails; none where its owner never said. */
  language: Schema.NullOr(Schema.String),
  sessions: Schema.Array(Session),
  mails: Schema.Array(AccountMail),
  events: Schema.Array(AccountEvent)
}) {}
