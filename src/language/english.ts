// Made of languages/en.json by `npm run format`: edit that.

/** The English messages. Here, and not read from their file, since the contract describes itself with them. */
export const english = {
  "error.AccountBlocked": "This account is blocked.",
  "error.AccountExists": "The address or the user name is taken.",
  "error.AccountNotFound": "Nobody has this address or user name.",
  "error.Busy": "Too many passwords are being checked right now. Try again shortly.",
  "error.ConfirmationCodeExpired": "This confirmation code has expired. Ask for a new one, or register again.",
  "error.ConfirmationCodeNotFound": "There is no such confirmation code.",
  "error.ConfirmationCodeUsed": "This address is confirmed already. Sign in.",
  "error.InternalError": "Something went wrong on our side.",
  "error.InvalidCredentials": "Wrong identifier or password.",
  "error.InvalidRequest": "The request doesn't have the documented form.",
  "error.PasswordMismatch": "The two passwords differ.",
  "error.RateLimited": "Too many requests. Try again later.",
  "error.RegistrationClosed": "Registration is closed.",
  "error.ResetCodeExpired": "This reset code has expired. Ask for a new one.",
  "error.ResetCodeNotFound": "There is no such reset code.",
  "error.ResetCodeSuperseded": "A newer reset code took the place of this one. Use the newest, or ask for a new one.",
  "error.ResetCodeUsed": "This reset code was used already. Ask for a new one.",
  "error.SessionNotFound": "There is no such session.",
  "error.Unauthenticated": "Sign in first: a valid bearer token is missing.",
  "error.Unavailable": "The service can't answer now. Try again shortly.",
  "policy.breached": "This password is known from a data breach. Choose one that you have used nowhere else.",
  "policy.tooClose":
    "The password is little more than your address, your user name or the name of this service. Choose one that says nothing of you.",
  "policy.tooCommon": "This password is one of the most common ones, which are guessed first.",
  "policy.tooLong": "The password may have at most {most, plural, one {# character} other {# characters}}.",
  "policy.tooShort": "The password must have at least {least, plural, one {# character} other {# characters}}.",
  "page.language": "English"
} as const

/** What each message takes that takes something. */
export interface MessageValues {
  readonly "policy.tooLong": { readonly most: number }
  readonly "policy.tooShort": { readonly least: number }
}
