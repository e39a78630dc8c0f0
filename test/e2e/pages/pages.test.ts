import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { Page, Route } from "playwright-core"
import { directionOf, type Language } from "../../../src/language/Language.ts"
import { Browser } from "../../support/browser.ts"
import { beyondTheWindow, flaws, ofLook } from "../../support/flaws.ts"
import { both } from "../../support/page.ts"
import { everyPage, guest } from "./everyPage.ts"
import { enter, tabThrough, tabTo, typeIn } from "./keyboard.ts"
import { Stage } from "./stage.ts"

const locales = { en: "en-GB", de: "de-DE", ar: "ar-EG", ja: "ja-JP" } as const satisfies Partial<
  Record<Language, string>
>
const languages = Object.keys(locales) as ReadonlyArray<keyof typeof locales>

const newPassword = "a new long phrase"

const phone = { width: 360, height: 740 }
const desk = { width: 1280, height: 800 }

/** Written down of a page while it is walked: what it asked for, how large it was, and what the browser complained of. */
const watch = (page: Page) => {
  const asked: Array<string> = []
  const complaints: Array<string> = []
  page.on("request", (request) => asked.push(request.url()))
  page.on("pageerror", (error) => complaints.push(error.message))
  // A page that says what is wrong has the status of it, and the browser says that too.
  page.on("console", (message) => {
    if (message.type() === "error" && !/status of 4\d\d/.test(message.text())) complaints.push(message.text())
  })
  return { asked, complaints }
}

const saidOf = (page: Page): Promise<{ readonly lang: string; readonly dir: string }> =>
  page.evaluate("({ lang: document.documentElement.lang, dir: document.documentElement.dir })")

/** The summary has the focus, and beside the field it says what is wrong. */
const assertTold = async (page: Page, field: string): Promise<void> => {
  await page.waitForFunction("document.activeElement.matches('.summary')") // the script of a page runs after its text is there
  assert.strictEqual(await page.locator(`#${field}`).getAttribute("aria-invalid"), "true")
  assert.isTrue(await page.locator(`#${field}-error`).isVisible())
}

const inBrowser = <A>(steps: () => Promise<A>) => Effect.promise(steps)

/** Each kind of window, with what axe looks at there: all in the first, and then what colours and sizes decide. */
const windows = [phone, desk].flatMap((viewport, index) =>
  (["light", "dark"] as const).map((colorScheme) => ({
    viewport,
    colorScheme,
    rules: index === 0 && colorScheme === "light" ? undefined : ofLook
  }))
)

/** Without JavaScript the styles are the same, so each size and each colour is looked at once. */
const windowsWithoutScript = windows.filter(
  ({ colorScheme, viewport }) => (viewport === phone) === (colorScheme === "light")
)

/** What is wrong with a page in any of these windows. */
const flawsIn = async (page: Page, looked: typeof windows): Promise<ReadonlyArray<string>> => {
  const found: Array<string> = []
  for (const { colorScheme, rules, viewport } of looked) {
    await page.setViewportSize(viewport)
    await page.emulateMedia({ colorScheme })
    found.push(...(await flaws(page, rules)).map((flaw) => `${viewport.width} ${colorScheme}: ${flaw}`))
  }
  // As wide as four times the letters leave of a window of 1280 (WCAG 2.2, 1.4.10).
  await page.setViewportSize({ width: 320, height: 256 })
  return [...found, ...(await beyondTheWindow(page)).map((flaw) => `320: ${flaw}`)]
}

