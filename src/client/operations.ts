/** What every endpoint answers that has nothing to tell but that it was done. */
export interface Done {
  readonly ok: true
}

/** An account as its owner may see it. */
export interface User {
  /** A UUIDv7. */
  readonly id: string
  readonly username: string
  readonly email: string
  /** Whether the owner has shown that mail to the address arrives. */
  readonly confirmed: boolean
  readonly blocked: boolean
  /** A UTC instant, ISO 8601, as is every time here. */
  readonly createdAt: string
  readonly updatedAt: string
}

/** The language of an account's mails (RFC 5646), or none. */
export interface OwnLanguage {
  readonly language: "en" | "de" | "fr" | "es" | "pt" | "it" | "ar" | "ja" | null
}

/** A session and its owner. `jwt` is the bearer token: keep it as you would keep a password. */
export interface SignedIn {
  readonly jwt: string
  readonly user: User
}

/** A place where the account is signed in. */
export interface Session {
  readonly id: string
  readonly createdAt: string
  readonly expiresAt: string
  /** Whether it is the session that asks. */
  readonly current: boolean
  /** In a few English words, such as `Firefox on Windows`. */
  readonly device: string
  /** The client's network or address, as far as the service keeps it. */
  readonly clientAddress: string | null
}

/** Something that was done to the account, or tried. */
export interface AccountEvent {
  readonly at: string
  /** Such as `sign-in`, `password.changed`. */
  readonly event: string
  /** `done`, or `refused`. */
  readonly outcome: string
  readonly reason: string | null
  /** `owner`, `anonymous`, `administrator`, or `cli` for the operator. */
  readonly actor: string
  readonly device: string | null
  readonly clientAddress: string | null
  /** Names the request in the service's log. */
  readonly requestId: string | null
}

/** A mail to the account. */
export interface AccountMail {
  /** Such as `reset-code`. */
  readonly kind: string
  readonly createdAt: string
  /** `sent`, `dropped` or `dead`; null while it waits. */
  readonly outcome: string | null
  readonly settledAt: string | null
}

/** All that is held on an account. */
export interface AccountExport {
  readonly user: User
  readonly passwordChangedAt: string
  readonly language: string | null
  readonly sessions: ReadonlyArray<Session>
  readonly mails: ReadonlyArray<AccountMail>
  readonly events: ReadonlyArray<AccountEvent>
}

/** What any endpoint may refuse. */
type Common = "InvalidRequest" | "UnsupportedMediaType" | "Unavailable"

/** Too many requests from one place, or to one account: {@link RekeyError.retryAfterSeconds} says for how long. */
type Limited = Common | "RateLimited"

type NoSession = Common | "Unauthenticated"

type CodeRefused = "ResetCodeNotFound" | "ResetCodeUsed" | "ResetCodeSuperseded" | "ResetCodeExpired" | "AccountBlocked"

type EmailChangeRefused =
  | "EmailChangeCodeNotFound"
  | "EmailChangeCodeUsed"
  | "EmailChangeCodeSuperseded"
  | "EmailChangeCodeExpired"
  | "AccountBlocked"

