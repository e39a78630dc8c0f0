import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { AccountEvent, EventCursor } from "../domain/AccountEvent.ts"
import { AccountExport } from "../domain/AccountExport.ts"
import {
  ConfirmationCode,
  ConfirmationCodeExpired,
  ConfirmationCodeNotFound,
  ConfirmationCodeUsed
} from "../domain/ConfirmationCode.ts"
import { Email } from "../domain/Email.ts"
import {
  EmailChangeCode,
  EmailChangeCodeExpired,
  EmailChangeCodeNotFound,
  EmailChangeCodeSuperseded,
  EmailChangeCodeUsed
} from "../domain/EmailChange.ts"
import { Password } from "../domain/Password.ts"
import { Session, SessionId, SessionNotFound, SessionToken } from "../domain/Session.ts"
import { Text } from "../domain/Text.ts"
import {
  AccountExists,
  AccountKeptElsewhere,
  InvalidCredentials,
  RegistrationClosed,
  User,
  Username
} from "../domain/User.ts"
import { Language } from "../language/Language.ts"
import { Authorization } from "./Authorization.ts"
import { Done } from "./Done.ts"
import {
  documented,
  documentedAccountBlocked,
  documentedBusy,
  documentedPasswordMismatch,
  documentedPasswordRejected,
  documentedRateLimited
} from "./errors.ts"
import { RateLimits } from "./RateLimits.ts"

/** An e-mail address or a user name, as a person typed it. */
export const TypedIdentifier = Text.pipe(Schema.check(Schema.isNonEmpty({ fault: "empty" })))

const SignedIn = Schema.Struct({ jwt: SessionToken, user: User }).annotate({ identifier: "SignedIn" })

const documentedInvalidCredentials = InvalidCredentials.pipe(documented(400))

const documentedAccountExists = AccountExists.pipe(documented(409))

export const confirmEmailErrors = [
  ConfirmationCodeNotFound.pipe(documented(404)),
  ConfirmationCodeUsed.pipe(documented(403)),
  ConfirmationCodeExpired.pipe(documented(403)),
  documentedAccountBlocked,
  documentedAccountExists
] as const

export const registerErrors = [
  documentedPasswordRejected,
  RegistrationClosed.pipe(documented(403)),
  documentedAccountExists,
  documentedBusy
] as const

/** And too many tries, which say more than their body does. */
export const signInErrors = [documentedInvalidCredentials, documentedAccountBlocked, documentedBusy] as const

/** And too many tries. */
export const changePasswordErrors = [
  documentedPasswordMismatch,
  documentedPasswordRejected,
  documentedInvalidCredentials,
  documentedBusy
] as const

/** And too many tries. */
export const changeEmailErrors = [
  AccountKeptElsewhere.pipe(documented(403)),
  documentedInvalidCredentials,
  documentedBusy
] as const

const refusedEmailChangeCodes = [
  EmailChangeCodeNotFound.pipe(documented(404)),
  EmailChangeCodeUsed.pipe(documented(403)),
  EmailChangeCodeSuperseded.pipe(documented(403)),
  EmailChangeCodeExpired.pipe(documented(403)),
  documentedAccountBlocked
] as const

export const confirmEmailChangeErrors = [...refusedEmailChangeCodes, documentedAccountExists] as const

export const undoEmailChangeErrors = [...refusedEmailChangeCodes, documentedBusy] as const

/** And too many tries. */
export const deleteAccountErrors = [
  AccountKeptElsewhere.pipe(documented(403)),
  documentedInvalidCredentials,
  documentedBusy
] as const

