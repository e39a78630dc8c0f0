import type { Page } from "playwright-core"

/** A window as it was seen. */
export interface Picture {
  readonly width: number
  readonly colorScheme: "light" | "dark"
  readonly png: Buffer
}

const narrow = ({ width }: Picture): boolean => width < 600

/** So small that all of them are some megabytes; on a phone, large enough to be read. */
const imageOf = (picture: Picture): string =>
  `<img width="${picture.width * (narrow(picture) ? 0.75 : 0.4)}" src="data:image/png;base64,${picture.png.toString("base64")}">`

const gap = "display:flex;gap:12px;align-items:start"

/** A language: phones side by side, desks below each other. */
const rowOf = (pictures: ReadonlyArray<Picture>): string => {
  const byDayFirst = pictures.toSorted((a, b) => b.colorScheme.localeCompare(a.colorScheme))
  const [phones, desks] = [byDayFirst.filter(narrow), byDayFirst.filter((picture) => !narrow(picture))]
  return `<div style="${gap}">${phones.map(imageOf).join("")}<div style="${gap};flex-direction:column">${desks.map(imageOf).join("")}</div></div>`
}

/** Pictures of one page, a row a language, as one WebP. */
export const sheetOf = async (page: Page, rows: ReadonlyArray<ReadonlyArray<Picture>>): Promise<Buffer> => {
  await page.setContent(
    `<body style="margin:0;padding:12px;width:max-content;background:#767b86;${gap};flex-direction:column">${rows.map(rowOf).join("")}`
  )
  const size = await page.evaluate<{ width: number; height: number }>(
    "({ width: document.body.offsetWidth, height: document.body.offsetHeight })"
  )
  const session = await page.context().newCDPSession(page)
  const { data } = await session.send("Page.captureScreenshot", {
    format: "webp",
    quality: 36,
    captureBeyondViewport: true,
    clip: { x: 0, y: 0, ...size, scale: 1 }
  })
  await session.detach()
  return Buffer.from(data, "base64")
}
