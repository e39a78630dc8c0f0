import type { Language } from "./Language.ts"
import { say } from "./Messages.ts"

/** Systems that are a kind of thing, by the words that are kept of them; the others are names in every language. */
const things: Readonly<Record<string, "iphone" | "ipad" | "mac">> = {
  "an iPhone": "iphone",
  "an iPad": "ipad",
  "a Mac": "mac"
}

/** A device in a reader's language, by the words that are kept of it: `domain/Device.ts` has them all. */
export const deviceIn = (language: Language, device: string): string => {
  if (device === "" || device === "an unknown device") return say(language, "device.unknown")
  const [, kept = device, system] = /^(.+) on (.+)$/.exec(device) ?? []
  const program = kept === "an unknown program" ? say(language, "device.unknownProgram") : kept
  return system === undefined
    ? program
    : say(language, "device.known", { program, system: things[system] ?? "other", name: system })
}
