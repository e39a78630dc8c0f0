import { Effect, Layer, Option } from "effect"
import { HttpEffect, HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { AccountEvents } from "../accounts/AccountEvents.ts"
import { AccountExports } from "../accounts/AccountExports.ts"
import { AccountLanguages } from "../accounts/AccountLanguages.ts"
import { Accounts } from "../accounts/Accounts.ts"
import { EmailChange } from "../accounts/EmailChange.ts"
import { EmailConfirmation } from "../accounts/EmailConfirmation.ts"
import { Sessions } from "../accounts/Sessions.ts"
import { Api } from "../api/Api.ts"
import { CurrentSession } from "../api/Authorization.ts"
import { done } from "../api/Done.ts"

const AccountsHandlers = HttpApiBuilder.group(
  Api,
  "accounts",
  Effect.fn(function* (handlers) {
    const accounts = yield* Accounts
    const confirmation = yield* EmailConfirmation
    const emailChange = yield* EmailChange
    const sessions = yield* Sessions
    return handlers.handleAll({
      register: ({ payload }) =>
        Effect.map(
          accounts.register(payload),
          Option.getOrElse(() => done)
        ),
      sendEmailConfirmation: ({ payload }) => Effect.as(confirmation.request(payload.email), done),
      confirmEmail: ({ payload }) => Effect.map(confirmation.confirm(payload.code), (user) => ({ user })),
      signIn: ({ payload }) => accounts.signIn(payload),
      changePassword: ({ payload }) =>
        Effect.flatMap(CurrentSession, (current) => accounts.changePassword(current, payload)),
      changeEmail: ({ payload }) =>
        Effect.as(
          Effect.flatMap(CurrentSession, (current) => emailChange.request(current, payload)),
          done
        ),
      confirmEmailChange: ({ payload }) => Effect.map(emailChange.confirm(payload.code), (user) => ({ user })),
      undoEmailChange: ({ payload }) => Effect.map(emailChange.undo(payload.code), (user) => ({ user })),
      deleteAccount: ({ payload }) =>
        Effect.as(
          Effect.flatMap(CurrentSession, (current) => accounts.remove(current, payload.currentPassword)),
          done
        ),
      signOut: () => Effect.as(Effect.flatMap(CurrentSession, sessions.signOut), done)
    })
  })
)

const SessionsHandlers = HttpApiBuilder.group(
  Api,
  "sessions",
  Effect.fn(function* (handlers) {
    const sessions = yield* Sessions
    return handlers.handleAll({
      list: () => Effect.map(Effect.flatMap(CurrentSession, sessions.list), (sessions) => ({ sessions })),
      endOne: ({ params }) =>
        Effect.as(
          Effect.flatMap(CurrentSession, (current) => sessions.end(current, params.id)),
          done
        ),
      endOthers: () => Effect.as(Effect.flatMap(CurrentSession, sessions.endOthers), done)
    })
  })
)

const eventsAPage = 50

/** An account's export is kept as a file. */
export const asFile = 'attachment; filename="account.json"'

const UsersHandlers = HttpApiBuilder.group(
  Api,
  "users",
  Effect.fn(function* (handlers) {
    const languages = yield* AccountLanguages
    const events = yield* AccountEvents
    const exports = yield* AccountExports
    return handlers.handleAll({
      me: () => Effect.map(CurrentSession, ({ user }) => user),
      language: () =>
        Effect.map(
          Effect.flatMap(CurrentSession, ({ user }) => languages.of(user.id)),
          (language) => ({ language })
        ),
      setLanguage: ({ payload }) =>
        Effect.as(
          Effect.flatMap(CurrentSession, ({ user }) => languages.set(user.id, payload.language)),
          done
        ),
      export: () =>
        HttpEffect.appendPreResponseHandler((_, response) =>
          Effect.succeed(HttpServerResponse.setHeader(response, "content-disposition", asFile))
        ).pipe(Effect.andThen(Effect.flatMap(CurrentSession, exports.of))),
      events: ({ query }) =>
        Effect.flatMap(CurrentSession, ({ user }) =>
          events.before(user.id, Option.fromUndefinedOr(query.before), eventsAPage)
        )
    })
  })
)

export const AccountHandlers = Layer.mergeAll(AccountsHandlers, SessionsHandlers, UsersHandlers)
