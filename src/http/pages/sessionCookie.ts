import { Effect, Option, Redacted, Schema } from "effect"
import { type HttpServerRequest, HttpServerResponse } from "effect/http"
import { type Authenticated, Sessions } from "../../accounts/Sessions.ts"
import { documentedUnavailable } from "../../api/errors.ts"
import { SessionToken } from "../../domain/Session.ts"
import { html } from "../../markup/Html.ts"
import { paths } from "../paths.ts"
import { errorBody } from "./forms.ts"
import { noticeQuery } from "./notice.ts"
import { type Answer, type Visit, Visits } from "./Visits.ts"

const decodeToken = Schema.decodeUnknownOption(SessionToken)
const unavailable = errorBody(documentedUnavailable)

/**
 * Who is signed in to the pages: the session's token in a cookie that no script reads and no other site's form sends. The API takes
 * no cookie, so that none of its doors can be pushed from another site. It ends with the browser.
 */
export const makeSessionCookie = Effect.gen(function* () {
  const sessions = yield* Sessions
  const { cookiePath, secure } = yield* Visits
  const path = cookiePath("/")
  // A name that browsers take from this host alone, over TLS (RFC 6265bis, 4.1.3): no neighbour plants a session of his own.
  const name = `${secure ? (path === "/" ? "__Host-" : "__Secure-") : ""}rekey_session`
  const options = { httpOnly: true, path, sameSite: "lax", secure } as const

  const tokenOf = ({ cookies }: HttpServerRequest.HttpServerRequest): Option.Option<SessionToken> =>
    decodeToken(cookies[name])

  const forget = (response: HttpServerResponse.HttpServerResponse) =>
    HttpServerResponse.expireCookieUnsafe(response, name, options)

  /** For those who are signed in; others are sent to sign in. */
  const signedIn = <R>(visit: Visit, answer: (authenticated: Authenticated) => Answer<R>): Answer<R> =>
    Option.match(tokenOf(visit.request), {
      onNone: () => Effect.succeed(visit.seeOther(paths.signInPage)),
      onSome: (token) =>
        Effect.matchEffect(sessions.authenticate(token), {
          onFailure: (error): Answer<R> =>
            error._tag === "Unavailable"
              ? Effect.map(unavailable(error), (error) =>
                  visit.page({ title: visit.say("page.account.title"), content: html``, error })
                )
              : Effect.succeed(forget(visit.seeOther(paths.signInPage, noticeQuery("ended")))),
          onSuccess: answer
        })
    })

  return {
    signedIn,
    forget,
    keep: (response: HttpServerResponse.HttpServerResponse, token: SessionToken) =>
      HttpServerResponse.setCookieUnsafe(response, name, Redacted.value(token), options),
    /** Ends the session that a browser had before another one begins: nobody finds it there later. */
    endFormer: ({ request }: Visit) =>
      Option.match(tokenOf(request), {
        onNone: () => Effect.void,
        onSome: (token) => Effect.ignore(Effect.flatMap(sessions.authenticate(token), sessions.signOut))
      })
  }
})