/** The contract: what each endpoint takes, what it answers, and why it may refuse. */
export interface Operations {
  readonly recovery: {
    /** Mails a reset code to the owner of the address. The answer is the same for every address. */
    readonly forgotPassword: {
      readonly request: { readonly email: string }
      readonly response: Done
      readonly reason: Limited
    }
    /** Sets a new password with the code of a mail; every session of the account ends. `jwt` is there where the service signs in after a reset. */
    readonly resetPassword: {
      readonly request: { readonly code: string; readonly password: string; readonly passwordConfirmation: string }
      readonly response: { readonly user: User; readonly jwt?: string }
      readonly reason: Limited | CodeRefused | "PasswordMismatch" | "PasswordRejected" | "Busy"
    }
    /** Until when a reset code may be used, without using it: for a page that wants to say early that it can't be. */
    readonly checkResetCode: {
      readonly request: { readonly code: string }
      readonly response: { readonly expiresAt: string }
      readonly reason: Limited | CodeRefused
    }
  }
  readonly accounts: {
    /** Makes an account and signs in to it, or answers `{ ok: true }` where the address has to be confirmed first. */
    readonly register: {
      readonly request: { readonly username: string; readonly email: string; readonly password: string }
      readonly response: SignedIn | Done
      readonly reason: Limited | "PasswordRejected" | "RegistrationClosed" | "AccountExists" | "Busy"
    }
    /** Mails a confirmation code to the address, if it waits for one. The answer is the same for every address. */
    readonly sendEmailConfirmation: {
      readonly request: { readonly email: string }
      readonly response: Done
      readonly reason: Limited
    }
    /** Confirms the address that the code was mailed to, and makes the account where one was asked for. Sign in then. */
    readonly confirmEmail: {
      readonly request: { readonly code: string }
      readonly response: { readonly user: User }
      readonly reason:
        | Limited
        | "ConfirmationCodeNotFound"
        | "ConfirmationCodeUsed"
        | "ConfirmationCodeExpired"
        | "AccountBlocked"
        | "AccountExists"
    }
    /** Signs in with an e-mail address or a user name. An unknown one and a wrong password get the same answer. */
    readonly signIn: {
      readonly request: { readonly identifier: string; readonly password: string }
      readonly response: SignedIn
      readonly reason: Limited | "InvalidCredentials" | "AccountBlocked" | "Busy"
    }
    /** Sets a new password. This session goes on with a fresh token, every other one ends. */
    readonly changePassword: {
      readonly request: {
        readonly currentPassword: string
        readonly password: string
        readonly passwordConfirmation: string
      }
      readonly response: SignedIn
      readonly reason:
        | NoSession
        | "PasswordMismatch"
        | "PasswordRejected"
        | "InvalidCredentials"
        | "RateLimited"
        | "Busy"
    }
    /** Mails a code to another address, which the account gets once it is used. The answer is the same for every address. */
    readonly changeEmail: {
      readonly request: { readonly email: string; readonly currentPassword: string }
      readonly response: Done
      readonly reason: NoSession | "AccountKeptElsewhere" | "InvalidCredentials" | "RateLimited" | "Busy"
    }
    /** Gives the account the address that the code was mailed to. This session's token stays good. */
    readonly confirmEmailChange: {
      readonly request: { readonly code: string }
      readonly response: { readonly user: User }
      readonly reason: Limited | EmailChangeRefused | "AccountExists"
    }
    /** Gives the account its former address back; every session ends, and a reset code is mailed there. */
    readonly undoEmailChange: {
      readonly request: { readonly code: string }
      readonly response: { readonly user: User }
      readonly reason: Limited | EmailChangeRefused | "Busy"
    }
    /** Deletes the account for good. */
    readonly deleteAccount: {
      readonly request: { readonly currentPassword: string }
      readonly response: Done
      readonly reason: NoSession | "AccountKeptElsewhere" | "InvalidCredentials" | "RateLimited" | "Busy"
    }
    /** Ends this session. */
    readonly signOut: { readonly response: Done; readonly reason: NoSession }
  }
  readonly sessions: {
    /** The sessions of the account, the current one first. */
    readonly list: { readonly response: { readonly sessions: ReadonlyArray<Session> }; readonly reason: NoSession }
    /** Ends one session of the account. */
    readonly endOne: {
      readonly request: { readonly id: string }
      readonly response: Done
      readonly reason: NoSession | "SessionNotFound"
    }
    /** Ends every session of the account but this one. */
    readonly endOthers: { readonly response: Done; readonly reason: NoSession }
  }
  readonly users: {
    /** The account that is signed in. */
    readonly me: { readonly response: User; readonly reason: NoSession }
    /** The language of the account's mails; null where its owner never said. */
    readonly language: { readonly response: OwnLanguage; readonly reason: NoSession }
    /** Chooses it. */
    readonly setLanguage: {
      readonly request: OwnLanguage
      readonly response: Done
      readonly reason: NoSession
    }
    /** All that is held on the account. */
    readonly export: { readonly response: AccountExport; readonly reason: NoSession | "RateLimited" }
    /** What happened to the account, the newest first. `next` goes into `before` for the page behind it; null at the end. */
    readonly events: {
      readonly request: { readonly before?: string }
      readonly response: { readonly events: ReadonlyArray<AccountEvent>; readonly next: string | null }
      readonly reason: NoSession
    }
  }
  readonly system: {
    /** Answers while the process runs, whatever its database does. */
    readonly health: { readonly response: Done; readonly reason: Common }
    /** Answers when the service can do its work. */
    readonly ready: { readonly response: Done; readonly reason: Common }
  }
  readonly administration: {
    /** Mails a reset code to the owner of an account. `token` gives an administrator's. */
    readonly sendResetCode: {
      readonly request: { readonly identifier: string }
      readonly response: Done
      readonly reason: Limited | "Unauthenticated" | "AccountNotFound" | "AccountBlocked"
    }
  }
}

/** Most requests are posted below /auth; said once here, since a page loads each letter of it. */
const post = <Path extends string>(path: Path) => `POST /auth/${path} body` as const
const bearer = <Route extends string>(route: Route) => `${route} bearer` as const

/** Method and path of each, `bearer` where a token has to be shown, `body` where the request is sent as JSON, `query` where in the URL. */
export const routes = {
  recovery: {
    forgotPassword: post("forgot-password"),
    resetPassword: post("reset-password"),
    checkResetCode: post("reset-password/check")
  },
  accounts: {
    register: post("local/register"),
    sendEmailConfirmation: post("send-email-confirmation"),
    confirmEmail: post("email-confirmation"),
    signIn: post("local"),
    changePassword: bearer(post("change-password")),
    changeEmail: bearer(post("change-email")),
    confirmEmailChange: post("change-email/confirm"),
    undoEmailChange: post("change-email/undo"),
    deleteAccount: bearer(post("delete-account")),
    signOut: bearer("POST /auth/logout")
  },
  sessions: {
    list: bearer("GET /auth/sessions"),
    endOne: bearer("DELETE /auth/sessions/:id"),
    endOthers: bearer("DELETE /auth/sessions")
  },
  users: {
    me: bearer("GET /users/me"),
    language: bearer("GET /users/me/language"),
    setLanguage: bearer("PUT /users/me/language body"),
    export: bearer("GET /users/me/export"),
    events: bearer("GET /users/me/events query")
  },
  system: { health: "GET /health", ready: "GET /ready" },
  administration: { sendResetCode: bearer("POST /admin/send-reset-code body") }
} as const satisfies { readonly [G in keyof Operations]: { readonly [O in keyof Operations[G]]: string } }
