// Made of languages/en.json by `npm run format`: edit that.

/** The English messages. Here, and not read from their file, since the contract describes itself with them. */
export const english = {
  "device.known":
    "{system, select, iphone {{program} on an iPhone} ipad {{program} on an iPad} mac {{program} on a Mac} other {{program} on {name}}}",
  "device.unknown": "Unknown device",
  "device.unknownProgram": "Unknown program",
  "duration.hoursAndMinutes": "{hours} and {minutes}",
  "duration.moment": "less than a minute",
  "error.AccountBlocked": "This account is blocked.",
  "error.AccountExists": "The address or the user name is taken.",
  "error.AccountKeptElsewhere": "This account is kept by another application. Do that there.",
  "error.AccountNotFound": "Nobody has this address or user name.",
  "error.Busy": "Too many passwords are being checked right now. Try again shortly.",
  "error.ConfirmationCodeExpired": "This confirmation code has expired. Ask for a new one, or register again.",
  "error.ConfirmationCodeNotFound": "There is no such confirmation code.",
  "error.ConfirmationCodeUsed": "This address is confirmed already. Sign in.",
  "error.EmailChangeCodeExpired": "This code has expired.",
  "error.EmailChangeCodeNotFound": "There is no such code for a change of address.",
  "error.EmailChangeCodeSuperseded": "This code can't be used any more: something newer was done to the account.",
  "error.EmailChangeCodeUsed": "This code was used already.",
  "error.InvalidCredentials": "Wrong e-mail address, user name or password.",
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
  "error.UnsupportedMediaType": "The body must be application/json.",
  "error.field.email": "Must be one e-mail address, such as ada@example.com.",
  "error.field.empty": "Must not be empty.",
  "error.field.invalid": "Isn't valid.",
  "error.field.missing": "Is missing.",
  "error.field.notJson": "The body must be a JSON object.",
  "error.field.notText": "Must be a string.",
  "error.field.text": "Must hold no NUL and no unpaired surrogate.",
  "error.field.type": "Must be of the documented type.",
  "error.field.username": "Must be 3 to 64 characters long, without @.",
  "error.http.expectationFailed": "No expectation but 100-continue is met.",
  "error.http.fromElsewhere": "This form was sent from another site.",
  "error.http.headersTooLarge": "The headers are too large.",
  "error.http.internal": "Something went wrong on our side.",
  "error.http.malformed": "This is not an HTTP request that can be understood.",
  "error.http.methodNotAllowed": "This path doesn't take this method.",
  "error.http.notAForm": "The body must be a form.",
  "error.http.notFound": "There is nothing here.",
  "error.http.payloadTooLarge": "The body is larger than 64 KiB.",
  "error.http.shuttingDown": "The service is shutting down. Try again shortly.",
  "error.http.timeout": "The request took too long to arrive.",
  "mail.code": "If the link doesn't work, open this page and enter the code there:",
  "mail.confirm.subject": "Confirm your address for {app}",
  "mail.confirm.asked":
    "Somebody, hopefully you, asked for an account at {app} with the address {address}. Confirm it to open the account.",
  "mail.confirm.askedNamed":
    "Somebody, hopefully you, asked for an account at {app} with the address {address}, with the user name {name}. Confirm it to open the account.",
  "mail.confirm.askedAgain":
    "Somebody, hopefully you, asked to confirm {address} as the address of an account at {app}.",
  "mail.confirm.button": "Confirm the address",
  "mail.confirm.end": "Link and code can be used once, and end in {end}.",
  "mail.confirm.notYou":
    "If it wasn't you, don't confirm it, since whoever asked knows the password: without you there will be no account.",
  "mail.confirm.notYouAgain": "If it wasn't you, there is nothing to do.",
  "mail.confirm.why": "You get this mail because somebody gave your address at {app}.",
  "mail.notice.when": "When: {time}",
  "mail.notice.device": "Device: {device}",
  "mail.notice.address": "IP address: {address}",
  "mail.notice.network": "Network: {network}",
  "mail.notice.notRecorded": "IP address: not recorded",
  "mail.notice.notYou":
    "If it wasn't you, somebody else may be in your account. Go to {app} the way you always do, say that you forgot your password, and choose a new one: that ends every session. Then change the password of your mailbox, and tell those who run {app}.",
  "mail.passwordReset.subject": "Your {app} password was reset",
  "mail.passwordReset.what":
    "The password of the {app} account of {address} was reset with a code from a mail to this address.",
  "mail.passwordReset.you": "If it was you, just sign in with the new password: every session has ended.",
  "mail.passwordReset.why":
    "You get this mail because an account at {app} has your address, and its password was reset.",
  "mail.passwordChanged.subject": "Your {app} password was changed",
  "mail.passwordChanged.what":
    "The password of the {app} account of {address} was changed by somebody who was signed in and knew the former one.",
  "mail.passwordChanged.you":
    "If it was you, there is nothing to do. You stay signed in where you changed it; all other sessions have ended.",
  "mail.passwordChanged.why":
    "You get this mail because an account at {app} has your address, and its password was changed.",
  "mail.deleted.subject": "Your {app} account was deleted",
  "mail.deleted.what":
    "The {app} account of {address} was deleted by somebody who was signed in and knew its password.",
  "mail.deleted.you": "If it was you, there is nothing to do. This is the last mail about this account.",
  "mail.deleted.notYou":
    "If it wasn't you, somebody else knew your password. Tell those who run {app}, change the password of your mailbox, and change it wherever else you use the same one.",
  "mail.deleted.why": "You get this mail because an account at {app} had your address, and it was deleted.",
  "mail.emailChange.subject": "Confirm your new address for {app}",
  "mail.emailChange.asked": "Somebody, hopefully you, wants {address} to be the address of their account at {app}.",
  "mail.emailChange.button": "Use this address",
  "mail.emailChange.notYou":
    "If it wasn't you, don't confirm it: somebody else's account would get your address. Without you nothing changes.",
  "mail.emailTaken.subject": "Your address is in use at {app}",
  "mail.emailTaken.what":
    "Somebody asked to have {address} as the address of another account at {app}. Your account has it, so nothing was changed.",
  "mail.emailTaken.you":
    "If it was you, you have two accounts: delete this one, or choose another address for the other one.",
  "mail.emailTaken.why":
    "You get this mail because an account at {app} has your address, and somebody wanted it for another one.",
  "mail.emailChanged.subject": "Your {app} account has a new address",
  "mail.emailChanged.what":
    "The {app} account of {address} has another address now. Somebody who was signed in and knew the password asked for it.",
  "mail.emailChanged.you": "If it was you, there is nothing to do.",
  "mail.emailChanged.notYou":
    "If it wasn't you, take the account back: it gets this address again, everybody is signed out, and you choose a new password.",
  "mail.emailChanged.button": "Take the account back",
  "mail.emailChanged.end":
    "Link and code can be used once, and end in {end}. Keep them to yourself: they give the account back.",
  "mail.emailChanged.why": "You get this mail because an account at {app} had your address, and has another one now.",
  "mail.emailRestored.subject": "Your {app} account has this address again",
  "mail.emailRestored.what":
    "{address} is the address of your account at {app} again. Everybody is signed out, and no password opens the account until you choose a new one.",
  "mail.emailRestored.next":
    "A mail with a link to choose a password comes next. If it doesn't, say at the sign-in that you forgot yours.",
  "mail.emailRestored.then":
    "Then change the password of your mailbox, and tell those who run {app} if somebody else was in your account.",
  "mail.emailRestored.why": "You get this mail because an account at {app} has your address again.",
  "mail.emailWithdrawn.subject": "Your address is no longer that of an account at {app}",
  "mail.emailWithdrawn.what":
    "{address} was the address of an account at {app}. The account was taken back by the address that it had before, and has that one again. Everybody is signed out.",
  "mail.emailWithdrawn.you":
    "If it is your account, choose a new password with the mail that went to the former address.",
  "mail.emailWithdrawn.notYou":
    "If it isn't, there is nothing to do: your address has nothing to do with the account any more.",
  "mail.emailWithdrawn.why": "You get this mail because an account at {app} had your address until now.",
  "mail.registration.subject": "You have an account at {app} already",
  "mail.registration.what":
    "Somebody asked for a new account at {app} with the address {address}. There is one with it already, so no other was made.",
  "mail.registration.you":
    "If it was you, sign in with the account that you have. If you forgot its password, go to {app} the way you always do, say so, and choose a new one.",
  "mail.registration.notYou":
    "If it wasn't you, there is nothing to do: whoever it was has learnt nothing, and nothing has changed.",
  "mail.registration.why":
    "You get this mail because an account at {app} has your address, and somebody tried to register with it.",
  "mail.reset.subject": "Reset your {app} password",
  "mail.reset.asked": "Somebody, hopefully you, asked to reset the password of the {app} account of {address}.",
  "mail.reset.askedByAdministrator":
    "An administrator of {app} asked to reset the password of the {app} account of {address}.",
  "mail.reset.button": "Choose a new password",
  "mail.reset.end": "Link and code can be used once, and end in {end}. Keep them to yourself: they open the account.",
  "mail.reset.notYou":
    "If it wasn't you, there is nothing to do: without this mail your password can't be changed this way.",
  "mail.reset.notWanted":
    "If you don't want a new password, there is nothing to do: without this mail your password can't be changed this way.",
  "mail.reset.why":
    "You get this mail because an account at {app} has your address, and somebody said that its password was forgotten.",
  "mail.reset.whyAdministrator":
    "You get this mail because an account at {app} has your address, and an administrator started a reset of its password.",
  "policy.breached": "This password is known from a data breach. Choose one that you have used nowhere else.",
  "policy.tooClose":
    "The password is little more than your address, your user name or the name of this service. Choose one that says nothing of you.",
  "policy.tooCommon": "This password is one of the most common ones, which are guessed first.",
  "policy.tooLong": "The password may have at most {most, plural, one {# character} other {# characters}}.",
  "policy.tooManyBytes":
    "The password may take at most {most, plural, one {# byte} other {# bytes}}: letters without accents take one each, most others two or three, emoji four or more.",
  "policy.tooShort": "The password must have at least {least, plural, one {# character} other {# characters}}.",
  "page.account.back": "Back to your account",
  "page.account.signOut": "Sign out here",
  "page.account.title": "Your account",
  "page.ask.button": "Send the mail",
  "page.changePassword.lead": "You stay signed in here, and are signed out everywhere else.",
  "page.changePassword.title": "Change your password",
  "page.confirm.button": "Confirm the address",
  "page.confirm.lead": "Confirm only if it was you who asked for it.",
  "page.confirm.title": "Confirm your address",
  "page.confirmAgain.lead": "Enter the address that you registered with.",
  "page.confirmAgain.title": "Ask for a new confirmation mail",
  "page.confirmDone.lead": "You can sign in now.",
  "page.confirmDone.title": "Your address is confirmed",
  "page.changeEmail.title": "Change your e-mail address",
  "page.changeEmail.lead": "We send a mail to the new address. Nothing changes before you confirm there.",
  "page.confirmChange.title": "Confirm your new address",
  "page.confirmChange.lead":
    "Once you confirm, the address that got the mail is your account's. Confirm only if you asked for it.",
  "page.confirmChange.button": "Use this address",
  "page.confirmChangeDone.title": "Your address is changed",
  "page.confirmChangeDone.lead": "Your other devices are signed out. We have told the former address.",
  "page.undoChange.title": "Take your account back",
  "page.undoChange.lead":
    "Do this if it wasn't you who changed the address. The former address is your account's again, every device is signed out, and the current password no longer works.",
  "page.undoChange.button": "Take the account back",
  "page.undoChangeDone.title": "Your account is back",
  "page.undoChangeDone.lead": "A mail is on its way to you: choose a new password with it.",
  "page.undoChangeDone.nothing": "Nothing there after a few minutes? Look in the spam folder, or ask for a new mail.",
  "page.data.export": "Download the data",
  "page.data.lead": "All that is held on your account, as a file. No secret is in it.",
  "page.data.title": "Your data",
  "page.delete.button": "Delete the account for good",
  "page.delete.goes":
    "The account goes for good, with its sessions, its codes and the mails that wait. Nobody can bring it back.",
  "page.delete.stays":
    "What stays for a while is the log of what was done, which those who run {app} keep; your address isn't in it. A last mail will confirm the deletion.",
  "page.delete.title": "Delete your account",
  "page.deleted.lead": "You are signed out everywhere, and a last mail is on its way.",
  "page.deleted.title": "Your account is deleted",
  "page.error.code": "Enter the code from the mail.",
  "page.error.email": "Enter one e-mail address, such as ada@example.com.",
  "page.error.heading": "That didn't work",
  "page.error.identifier": "Enter your e-mail address or user name.",
  "page.error.password": "Enter your password.",
  "page.error.titled": "Error: {title}",
  "page.error.unusable": "The password holds a character that can't be used.",
  "page.error.username": "Enter a user name of 3 to 64 characters, without @.",
  "page.error.wrongPassword": "This is not your current password.",
  "page.event.block": "Block of the account",
  "page.event.confirmationMail": "Request for a confirmation mail",
  "page.event.creation": "Creation of the account",
  "page.event.deletion": "Deletion of the account",
  "page.event.emailChange": "Change of the address",
  "page.event.emailChangeRequest": "Request to change the address",
  "page.event.emailReturn": "Return to the former address",
  "page.event.emailConfirmation": "Confirmation of the address",
  "page.event.export": "Download of the data",
  "page.event.language": "Change of the language of mails",
  "page.event.passwordChange": "Change of password",
  "page.event.passwordReset": "Password reset",
  "page.event.recoveryRequest": "Request for a reset code",
  "page.event.registration": "Registration",
  "page.event.registrationRequest": "Request for an account",
  "page.event.sessionEnd": "End of a session",
  "page.event.sessionsEnd": "End of all other sessions",
  "page.event.signIn": "Sign-in",
  "page.event.unblock": "End of a block",
  "page.events.lead": "What was done to your account, or tried. If something wasn't you, change your password.",
  "page.events.older": "Older events",
  "page.events.operator": "By those who run {app}",
  "page.events.refused": "Refused",
  "page.events.title": "Recent events",
  "page.field.code": "Code from the mail",
  "page.field.codeHint": "Paste the code, or the whole link.",
  "page.field.currentPassword": "Current password",
  "page.field.email": "E-mail address",
  "page.field.identifier": "E-mail address or user name",
  "page.field.newEmail": "New e-mail address",
  "page.field.newPassword": "New password",
  "page.field.password": "Password",
  "page.field.passwordAgain": "New password again",
  "page.field.username": "User name",
  "page.field.usernameHint": "3 to 64 characters, without @.",
  "page.forgot.lead":
    "Enter the address of your account. We will send a mail there with a link to choose a new password.",
  "page.forgot.title": "Forgot your password?",
  "page.language": "English",
  "page.languages": "Language",
  "page.link.support": "Help",
  "page.link.terms": "Terms",
  "page.notice.ended": "Your session has ended. Sign in again.",
  "page.notice.others": "You are signed out everywhere else.",
  "page.notice.password": "Your password is changed. You are signed out everywhere else.",
  "page.notice.session": "That device is signed out.",
  "page.notice.signedOut": "You are signed out.",
  "page.password.hide": "Hide",
  "page.password.rule":
    "At least {least, plural, one {# character} other {# characters}}. A few words that only you would put together make a good one.",
  "page.password.show": "Show",
  "page.place.address": "IP address {address}",
  "page.place.network": "Network {network}",
  "page.register.button": "Create the account",
  "page.register.signIn": "I have an account: sign in",
  "page.register.title": "Create an account",
  "page.reset.button": "Set the new password",
  "page.reset.title": "Choose a new password",
  "page.resetDone.lead": "You are signed out everywhere. Sign in with the new password.",
  "page.resetDone.title": "Your password is changed",
  "page.sent.again": "Enter the address again",
  "page.sent.code": "I have a code",
  "page.sent.confirmation": "If this address waits for its confirmation, a mail with a link is on its way.",
  "page.sent.changeEmail": "If the new address can be used, a mail is on its way there.",
  "page.sent.nothing": "Nothing there after a few minutes? Look in the spam folder, or check the address.",
  "page.sent.registration": "We have sent a mail to your address. Follow its link to finish.",
  "page.sent.reset": "If there is an account with this address, a mail with a link is on its way.",
  "page.sent.title": "Check your mail",
  "page.sessions.current": "This device",
  "page.sessions.end": "Sign out",
  "page.sessions.endOthers": "Sign out everywhere else",
  "page.sessions.since": "Since",
  "page.sessions.title": "Where you are signed in",
  "page.signIn.title": "Sign in",
  "page.unusable.another": "Ask for a new mail",
  "page.unusable.code": "Enter another code",
  "page.unusable.title": "This link doesn't work",
  "page.unusable.unknown": "The link is unknown or incomplete. Open it once more, from the newest mail."
} as const