layer(Layer.merge(Stage.layer(), Browser.layer), { excludeTestServices: true, timeout: 120_000 })(
  "the pages in Chromium",
  (it) => {
    for (const language of languages) {
      for (const javaScript of [true, false]) {
        it.effect(
          `have no flaw in ${language} with JavaScript ${javaScript ? "on" : "off"}, by day and by night, on a phone and on a desk`,
          () =>
            Effect.gen(function* () {
              const person = yield* guest()
              const { newPage } = yield* Browser
              const page = yield* newPage({ javaScript, locale: locales[language], viewport: phone })
              // axe is a script itself: what a browser without any shows is laid before it on another page.
              const looked = javaScript ? page : yield* newPage()
              const { asked, complaints } = watch(page)
              for (const { name, open, wrong } of everyPage) {
                const found = yield* inBrowser(async () => {
                  await page.setViewportSize(phone)
                  await open(page, person)
                  assert.deepStrictEqual(await saidOf(page), { lang: language, dir: directionOf(language) }, name)
                  if (wrong !== undefined) await assertTold(page, wrong)
                  const missed = await tabThrough(page)
                  if (!javaScript) await looked.setContent(await page.content())
                  return [...missed, ...(await flawsIn(looked, javaScript ? windows : windowsWithoutScript))]
                })
                assert.deepStrictEqual(found, [], name)
              }
              assert.isEmpty(asked.filter((url) => !url.startsWith(`${person.url}/`)))
              assert.isEmpty(complaints)
            }),
          120_000
        )
      }
    }

    for (const [index, language] of languages.entries()) {
      for (const javaScript of [true, false]) {
        it.effect(
          `lead by keyboard alone from forgotten to signed in, in ${language} with JavaScript ${javaScript ? "on" : "off"}`,
          () =>
            Effect.gen(function* () {
              const { mailedCode, person, url } = yield* Stage
              const { email, username } = yield* person()
              const viewport = (index % 2 === 0) === javaScript ? phone : desk
              const page = yield* (yield* Browser).newPage({ javaScript, locale: locales[language], viewport })
              yield* inBrowser(async () => {
                await page.goto(`${url}/sign-in`)
                await tabTo(page, "a[href$='/forgot-password']")
                await enter(page)
                await typeIn(page, { email: "not an address" })
                // The focus is at the summary, and its link leads to the field.
                await tabTo(page, "a[href='#email']")
                await page.keyboard.press("Enter")
                assert.isTrue(await page.evaluate("document.activeElement.matches('#email')"))
                await page.keyboard.press("ControlOrMeta+a")
                await page.keyboard.type(email)
                await enter(page)
                assert.strictEqual(page.url(), `${url}/forgot-password/sent`)
              })
              const link = `${url}/reset-password?code=${yield* mailedCode(email)}`
              yield* inBrowser(async () => {
                await page.goto(link)
                await typeIn(page, both("short"))
                await assertTold(page, "password")
                await typeIn(page, both(newPassword))
                assert.strictEqual(page.url(), `${url}/reset-password/done`)
                await tabTo(page, "a.button")
                await enter(page)
                await typeIn(page, { identifier: username, password: newPassword })
                assert.strictEqual(page.url(), `${url}/account`)
              })
            })
        )
      }
    }

    for (const javaScript of [true, false]) {
      it.effect(
        `lead by keyboard alone from no account to one with a changed password, JavaScript ${javaScript ? "on" : "off"}`,
        () =>
          Effect.gen(function* () {
            const { mailedCode, url } = yield* Stage
            const page = yield* (yield* Browser).newPage({ javaScript, viewport: phone })
            const username = `keyboard-${javaScript}`
            const email = `${username}@example.com`
            yield* inBrowser(async () => {
              await page.goto(`${url}/register`)
              await typeIn(page, { email, username, password: newPassword })
              assert.strictEqual(page.url(), `${url}/register/sent`)
            })
            const link = `${url}/confirm-email?code=${yield* mailedCode(email)}`
            yield* inBrowser(async () => {
              await page.goto(link)
              await tabTo(page, "form button")
              await enter(page)
              assert.strictEqual(page.url(), `${url}/confirm-email/done`)
              await tabTo(page, "a.button")
              await enter(page)
              await typeIn(page, { identifier: email, password: newPassword })
              await tabTo(page, "a[href$='/account/password']")
              await enter(page)
              await typeIn(page, { currentPassword: "not this one", ...both("another long phrase") })
              await assertTold(page, "currentPassword")
              await typeIn(page, { currentPassword: newPassword, ...both("another long phrase") })
              assert.strictEqual(page.url(), `${url}/account?notice=password`)
              await tabTo(page, "form[action$='/sign-out'] button")
              await enter(page)
              assert.strictEqual(page.url(), `${url}/sign-in?notice=out`)
            })
          })
      )
    }

    it.effect(
      "are painted before anything but themselves has come, and weigh less than 30 kB with all that they load",
      () =>
        Effect.gen(function* () {
          const person = yield* guest()
          const page = yield* (yield* Browser).newPage({ viewport: phone })
          let script = 0
          for (const { name, open } of everyPage) {
            yield* inBrowser(async () => {
              await open(page, person)
              const path = new URL(page.url()).pathname
              const sources = await page.evaluate<ReadonlyArray<string>>(
                "performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => !name.startsWith('data:'))"
              )
              assert.isAtMost(sources.length, 1, `${name}: ${sources}`)
              for (const source of sources) {
                assert.match(source, /\/pages\.js\?v=/, path)
                script = Buffer.byteLength(await (await fetch(source)).text())
              }
              const bytes = Buffer.byteLength(await page.content()) + script
              assert.isBelow(bytes, 30_000, name)
            })
          }
          assert.isAbove(script, 0)

          const waiting = yield* (yield* Browser).newPage()
          yield* inBrowser(async () => {
            const held: Array<Route> = []
            await waiting.route("**/pages.js*", (route) => void held.push(route))
            await waiting.goto(`${person.url}/sign-in`, { waitUntil: "commit" })
            await waiting.evaluate(
              "new Promise((painted) => new PerformanceObserver(painted).observe({ type: 'paint', buffered: true }))"
            )
            assert.isTrue(await waiting.locator("#identifier").isVisible())
            assert.lengthOf(held, 1)
            await Promise.all(held.map((route) => route.continue()))
          })
        })
    )

    it.effect("show and hide a password, and let it be pasted, by keyboard and by name", () =>
      Effect.gen(function* () {
        const { link } = yield* guest()
        const page = yield* (yield* Browser).newPage({ viewport: phone })
        yield* inBrowser(async () => {
          await page.goto(link)
          const field = page.locator("#password")
          await field.focus()
          await page.keyboard.insertText(newPassword)
          const [autocomplete, rules] = [
            await field.getAttribute("autocomplete"),
            await field.getAttribute("passwordrules")
          ]
          assert.deepStrictEqual(
            [autocomplete, rules],
            ["new-password", "minlength: 8; maxlength: 256; allowed: unicode;"]
          )
          const types: Array<string | null> = []
          await page.keyboard.press("Tab")
          for (const name of ["Show", "Hide"]) {
            assert.strictEqual(await page.locator(":focus").innerText(), name)
            await page.keyboard.press("Space")
            types.push(await field.getAttribute("type"))
          }
          assert.deepStrictEqual(types, ["text", "password"])
          assert.strictEqual(await field.inputValue(), newPassword)
        })
      })
    )
  }
)
