type Words = ReadonlyArray<readonly [sign: RegExp, words: string]>

/** The first that fits: most browsers also claim to be those after them. */
const programs: Words = [
  [/\bEdg(e|A|iOS)?\//, "Edge"],
  [/\b(OPR|Opera)\//, "Opera"],
  [/\bSamsungBrowser\//, "Samsung Internet"],
  [/\b(Firefox|FxiOS)\//, "Firefox"],
  [/\b(Chrome|CriOS|Chromium)\//, "Chrome"],
  [/\bVersion\/[\d.]+.* Safari\//, "Safari"]
]

const systems: Words = [
  [/\biPhone\b/, "an iPhone"],
  [/\biPad\b/, "an iPad"],
  [/\bAndroid\b/, "Android"],
  [/\bWindows\b/, "Windows"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bMac(intosh| OS X)\b/, "a Mac"],
  [/\bLinux\b/, "Linux"]
]

/** What is said of a device that nothing is known of. */
export const unknownDevice = "an unknown device"

const wordsFor = (known: Words, userAgent: string) => known.find(([sign]) => sign.test(userAgent))?.[1]

/**
 * What kind of device a `User-Agent` speaks of, coarsely: `Firefox on Windows`. Only words of ours come out, whatever an attacker
 * writes into the header (D7).
 */
export const deviceOf = (userAgent: string): string => {
  const program = wordsFor(programs, userAgent)
  const system = wordsFor(systems, userAgent)
  if (system === undefined) return program ?? unknownDevice
  return `${program ?? "an unknown program"} on ${system}`
}
