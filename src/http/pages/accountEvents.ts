import { Effect, Option, Schema } from "effect"
import { HttpRouter } from "effect/http"
import { AccountEvents } from "../../accounts/AccountEvents.ts"
import { documentedUnavailable } from "../../api/errors.ts"
import { type AccountEvent, EventCursor } from "../../domain/AccountEvent.ts"
import type { EventType } from "../../events/RekeyEvent.ts"
import type { MessageKey } from "../../language/Messages.ts"
import { type Html, html } from "../../markup/Html.ts"
import { paths } from "../paths.ts"
import { errorBody } from "./forms.ts"
import { lead } from "./lead.ts"
import { makeSessionCookie } from "./sessionCookie.ts"
import { type Visit, Visits } from "./Visits.ts"
import { moment, whereFrom } from "./whenAndWhere.ts"

const decodeCursor = Schema.decodeUnknownOption(EventCursor)
const bodyOf = errorBody(documentedUnavailable)

const eventsAPage = 20

/** What is said of an event; of those of a newer version their name. */
const named = {
  "account.created": "page.event.creation",
  "account.imported": "page.event.creation",
  "account.registered": "page.event.registration",
  "registration.requested": "page.event.registrationRequest",
  "recovery.requested": "page.event.recoveryRequest",
  "confirmation.requested": "page.event.confirmationMail",
  "email.confirmed": "page.event.emailConfirmation",
  "email-change.requested": "page.event.emailChangeRequest",
  "email.changed": "page.event.emailChange",
  "email.restored": "page.event.emailReturn",
  "sign-in": "page.event.signIn",
  "session.ended": "page.event.sessionEnd",
  "sessions.ended": "page.event.sessionsEnd",
  "password.changed": "page.event.passwordChange",
  "password.reset": "page.event.passwordReset",
  "language.changed": "page.event.language",
  "account.exported": "page.event.export",
  "account.deleted": "page.event.deletion",
  "account.blocked": "page.event.block",
  "account.unblocked": "page.event.unblock"
} as const satisfies Record<Exclude<EventType, "session.opened">, MessageKey> & Record<string, MessageKey>

const isNamed = (event: string): event is keyof typeof named => Object.hasOwn(named, event)

const eventRow = (visit: Visit, appName: string, event: AccountEvent): Html => {
  const operator = event.actor !== "owner" && event.actor !== "anonymous"
  const where = operator ? [visit.say("page.events.operator", { app: appName })] : whereFrom(visit, event)
  return html`<li><div>
<p><strong>${isNamed(event.event) ? visit.say(named[event.event]) : event.event}</strong>${
    event.outcome === "done" ? "" : html` <span class="badge refused">${visit.say("page.events.refused")}</span>`
  }</p>
<p class="when">${moment(visit, event.at)}</p>
${where.map((line) => html`<p class="when">${line}</p>\n`)}</div></li>
`
}

/** What was done to the account or tried, for whoever owns it: somebody else's doing is found here. */
export const AccountEventsPage = ({ appName }: { readonly appName: string }) =>
  HttpRouter.use(
    Effect.fnUntraced(function* (router) {
      const events = yield* AccountEvents
      const { add } = yield* Visits
      const { signedIn } = yield* makeSessionCookie

      yield* add(router, "GET", paths.accountEventsPage, (visit) =>
        signedIn(visit, ({ user }) =>
          Effect.matchEffect(events.before(user.id, decodeCursor(visit.query.get("before")), eventsAPage), {
            onFailure: (error) =>
              Effect.map(bodyOf(error), (error) =>
                visit.page({ title: visit.say("page.events.title"), error, content: html`` })
              ),
            onSuccess: ({ events, next }) =>
              Effect.succeed(
                visit.page({
                  title: visit.say("page.events.title"),
                  content: html`${lead(visit.say("page.events.lead"))}<ul class="rows">
${events.map((event) => eventRow(visit, appName, event))}</ul>
<ul class="links">
${Option.match(Option.fromNullOr(next), {
  onNone: () => html``,
  onSome: (cursor) =>
    html`<li><a href="${visit.to(paths.accountEventsPage)}?before=${cursor}">${visit.say("page.events.older")}</a></li>\n`
})}<li><a href="${visit.to(paths.changePasswordPage)}">${visit.say("page.changePassword.title")}</a></li>
<li><a href="${visit.to(paths.accountPage)}">${visit.say("page.account.back")}</a></li>
</ul>`
                })
              )
          })
        )
      )
    })
  )
