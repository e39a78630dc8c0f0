import type { Page } from "playwright-core"

/** Where the focus is. */
interface Stop {
  /** The place of the element among all of the page. */
  readonly index: number
  readonly html: string
  /** Inside the window, under nothing else, and with a ring around it. */
  readonly seen: boolean
  /** Whether it is what was looked for. */
  readonly meant: boolean
}

/** Where the focus is, in the words of a page; null where nothing has it. */
const focus = (selector = "*") => `(() => {
    const element = document.activeElement
    if (element === null || element === document.body) return null
    const { outlineStyle, outlineWidth } = getComputedStyle(element)
    // The first line of a link that takes several.
    const { bottom, left, right, top } = element.getClientRects()[0]
    const over = document.elementFromPoint((left + right) / 2, (top + bottom) / 2)
    // Less than a pixel is nothing that anybody sees.
    const inside = top > -1 && left > -1 && bottom < innerHeight + 1 && right < innerWidth + 1
    return {
      index: Array.from(document.querySelectorAll("*")).indexOf(element),
      html: element.outerHTML.slice(0, 160),
      seen: inside && element.contains(over) && outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
      meant: element.matches(${JSON.stringify(selector)})
    }
  })()`

/** The places of all that takes the focus, as they stand in the page. */
const reachable = `Array.from(document.querySelectorAll("*")).flatMap((element, index) =>
    element.matches("a[href], button, input:not([type=hidden]), select, textarea, summary") && element.checkVisibility() ? [index] : [])`

/**
 * Goes through a page with Tab alone, from where it begins, and tells what isn't as it should be. The page itself writes down each stop,
 * since to ask for it after each key takes thrice as long; so it has to be one that runs scripts, be they there or not.
 */
export const tabThrough = async (page: Page): Promise<ReadonlyArray<string>> => {
  const expected = await page.evaluate<ReadonlyArray<number>>(`(() => {
    window.stops = []
    window.onkeyup = () => stops.push(${focus()})
    return ${reachable}
  })()`)
  const session = await page.context().newCDPSession(page)
  const tab = (type: "rawKeyDown" | "keyUp") =>
    session.send("Input.dispatchKeyEvent", { type, key: "Tab", code: "Tab", windowsVirtualKeyCode: 9 })
  await Promise.all(expected.flatMap(() => [tab("rawKeyDown"), tab("keyUp")]))
  await session.detach()
  const stops = (await page.evaluate<ReadonlyArray<Stop | null>>("stops")).filter((stop) => stop !== null)
  const order = stops.map(({ index }) => index)
  return [
    ...stops.filter(({ seen }) => !seen).map(({ html }) => `not seen with the focus: ${html}`),
    ...(order.join() === expected.join() ? [] : [`Tab goes ${order.join()}, and not ${expected.join()}`])
  ]
}

/** Presses Tab until the focus is at what is meant. */
export const tabTo = async (page: Page, selector: string): Promise<void> => {
  for (const _ of await page.evaluate<ReadonlyArray<number>>(reachable)) {
    await page.keyboard.press("Tab")
    const stop = await page.evaluate<Stop | null>(focus(selector))
    if (stop !== null && !stop.seen) throw new Error(`The focus can't be seen: ${stop.html}`)
    if (stop?.meant) return
  }
  throw new Error(`Tab never comes to ${selector} on ${page.url()}`)
}

/** Presses Enter and waits for the page that comes. */
export const enter = async (page: Page): Promise<void> => {
  await Promise.all([page.waitForEvent("load"), page.keyboard.press("Enter")])
}

/** Types into the fields of a form one after the other, and sends it with Enter. */
export const typeIn = async (page: Page, fields: Readonly<Record<string, string>>): Promise<void> => {
  for (const [name, value] of Object.entries(fields)) {
    await tabTo(page, `#${name}`)
    await page.keyboard.insertText(value)
  }
  await enter(page)
}
