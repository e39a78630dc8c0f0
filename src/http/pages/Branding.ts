import { Option } from "effect"
import type { Accent } from "./Accent.ts"
import { ours, type Template } from "./Template.ts"

/** How the pages look and where they lead, as the team wants it. */
export interface Branding {
  /** A `data:image/` address. */
  readonly logo: Option.Option<string>
  readonly accent: Accent
  readonly termsUrl: Option.Option<string>
  readonly supportUrl: Option.Option<string>
  /** Where people sign in, where that isn't our page. */
  readonly signInUrl: Option.Option<string>
  readonly template: Template
}

export const ourAccent: Accent = { light: "#2a55d4", dark: "#93b1ff" }

export const ourBranding: Branding = {
  logo: Option.none(),
  accent: ourAccent,
  termsUrl: Option.none(),
  supportUrl: Option.none(),
  signInUrl: Option.none(),
  template: ours
}

/** In bytes, so that a page stays under 30 kB with it. */
export const largestLogo = 8 * 1024

/** A picture as an address that loads nothing; none where the bytes are no SVG, PNG, WebP or JPEG, or too many. */
export const logoIn = (bytes: Buffer): Option.Option<string> => {
  const type = typeOf(bytes)
  return type === undefined || bytes.length > largestLogo
    ? Option.none()
    : Option.some(`data:image/${type};base64,${bytes.toString("base64")}`)
}

/** By what the bytes are, not by what the file is called. An SVG in an `<img>` runs nothing and loads nothing. */
const typeOf = (bytes: Buffer): string | undefined => {
  if (bytes.subarray(0, 8).equals(Buffer.from("\x89PNG\r\n\x1a\n", "latin1"))) return "png"
  if (bytes.subarray(0, 3).equals(Buffer.from("\xff\xd8\xff", "latin1"))) return "jpeg"
  if (bytes.toString("latin1", 0, 4) === "RIFF" && bytes.toString("latin1", 8, 12) === "WEBP") return "webp"
  return /^\ufeff?\s*(<\?xml[^>]*\?>\s*)?(<!--[\s\S]*?-->\s*)*<svg[\s>]/.test(bytes.toString()) ? "svg+xml" : undefined
}
