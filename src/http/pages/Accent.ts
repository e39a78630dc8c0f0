/** A colour as settings write it: `#1d4ed8`. */
export type Colour = `#${string}`

/** The one colour that a team chooses, in a shade for each of the two schemes, and what is legible on it. */
export interface Accent {
  readonly light: Colour
  readonly dark: Colour
}

/** What the pages stand on in each scheme, the least favourable shade first: the accent has to be told from all of it. */
export const grounds = { light: ["#f5f6f8", "#ffffff"], dark: ["#1b1e25", "#121419"] } as const

export const isColour = (value: string): value is Colour => /^#[\da-f]{6}$/i.test(value)

const channels = (colour: Colour): ReadonlyArray<number> =>
  [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16))

/** Relative luminance (WCAG 2.2), from 0 for black to 1 for white. */
const luminance = (colour: Colour): number => {
  const [red = 0, green = 0, blue = 0] = channels(colour).map((channel) => {
    const share = channel / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** Contrast ratio (WCAG 2.2), from 1 to 21. */
export const contrast = (one: Colour, other: Colour): number => {
  const [lighter, darker] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number]
  return (lighter + 0.05) / (darker + 0.05)
}

/** What text of normal size needs (WCAG 2.2, 1.4.3, AA). */
const legible = 4.5

/** Whether text in this colour can be read on everything that the pages of a scheme stand on. */
export const isLegible = (colour: Colour, scheme: keyof typeof grounds): boolean =>
  grounds[scheme].every((ground) => contrast(colour, ground) >= legible)

/** Black or white, whichever is read more easily on a colour: one of the two has 4.58 at least. */
export const textOn = (colour: Colour): Colour =>
  contrast("#ffffff", colour) >= contrast("#000000", colour) ? "#ffffff" : "#000000"

/** The same colour with as much white in it as makes it legible on the dark scheme. */
export const lightened = (colour: Colour): Colour => {
  for (let white = 0; white < 1; white += 0.05) {
    const mixed: Colour = `#${channels(colour)
      .map((channel) =>
        Math.round(channel + (255 - channel) * white)
          .toString(16)
          .padStart(2, "0")
      )
      .join("")}`
    if (isLegible(mixed, "dark")) return mixed
  }
  return "#ffffff"
}
