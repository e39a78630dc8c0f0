import axe from "axe-core"
import type { Page } from "playwright-core"

/** What WCAG 2.2 asks for at level AA, as far as a program can judge. A mail is no page: what is only advised for pages isn't for it. */
export const wcag: ReadonlyArray<string> = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

/** Those of axe's rules that colours and sizes decide. */
export const ofLook: ReadonlyArray<string> = ["color-contrast", "link-in-text-block", "meta-viewport", "target-size"]

/** What axe finds, by every rule unless some or their tags are named, and what stands out of the window. */
export const flaws = async (page: Page, rules?: ReadonlyArray<string>): Promise<ReadonlyArray<string>> => {
  if (!(await page.evaluate<boolean>("'axe' in window"))) await page.evaluate(axe.source)
  // Of all that axe tells only this is carried out of the browser, which else takes longer than to find it; nothing is there to load.
  const options = { ...(rules && { runOnly: rules }), resultTypes: ["violations"], preload: false }
  const violations = await page.evaluate<ReadonlyArray<string>>(
    `axe.run(document, ${JSON.stringify(options)}).then(({ violations }) =>
      violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ": " + html)))`
  )
  return [...violations, ...(await beyondTheWindow(page))]
}

/** What would have to be scrolled sideways for. */
export const beyondTheWindow = async (page: Page): Promise<ReadonlyArray<string>> => {
  const pixels = await page.evaluate<number>(
    "document.documentElement.scrollWidth - document.documentElement.clientWidth"
  )
  return pixels > 0 ? [`${pixels} pixels beyond the window`] : []
}
