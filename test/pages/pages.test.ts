import { readFileSync } from "node:fs"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import type { Page, Route } from "playwright-core"
import { directionOf, type Language } from "../../src/language/Language.ts"
import { Browser } from "../support/browser.ts"
import { emptyPostgres } from "../support/databases.ts"
import { beyondTheWindow, flaws, ofLook } from "../support/flaws.ts"
import { both } from "../support/page.ts"
import { everyPage, guest } from "./everyPage.ts"
import { enter, tabThrough, tabTo, typeIn } from "./keyboard.ts"
import { readAloud, withTrees } from "./readAloud.ts"
import { Stage } from "./stage.ts"

const locales = { en: "en-GB", de: "de-DE", ar: "ar-EG", ja: "ja-JP" } as const satisfies Partial<
  Record<Language, string>
>
const languages = Object.keys(locales) as ReadonlyArray<keyof typeof locales>

/** As in docs/accessibility.md. */
const appName = "Analytical Engines"
const accessibility = new URL("../../docs/accessibility.md", import.meta.url)

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

/** What a page loads but the one script of ours, or weighs beyond 30 kB with it. */
const tooHeavy = async (page: Page): Promise<ReadonlyArray<string>> => {
  const { bytes, sources } = await page.evaluate<{ bytes: number; sources: ReadonlyArray<string> }>(`(() => {
    const loaded = performance.getEntries().filter(({ decodedBodySize, name }) => decodedBodySize > 0 && !name.startsWith("data:"))
    return {
      bytes: loaded.reduce((sum, { decodedBodySize }) => sum + decodedBodySize, 0),
      sources: loaded.filter(({ entryType }) => entryType === "resource").map(({ name }) => name)
    }
  })()`)
  assert.lengthOf(sources, 1)
  assert.match(sources[0] ?? "", /\/pages\.js\?v=/)
  return bytes < 30_000 ? [] : [`${bytes} bytes`]
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

/**
 * Each kind of window, with what axe looks at there: all in the first, and then what colours and sizes decide. They follow each other
 * as they do so that each is but one step from the one before.
 */
const windows = [
  { viewport: phone, colorScheme: "light", rules: undefined },
  { viewport: phone, colorScheme: "dark", rules: ofLook },
  { viewport: desk, colorScheme: "dark", rules: ofLook },
  { viewport: desk, colorScheme: "light", rules: ofLook }
] as const
type Window = (typeof windows)[number]

/** Without JavaScript the styles are the same, so each size and each colour is looked at once. */
const windowsWithoutScript = [windows[0], windows[2]]

/** What is wrong with a page in any of these windows. */
const flawsIn = async (page: Page, looked: ReadonlyArray<Window>): Promise<ReadonlyArray<string>> => {
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

const StageOnPostgres = Layer.unwrap(
  Effect.map(emptyPostgres, (url) => Stage.layer({ APP_NAME: appName, DATABASE_URL: Redacted.value(url) }))
)

layer(Layer.merge(StageOnPostgres, Browser.layer), { excludeTestServices: true, timeout: 120_000 })(
  "the pages in Chromium",
  (it) => {
    for (const language of languages) {
      it.effect(
        `have no flaw in ${language}, by day and by night, on a phone and on a desk, with JavaScript on and off, and weigh less than 30 kB`,
        () =>
          Effect.gen(function* () {
            const person = yield* guest()
            const { newPage } = yield* Browser
            const ways = yield* Effect.forEach([true, false], (javaScript) =>
              Effect.map(newPage({ javaScript, locale: locales[language], viewport: phone }), (page) => ({
                javaScript,
                page,
                watched: watch(page)
              }))
            )
            // axe is a large script, which a page would have to be given anew each time, and which one without scripts runs none of.
            const looked = yield* newPage({ viewport: phone })
            const aloud: Array<string> = []
            for (const { name, open, wrong } of everyPage) {
              const found = yield* inBrowser(async () => {
                await looked.setViewportSize(phone)
                const flaws: Array<string> = []
                let before = ""
                for (const { javaScript, page } of ways) {
                  await open(page, person)
                  assert.deepStrictEqual(await saidOf(page), { lang: language, dir: directionOf(language) }, name)
                  if (wrong !== undefined) await assertTold(page, wrong)
                  if (javaScript) flaws.push(...(await tooHeavy(page)))
                  if (javaScript && language === "en") aloud.push(await readAloud(page, name))
                  const shown = await page.content()
                  // Where scripts change nothing it is the same page, and has been walked through.
                  if (shown === before) continue
                  before = shown
                  await looked.setContent(shown)
                  flaws.push(...(await tabThrough(javaScript ? page : looked)))
                  flaws.push(...(await flawsIn(looked, javaScript ? windows : windowsWithoutScript)))
                }
                return flaws
              })
              assert.deepStrictEqual(found, [], name)
            }
            if (language === "en") {
              const file = readFileSync(accessibility, "utf8")
              assert.strictEqual(file, withTrees(file, aloud), "what a screen reader is told: npm run pictures")
            }
            for (const { asked, complaints } of ways.map(({ watched }) => watched)) {
              assert.isEmpty(asked.filter((url) => !url.startsWith(`${person.url}/`)))
              assert.isEmpty(complaints)
            }
          }),
        120_000
      )
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
        `lead by keyboard alone from no account to one with a changed password and another address, and back, JavaScript ${javaScript ? "on" : "off"}`,
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
              await tabTo(page, "a[href$='/account/email']")
              await enter(page)
              await typeIn(page, { email: `new-${email}`, currentPassword: "another long phrase" })
              assert.strictEqual(page.url(), `${url}/account/email/sent`)
            })
            const change = `${url}/change-email/confirm?code=${yield* mailedCode(`new-${email}`)}`
            yield* inBrowser(async () => {
              await page.goto(change)
              await tabTo(page, "form button")
              await enter(page)
              assert.strictEqual(page.url(), `${url}/change-email/confirm/done`)
            })
            const undo = `${url}/change-email/undo?code=${yield* mailedCode(email)}`
            yield* inBrowser(async () => {
              await page.goto(`${url}/account`)
              await tabTo(page, "form[action$='/sign-out'] button")
              await enter(page)
              assert.strictEqual(page.url(), `${url}/sign-in?notice=out`)
              await page.goto(undo)
              await tabTo(page, "form button")
              await enter(page)
              assert.strictEqual(page.url(), `${url}/change-email/undo/done`)
            })
          })
      )
    }

    it.effect("are painted before anything but themselves has come", () =>
      Effect.gen(function* () {
        const { url } = yield* Stage
        const page = yield* (yield* Browser).newPage()
        yield* inBrowser(async () => {
          const held: Array<Route> = []
          await page.route("**/pages.js*", (route) => void held.push(route))
          await page.goto(`${url}/sign-in`, { waitUntil: "commit" })
          await page.evaluate(
            "new Promise((painted) => new PerformanceObserver(painted).observe({ type: 'paint', buffered: true }))"
          )
          assert.isTrue(await page.locator("#identifier").isVisible())
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
