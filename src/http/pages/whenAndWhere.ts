import { deviceIn } from "../../language/Device.ts"
import { localeOf } from "../../language/Language.ts"
import { timeIn } from "../../language/Time.ts"
import { type Html, html } from "../../markup/Html.ts"
import type { Visit } from "./Visits.ts"

/** A moment in UTC, which a script turns into one of the reader's own place. */
export const moment = ({ language }: Visit, date: Date): Html =>
  html`<time datetime="${date.toISOString()}" data-locale="${localeOf(language)}">${timeIn(language, date)}</time>`

/** From what device, and from where as far as it was kept; nothing where nothing is known. */
export const whereFrom = (
  { language, say }: Visit,
  { clientAddress, device }: { readonly device: string | null; readonly clientAddress: string | null }
): string => {
  const place =
    clientAddress === null
      ? []
      : [
          clientAddress.includes("/")
            ? say("page.place.network", { network: clientAddress })
            : say("page.place.address", { address: clientAddress })
        ]
  return [...(device === null ? [] : [deviceIn(language, device)]), ...place].join(" · ")
}