export class AccountsApi extends HttpApiGroup.make("accounts")
  .add(
    HttpApiEndpoint.post("register", "/local/register", {
      payload: Schema.Struct({ username: Username, email: Email, password: Password }),
      success: Schema.Union([SignedIn, Done]),
      error: registerErrors
    })
      .middleware(RateLimits)
      .annotate(OpenApi.Summary, "Register")
      .annotate(
        OpenApi.Description,
        "Makes an account and signs in to it. Where addresses have to be confirmed it answers ok alone, the same for a free and a taken address: a mail says how it goes on. A taken user name is 409 in any case."
      ),
    HttpApiEndpoint.post("sendEmailConfirmation", "/send-email-confirmation", {
      payload: Schema.Struct({ email: Email }),
      success: Done
    })
      .middleware(RateLimits)
      .annotate(OpenApi.Summary, "Ask for a confirmation code once more")
      .annotate(
        OpenApi.Description,
        "Mails a confirmation code to the address, if it waits for one. The answer is the same for every address."
      ),
    HttpApiEndpoint.post("confirmEmail", "/email-confirmation", {
      payload: Schema.Struct({ code: ConfirmationCode }),
      success: Schema.Struct({ user: User }),
      error: confirmEmailErrors
    })
      .middleware(RateLimits)
      .annotate(OpenApi.Summary, "Confirm an address")
      .annotate(
        OpenApi.Description,
        "Confirms the address that the code was mailed to, and makes the account where one was asked for. Sign in then: the answer holds no token."
      ),
    HttpApiEndpoint.post("signIn", "/local", {
      payload: Schema.Struct({
        identifier: TypedIdentifier,
        password: Password
      }),
      success: SignedIn,
      error: [...signInErrors, documentedRateLimited]
    })
      .middleware(RateLimits)
      .annotate(OpenApi.Summary, "Sign in")
      .annotate(
        OpenApi.Description,
        "Signs in with an e-mail address or a user name. An unknown one and a wrong password get the same answer."
      ),
    HttpApiEndpoint.post("changePassword", "/change-password", {
      payload: Schema.Struct({ currentPassword: Password, password: Password, passwordConfirmation: Password }),
      success: SignedIn,
      error: [...changePasswordErrors, documentedRateLimited]
    })
      .middleware(Authorization)
      .annotate(OpenApi.Summary, "Change your password")
      .annotate(
        OpenApi.Description,
        "Sets a new password. This session goes on with a fresh token, every other one ends."
      ),
    HttpApiEndpoint.post("changeEmail", "/change-email", {
      payload: Schema.Struct({ email: Email, currentPassword: Password }),
      success: Done,
      error: changeEmailErrors
    })
      .middleware(Authorization)
      .middleware(RateLimits)
      .annotate(OpenApi.Summary, "Ask for another address")
      .annotate(
        OpenApi.Description,
        "Mails a code to the new address, which the account gets once the code is used. Where an account has the address its owner is told instead: the answer is the same for every address."
      ),
    HttpApiEndpoint.post("confirmEmailChange", "/change-email/confirm", {
      payload: Schema.Struct({ code: EmailChangeCode }),
      success: Schema.Struct({ user: User }),
      error: confirmEmailChangeErrors
    })
      .middleware(RateLimits)
      .annotate(OpenApi.Summary, "Change the address")
      .annotate(
        OpenApi.Description,
        "Gives the account the address that the code was mailed to. The session that asked goes on, every other one ends, and whoever reads the mails of the former address gets a way back."
      ),
    HttpApiEndpoint.post("undoEmailChange", "/change-email/undo", {
      payload: Schema.Struct({ code: EmailChangeCode }),
      success: Schema.Struct({ user: User }),
      error: undoEmailChangeErrors
    })
      .middleware(RateLimits)
      .annotate(OpenApi.Summary, "Take the way back to the former address")
      .annotate(
        OpenApi.Description,
        "Gives the account the address back that the code was mailed to, whatever was done since. Every session ends, no password opens the account any more, and a reset code is mailed to the address."
      ),
    HttpApiEndpoint.post("deleteAccount", "/delete-account", {
      payload: Schema.Struct({ currentPassword: Password }),
      success: Done,
      error: [...deleteAccountErrors, documentedRateLimited]
    })
      .middleware(Authorization)
      .annotate(OpenApi.Summary, "Delete your account")
      .annotate(
        OpenApi.Description,
        "Deletes the account for good, with its sessions, its codes and the mails that wait. A last mail tells its owner."
      ),
    HttpApiEndpoint.post("signOut", "/logout", { success: Done })
      .middleware(Authorization)
      .annotate(OpenApi.Summary, "Sign out")
      .annotate(OpenApi.Description, "Ends this session.")
  )
  .prefix("/auth")
  .annotate(OpenApi.Description, "Accounts and signing in.") {}

export class SessionsApi extends HttpApiGroup.make("sessions")
  .add(
    HttpApiEndpoint.get("list", "/", { success: Schema.Struct({ sessions: Schema.Array(Session) }) })
      .annotate(OpenApi.Summary, "List your sessions")
      .annotate(OpenApi.Description, "The sessions of the account, the current one first."),
    HttpApiEndpoint.delete("endOne", "/:id", {
      params: { id: SessionId },
      success: Done,
      error: SessionNotFound.pipe(documented(404))
    })
      .annotate(OpenApi.Summary, "End a session")
      .annotate(OpenApi.Description, "Ends one session of the account."),
    HttpApiEndpoint.delete("endOthers", "/", { success: Done })
      .annotate(OpenApi.Summary, "End all other sessions")
      .annotate(OpenApi.Description, "Ends every session of the account but this one.")
  )
  .middleware(Authorization)
  .prefix("/auth/sessions")
  .annotate(OpenApi.Description, "Where the account is signed in.") {}

/** What an account's mails are written in. */
const OwnLanguage = Schema.Struct({ language: Schema.NullOr(Language) }).annotate({ identifier: "OwnLanguage" })

export class UsersApi extends HttpApiGroup.make("users")
  .add(
    HttpApiEndpoint.get("me", "/me", { success: User })
      .annotate(OpenApi.Summary, "Who am I")
      .annotate(OpenApi.Description, "The account that is signed in."),
    HttpApiEndpoint.get("language", "/me/language", { success: OwnLanguage })
      .annotate(OpenApi.Summary, "In which language am I written to")
      .annotate(
        OpenApi.Description,
        "The language of the account's mails; null where its owner never said, and mails speak the language of whoever asks for them."
      ),
    HttpApiEndpoint.put("setLanguage", "/me/language", { payload: OwnLanguage, success: Done })
      .annotate(OpenApi.Summary, "Choose the language of your mails")
      .annotate(OpenApi.Description, "Sets the language of the account's mails, or with null none."),
    HttpApiEndpoint.get("export", "/me/export", { success: AccountExport })
      .middleware(RateLimits)
      .annotate(OpenApi.Summary, "Export your account")
      .annotate(
        OpenApi.Description,
        "All that is held on the account, as a file: the account, the language of its mails, its sessions, its mails by kind and times, its events. No secret is in it."
      ),
    HttpApiEndpoint.get("events", "/me/events", {
      query: { before: Schema.optionalKey(EventCursor) },
      success: Schema.Struct({ events: Schema.Array(AccountEvent), next: Schema.NullOr(EventCursor) })
    })
      .annotate(OpenApi.Summary, "List your recent events")
      .annotate(
        OpenApi.Description,
        "What was done to the account, or tried, the newest first: 50 of them, and more where several have the time of the last. `next` goes into `before` for the page behind it; null where it is the last page."
      )
  )
  .middleware(Authorization)
  .prefix("/users")
  .annotate(OpenApi.Description, "The account itself.") {}
