import { Schema, SchemaTransformation } from "effect"
import { asciiLowerCase, Email } from "./Email.ts"
import { Text } from "./Text.ts"

/** A UUIDv7 (RFC 9562, 5.7). */
export const UserId = Schema.String.pipe(Schema.check(Schema.isUUID(7)), Schema.brand("UserId"))
export type UserId = typeof UserId.Type

/** 3 to 64 characters without `@`, so that it can't be taken for an address; trimmed. */
export const Username = Text.pipe(
  Schema.decode(SchemaTransformation.trim()),
  Schema.check(
    Schema.makeFilter((name: string) => [...name].length >= 3 && [...name].length <= 64 && !name.includes("@"), {
      expected: "3 to 64 characters without @",
      fault: "username"
    })
  ),
  Schema.brand("Username")
)
export type Username = typeof Username.Type

/** A user name as it is kept: whatever a host lets its users have (USERS_PRESET), and their address where they have none. */
export const KeptUsername = Schema.String.pipe(Schema.brand("Username"))

/** What all spellings of one user name have in common. */
export const UsernameKey = Schema.String.pipe(Schema.brand("UsernameKey"))
export type UsernameKey = typeof UsernameKey.Type

/** The one place where the key of a user name is made. */
export const usernameKey = (name: string): UsernameKey => UsernameKey.make(asciiLowerCase(name.trim().normalize("NFC")))

/** An account as its owner may see it. Times are UTC instants, ISO 8601 on the wire. */
export class User extends Schema.Class<User>("User")({
  id: UserId,
  username: KeptUsername,
  email: Email,
  confirmed: Schema.Boolean,
  blocked: Schema.Boolean,
  createdAt: Schema.DateFromString,
  updatedAt: Schema.DateFromString
}) {}

/** The address or the user name belongs to an account already. */
export class AccountExists extends Schema.TaggedError<AccountExists>()("AccountExists", {}) {}

/** Nobody has this address or user name. Told to an administrator alone. */
export class AccountNotFound extends Schema.TaggedError<AccountNotFound>()("AccountNotFound", {}) {}

/** The operator blocked this account. */
export class AccountBlocked extends Schema.TaggedError<AccountBlocked>()("AccountBlocked", {}) {}

/** Unknown identifier or wrong password: nobody is told which (C5). */
export class InvalidCredentials extends Schema.TaggedError<InvalidCredentials>()("InvalidCredentials", {}) {}

/** The account is another application's (USERS_PRESET), and this is that application's to do. */
export class AccountKeptElsewhere extends Schema.TaggedError<AccountKeptElsewhere>()("AccountKeptElsewhere", {}) {}

/** The operator closed registration. */
export class RegistrationClosed extends Schema.TaggedError<RegistrationClosed>()("RegistrationClosed", {}) {}
