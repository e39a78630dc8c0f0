import { Effect, Schema } from "effect"
import type { HttpServerResponse } from "effect/http"
import { changeEmailErrors, changePasswordErrors, deleteAccountErrors } from "../../api/Accounts.ts"
import { documentedUnavailable, type ErrorBody } from "../../api/errors.ts"
import type { RateLimited } from "../../domain/Failure.ts"
import type { Unauthenticated } from "../../domain/Session.ts"
import { paths } from "../paths.ts"
import { passwordField } from "./field.ts"
import { errorBody, faulty, rateLimited } from "./forms.ts"
import { noticeQuery } from "./notice.ts"
import { makeSessionCookie } from "./sessionCookie.ts"
import type { Visit } from "./Visits.ts"

const Refusals = Schema.Union([
  ...changePasswordErrors,
  ...changeEmailErrors,
  ...deleteAccountErrors,
  documentedUnavailable
])
const bodyOf = errorBody(Refusals)

/** The field for the password that the account has. */
export const currentPasswordField = (visit: Visit, error: ErrorBody | undefined) =>
  passwordField(visit, {
    name: "currentPassword",
    label: visit.say("page.field.currentPassword"),
    attributes: { autocomplete: "current-password" },
    error
  })

/** Makes what is said where a deed that takes the current password was refused: the form `again`, or the way to sign in. */
export const makeDeedRefused = Effect.gen(function* () {
  const { forget } = yield* makeSessionCookie
  return (visit: Visit, again: (error: ErrorBody | undefined) => HttpServerResponse.HttpServerResponse) =>
    (error: typeof Refusals.Type | RateLimited | Unauthenticated) => {
      switch (error._tag) {
        case "RateLimited":
          return rateLimited(error, again)
        case "InvalidCredentials":
          return Effect.succeed(again(faulty({ currentPassword: visit.say("page.error.wrongPassword") })))
        case "Unauthenticated":
          return Effect.succeed(forget(visit.seeOther(paths.signInPage, noticeQuery("ended"))))
        default:
          return Effect.map(bodyOf(error), again)
      }
    }
})
