import { Effect, Schema } from "effect"
import { HttpRouter, type HttpServerRequest, HttpServerResponse } from "effect/http"
import { AccountExports } from "../../accounts/AccountExports.ts"
import { Sessions } from "../../accounts/Sessions.ts"
import { documentedUnavailable, type ErrorBody } from "../../api/errors.ts"
import { AccountExport } from "../../domain/AccountExport.ts"
import type { Unavailable } from "../../domain/Failure.ts"
import { type Session, SessionId } from "../../domain/Session.ts"
import { deviceIn } from "../../language/Device.ts"
import { type Html, html } from "../../markup/Html.ts"
import { asFile } from "../accounts.ts"
import type { Door } from "../limits.ts"
import { paths } from "../paths.ts"
import { errorBody, makeTakeForm, type Typed } from "./forms.ts"
import { noticeIn, noticeQuery } from "./notice.ts"
import { makeSessionCookie } from "./sessionCookie.ts"
import { type Answer, type Visit, Visits } from "./Visits.ts"
import { moment, placeOf } from "./whenAndWhere.ts"

const bodyOf = errorBody(documentedUnavailable)
const encodeExport = Schema.encodeEffect(AccountExport)
const decodeSessionId = Schema.decodeUnknownEffect(SessionId)

/** The buttons of all rows say the same to the eye; their names say which device, for those who hear them. */
const sessionRow = (visit: Visit, session: Session, row: string): Html => {
  const place = placeOf(visit, session)
  const named = [`end-${row}`, `device-${row}`, ...(place === undefined ? [] : [`place-${row}`])].join(" ")
  return html`<li><div>
<p><strong id="device-${row}">${deviceIn(visit.language, session.device)}</strong>${
    session.current ? html` <span class="badge">${visit.say("page.sessions.current")}</span>` : ""
  }</p>
${place === undefined ? "" : html`<p class="when" id="place-${row}">${place}</p>\n`}\
<p class="when">${visit.say("page.sessions.since")} ${moment(visit, session.createdAt)}</p>
</div>
${
  session.current
    ? ""
    : html`<form method="post" action="${visit.to(paths.endSession)}"><input type="hidden" name="id" value="${session.id}">\
<button class="quiet" id="end-${row}" aria-labelledby="${named}">${visit.say("page.sessions.end")}</button></form>
`
}</li>
`
}

/** The page where nothing of the account can be shown. */
const failed = (visit: Visit) => (error: ErrorBody) =>
  visit.page({ title: visit.say("page.account.title"), error, content: html`` })

const unavailable = (visit: Visit) => (error: Unavailable) => Effect.map(bodyOf(error), failed(visit))

/** "Your account": who one is, where one is signed in, and the way to what can be changed. */
export const AccountPage = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const sessions = yield* Sessions
    const exports = yield* AccountExports
    const { add } = yield* Visits
    const takeForm = yield* makeTakeForm
    const { forget, signedIn } = yield* makeSessionCookie

    yield* add(router, "GET", paths.accountPage, (visit) =>
      signedIn(visit, (authenticated) =>
        Effect.matchEffect(sessions.list(authenticated), {
          onFailure: unavailable(visit),
          onSuccess: (list) => {
            const { email, username } = authenticated.user
            return Effect.succeed(
              visit.page({
                title: visit.say("page.account.title"),
                notice: noticeIn(visit),
                content: html`<dl>
<dt>${visit.say("page.field.username")}</dt><dd><bdi>${username}</bdi></dd>
<dt>${visit.say("page.field.email")}</dt><dd><bdi>${email}</bdi></dd>
</dl>
<ul class="links">
<li><a href="${visit.to(paths.changePasswordPage)}">${visit.say("page.changePassword.title")}</a></li>
<li><a href="${visit.to(paths.changeEmailPage)}">${visit.say("page.changeEmail.title")}</a></li>
<li><a href="${visit.to(paths.accountEventsPage)}">${visit.say("page.events.title")}</a></li>
</ul>
<h2>${visit.say("page.sessions.title")}</h2>
<ul class="rows">
${list.map((session, index) => sessionRow(visit, session, String(index)))}</ul>
${
  list.length > 1
    ? html`<form method="post" action="${visit.to(paths.endOtherSessions)}"><button class="quiet">${visit.say("page.sessions.endOthers")}</button></form>
`
    : ""
}<form method="post" action="${visit.to(paths.signOut)}"><button class="quiet">${visit.say("page.account.signOut")}</button></form>
<h2>${visit.say("page.data.title")}</h2>
<p class="hint">${visit.say("page.data.lead")}</p>
<form method="post" action="${visit.to(paths.exportAccount)}" data-stays><button class="quiet">${visit.say("page.data.export")}</button></form>
<ul class="links"><li><a class="danger" href="${visit.to(paths.deleteAccountPage)}">${visit.say("page.delete.title")}</a></li></ul>`
              })
            )
          }
        })
      )
    )

    /** What a button on the page asks for; the page says that it was done. */
    const button = (
      visit: Visit,
      taken: (typed: Typed) => Answer<never>,
      door?: Door
    ): Answer<HttpServerRequest.HttpServerRequest> =>
      takeForm(visit, { refused: failed(visit), ...(door && { door }) }, taken)

    yield* add(router, "POST", paths.endSession, (visit) =>
      button(visit, (typed) =>
        signedIn(visit, (authenticated) =>
          decodeSessionId(typed("id")).pipe(
            Effect.flatMap((id) => sessions.end(authenticated, id)),
            Effect.as(visit.seeOther(paths.accountPage, noticeQuery("session"))),
            Effect.catchTags({
              Unavailable: unavailable(visit),
              // Ended meanwhile, or nobody's: it isn't there any more, as was asked.
              SchemaError: () => Effect.succeed(visit.seeOther(paths.accountPage)),
              SessionNotFound: () => Effect.succeed(visit.seeOther(paths.accountPage))
            })
          )
        )
      )
    )

    yield* add(router, "POST", paths.endOtherSessions, (visit) =>
      button(visit, () =>
        signedIn(visit, (authenticated) =>
          sessions
            .endOthers(authenticated)
            .pipe(
              Effect.as(visit.seeOther(paths.accountPage, noticeQuery("others"))),
              Effect.catchTag("Unavailable", unavailable(visit))
            )
        )
      )
    )

    // By a button and not by a link: another site could have a link followed, and the trail would tell of it (H1).
    yield* add(router, "POST", paths.exportAccount, (visit) =>
      button(
        visit,
        () =>
          signedIn(visit, (authenticated) =>
            exports.of(authenticated).pipe(
              Effect.flatMap((account) => Effect.orDie(encodeExport(account))),
              Effect.map((account) =>
                HttpServerResponse.text(JSON.stringify(account, undefined, 2), {
                  contentType: "application/json",
                  headers: { "content-disposition": asFile }
                })
              ),
              Effect.catchTags({
                Unavailable: unavailable(visit),
                Unauthenticated: () => Effect.succeed(forget(visit.seeOther(paths.signInPage, noticeQuery("ended"))))
              })
            )
          ),
        "export"
      )
    )

    yield* add(router, "POST", paths.signOut, (visit) =>
      button(visit, () =>
        signedIn(visit, (authenticated) =>
          sessions
            .signOut(authenticated)
            .pipe(
              Effect.as(forget(visit.seeOther(paths.signInPage, noticeQuery("out")))),
              Effect.catchTag("Unavailable", unavailable(visit))
            )
        )
      )
    )
  })
)
