import type { MessageKey } from "../../language/Messages.ts"
import type { Visit } from "./Visits.ts"

/** What a page may tell that something was done on another one. The query names one of these, and never the words. */
const notices = {
  ended: "page.notice.ended",
  out: "page.notice.signedOut",
  password: "page.notice.password",
  session: "page.notice.session",
  others: "page.notice.others"
} as const satisfies Record<string, MessageKey>

export type Notice = keyof typeof notices

const isNotice = (name: string | null): name is Notice => name !== null && Object.hasOwn(notices, name)

/** The query that has a page show a notice. */
export const noticeQuery = (notice: Notice): string => `?notice=${notice}`

/** What was done on the way here. */
export const noticeIn = ({ query, say }: Visit): string | undefined => {
  const name = query.get("notice")
  return isNotice(name) ? say(notices[name]) : undefined
}
