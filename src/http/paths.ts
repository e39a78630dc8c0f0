import { FindMyWay } from "effect/http"
import type { Api, PublicApi } from "../api/Api.ts"

/** Where the routes are that aren't part of the contract. */
export const paths = {
  docs: "/docs",
  openapi: "/openapi.json",
  inbox: "/dev/inbox",
  metrics: "/metrics",
  pageScript: "/pages.js",
  forgotPage: "/forgot-password",
  forgotSentPage: "/forgot-password/sent",
  resetPage: "/reset-password",
  resetDonePage: "/reset-password/done",
  registerPage: "/register",
  registerSentPage: "/register/sent",
  confirmPage: "/confirm-email",
  confirmDonePage: "/confirm-email/done",
  confirmAgainPage: "/confirm-email/again",
  confirmSentPage: "/confirm-email/sent",
  signInPage: "/sign-in",
  signOut: "/sign-out",
  accountPage: "/account",
  changePasswordPage: "/account/password",
  changeEmailPage: "/account/email",
  changeEmailSentPage: "/account/email/sent",
  confirmChangePage: "/change-email/confirm",
  confirmChangeDonePage: "/change-email/confirm/done",
  undoChangePage: "/change-email/undo",
  undoChangeDonePage: "/change-email/undo/done",
  accountEventsPage: "/account/events",
  exportAccount: "/account/export",
  deleteAccountPage: "/account/delete",
  accountDeletedPage: "/account/deleted",
  endSession: "/account/sessions/end",
  endOtherSessions: "/account/sessions/end-others"
} as const

/** Where a page may lead. */
export type Path = (typeof paths)[keyof typeof paths]

type Route = readonly [method: string, path: string]

const shown = (path: Path): Route => ["GET", path]
const taken = (path: Path): Route => ["POST", path]

/** The pages: what is shown, and which of it takes a form. */
const pageRoutes: ReadonlyArray<Route> = [
  shown(paths.pageScript),
  ...[
    paths.forgotPage,
    paths.resetPage,
    paths.registerPage,
    paths.confirmPage,
    paths.confirmAgainPage,
    paths.signInPage,
    paths.changePasswordPage,
    paths.changeEmailPage,
    paths.confirmChangePage,
    paths.undoChangePage,
    paths.deleteAccountPage
  ].flatMap((path) => [shown(path), taken(path)]),
  ...[
    paths.forgotSentPage,
    paths.resetDonePage,
    paths.registerSentPage,
    paths.confirmDonePage,
    paths.confirmSentPage,
    paths.changeEmailSentPage,
    paths.confirmChangeDonePage,
    paths.undoChangeDonePage,
    paths.accountPage,
    paths.accountEventsPage,
    paths.accountDeletedPage
  ].map(shown),
  ...[paths.signOut, paths.endSession, paths.endOtherSessions, paths.exportAccount].map(taken)
]

/** The methods that a path takes, for `Allow` (RFC 9110, 15.5.6); none where there is no such path. */
export type MethodsOf = (url: string) => ReadonlyArray<string>

export const methodsIn = (api: typeof Api | typeof PublicApi, { pages }: { readonly pages: boolean }): MethodsOf => {
  const routes: ReadonlyArray<Route> = [
    ...Object.values(api.groups).flatMap((group) =>
      Object.values(group.endpoints).map(({ method, path }) => [method, path] as const)
    ),
    ["GET", paths.docs],
    ["GET", paths.openapi],
    ...(pages ? pageRoutes : [])
  ]
  const router = FindMyWay.make<ReadonlyArray<string>>()
  for (const [path, ofPath] of Map.groupBy(routes, ([, path]) => path)) {
    const methods = ofPath.map(([method]) => method)
    router.on("GET", path as `/${string}`, methods.includes("GET") ? [...methods, "HEAD"] : methods)
  }
  return (url) => router.find("GET", url)?.handler ?? []
}