/** What each message takes that takes something. */
export interface MessageValues {
  readonly "device.known": {
    readonly system: "iphone" | "ipad" | "mac" | "other"
    readonly program: string
    readonly name: string
  }
  readonly "duration.hoursAndMinutes": { readonly hours: string; readonly minutes: string }
  readonly "mail.confirm.subject": { readonly app: string }
  readonly "mail.confirm.asked": { readonly app: string; readonly address: string }
  readonly "mail.confirm.askedNamed": { readonly app: string; readonly address: string; readonly name: string }
  readonly "mail.confirm.askedAgain": { readonly address: string; readonly app: string }
  readonly "mail.confirm.end": { readonly end: string }
  readonly "mail.confirm.why": { readonly app: string }
  readonly "mail.notice.when": { readonly time: string }
  readonly "mail.notice.device": { readonly device: string }
  readonly "mail.notice.address": { readonly address: string }
  readonly "mail.notice.network": { readonly network: string }
  readonly "mail.notice.notYou": { readonly app: string }
  readonly "mail.passwordReset.subject": { readonly app: string }
  readonly "mail.passwordReset.what": { readonly app: string; readonly address: string }
  readonly "mail.passwordReset.why": { readonly app: string }
  readonly "mail.passwordChanged.subject": { readonly app: string }
  readonly "mail.passwordChanged.what": { readonly app: string; readonly address: string }
  readonly "mail.passwordChanged.why": { readonly app: string }
  readonly "mail.deleted.subject": { readonly app: string }
  readonly "mail.deleted.what": { readonly app: string; readonly address: string }
  readonly "mail.deleted.notYou": { readonly app: string }
  readonly "mail.deleted.why": { readonly app: string }
  readonly "mail.emailChange.subject": { readonly app: string }
  readonly "mail.emailChange.asked": { readonly address: string; readonly app: string }
  readonly "mail.emailTaken.subject": { readonly app: string }
  readonly "mail.emailTaken.what": { readonly address: string; readonly app: string }
  readonly "mail.emailTaken.why": { readonly app: string }
  readonly "mail.emailChanged.subject": { readonly app: string }
  readonly "mail.emailChanged.what": { readonly app: string; readonly address: string }
  readonly "mail.emailChanged.end": { readonly end: string }
  readonly "mail.emailChanged.why": { readonly app: string }
  readonly "mail.emailRestored.subject": { readonly app: string }
  readonly "mail.emailRestored.what": { readonly address: string; readonly app: string }
  readonly "mail.emailRestored.then": { readonly app: string }
  readonly "mail.emailRestored.why": { readonly app: string }
  readonly "mail.emailWithdrawn.subject": { readonly app: string }
  readonly "mail.emailWithdrawn.what": { readonly address: string; readonly app: string }
  readonly "mail.emailWithdrawn.why": { readonly app: string }
  readonly "mail.registration.subject": { readonly app: string }
  readonly "mail.registration.what": { readonly app: string; readonly address: string }
  readonly "mail.registration.you": { readonly app: string }
  readonly "mail.registration.why": { readonly app: string }
  readonly "mail.reset.subject": { readonly app: string }
  readonly "mail.reset.asked": { readonly app: string; readonly address: string }
  readonly "mail.reset.askedByAdministrator": { readonly app: string; readonly address: string }
  readonly "mail.reset.end": { readonly end: string }
  readonly "mail.reset.why": { readonly app: string }
  readonly "mail.reset.whyAdministrator": { readonly app: string }
  readonly "policy.tooLong": { readonly most: number }
  readonly "policy.tooManyBytes": { readonly most: number }
  readonly "policy.tooShort": { readonly least: number }
  readonly "page.delete.stays": { readonly app: string }
  readonly "page.error.titled": { readonly title: string }
  readonly "page.events.operator": { readonly app: string }
  readonly "page.password.rule": { readonly least: number }
  readonly "page.place.address": { readonly address: string }
  readonly "page.place.network": { readonly network: string }
}
