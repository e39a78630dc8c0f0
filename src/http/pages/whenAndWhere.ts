import { deviceIn } from "../../language/Device.ts"
import { localeOf } from "../../language/Language.ts"
import { timeIn } from "../../language/Time.ts"
import { type Html, html } from "../../markup/Html.ts"
import type { Visit } from "./Visits.ts"

/** A moment in UTC, which a script turns into one of the reader's own place. */
export const moment = ({ language }: Visit, date: Date): Html =>
  html`<time datetime="${date.toISOString()}" data-locale="${localeOf(language)}">${timeIn(language, date)}</time>`

/** From where, as far as it was kept. */
export const placeOf = (
  { say }: Visit,
  { clientAddress }: { readonly clientAddress: string | null }
): string | undefined => {
  if (clientAddress === null) return undefined
  return clientAddress.includes("/")
    ? say("page.place.network", { network: clientAddress })
    : say("page.place.address", { address: clientAddress })
}

/** From what device, and from where, as far as it was kept: a line for each. */
export const whereFrom = (
  visit: Visit,
  from: { readonly device: string | null; readonly clientAddress: string | null }
): ReadonlyArray<string> =>
  [from.device === null ? undefined : deviceIn(visit.language, from.device), placeOf(visit, from)].filter(
    (line) => line !== undefined
  )
