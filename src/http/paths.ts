import { FindMyWay } from "effect/http"
import type { Api, PublicApi } from "../api/Api.ts"

/** Where the routes are that aren't part of the contract. */
export const paths = {
  docs: "/docs",
  openapi: "/openapi.json",
  inbox: "/dev/inbox",
  metrics: "/metrics",
  resetPage: "/reset-password",
  resetDonePage: "/reset-password/done",
  confirmPage: "/confirm-email",
  confirmDonePage: "/confirm-email/done"
} as const

/** The methods that a path takes, for `Allow` (RFC 9110, 15.5.6); none where there is no such path. */
export type MethodsOf = (url: string) => ReadonlyArray<string>

export const methodsIn = (api: typeof Api | typeof PublicApi): MethodsOf => {
  const routes: ReadonlyArray<readonly [method: string, path: string]> = [
    ...Object.values(api.groups).flatMap((group) =>
      Object.values(group.endpoints).map(({ method, path }) => [method, path] as const)
    ),
    ["GET", paths.docs],
    ["GET", paths.openapi],
    ["GET", paths.resetPage],
    ["POST", paths.resetPage],
    ["GET", paths.resetDonePage],
    ["GET", paths.confirmPage],
    ["POST", paths.confirmPage],
    ["GET", paths.confirmDonePage]
  ]
  const router = FindMyWay.make<ReadonlyArray<string>>()
  for (const [path, ofPath] of Map.groupBy(routes, ([, path]) => path)) {
    const methods = ofPath.map(([method]) => method)
    router.on("GET", path as `/${string}`, methods.includes("GET") ? [...methods, "HEAD"] : methods)
  }
  return (url) => router.find("GET", url)?.handler ?? []
}
