/** The contract alone: endpoints, schemas, errors, and a client for Effect programs. No server, no database, no Node. */

export { AccountEvent, EventCursor } from "../domain/AccountEvent.ts"
export { AccountExport, AccountMail } from "../domain/AccountExport.ts"
export {
  ConfirmationCode,
  ConfirmationCodeExpired,
  ConfirmationCodeNotFound,
  ConfirmationCodeUsed
} from "../domain/ConfirmationCode.ts"
export { Email } from "../domain/Email.ts"
export {
  EmailChangeCode,
  EmailChangeCodeExpired,
  EmailChangeCodeNotFound,
  EmailChangeCodeSuperseded,
  EmailChangeCodeUsed
} from "../domain/EmailChange.ts"
export { Busy, RateLimited, Unavailable } from "../domain/Failure.ts"
export { Password, PasswordMismatch, PasswordRejected } from "../domain/Password.ts"
export {
  ResetCode,
  ResetCodeExpired,
  ResetCodeNotFound,
  ResetCodeSuperseded,
  ResetCodeUsed
} from "../domain/ResetCode.ts"
export { Session, SessionId, SessionNotFound, SessionToken, Unauthenticated } from "../domain/Session.ts"
export {
  AccountBlocked,
  AccountExists,
  AccountKeptElsewhere,
  AccountNotFound,
  InvalidCredentials,
  RegistrationClosed,
  User,
  UserId,
  Username
} from "../domain/User.ts"
export { AccountsApi, SessionsApi, UsersApi } from "./Accounts.ts"
export { Administration, AdministrationApi, CurrentAdministrator } from "./Administration.ts"
export { Api, PublicApi } from "./Api.ts"
export { Authorization, CurrentSession } from "./Authorization.ts"
export { ErrorBody, InvalidRequest, UnsupportedMediaType } from "./errors.ts"
export { RateLimits } from "./RateLimits.ts"
export { RecoveryApi } from "./Recovery.ts"
export { RekeyClient, type RekeyClientOptions } from "./RekeyClient.ts"
export { Requests } from "./Requests.ts"
export { SystemApi } from "./System.ts"
