/**
 * Takes the pictures of the pages and mails in docs/images, and writes docs/accessibility.md, from a server and a browser of its own.
 *
 *   npm run pictures                    all of them; 5 minutes
 *   npm run pictures -- reset account   these alone
 */
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { Console, Effect, Layer } from "effect"
import type { Page } from "playwright-core"
import { everyPage, guest } from "../pages/everyPage.ts"
import { readAloud, withTrees } from "../pages/readAloud.ts"
import { type Person, Stage } from "../pages/stage.ts"
import { Browser } from "../support/browser.ts"
import { everyMail } from "./everyMail.ts"
import { type Picture, sheetOf } from "./sheet.ts"

const docs = fileURLToPath(new URL("../../docs/", import.meta.url))

const appName = "Analytical Engines"

/** In what the pictures are taken: who reads, and what their browser says. */
const readers = [
  { language: "en", locale: "en-GB", timezoneId: "Europe/London", person: "ada" },
  { language: "de", locale: "de-DE", timezoneId: "Europe/Berlin", person: "lena" },
  { language: "ar", locale: "ar-EG", timezoneId: "Africa/Cairo", person: "layla" },
  { language: "ja", locale: "ja-JP", timezoneId: "Asia/Tokyo", person: "hanako" }
] as const

/** Each step changes one thing. */
const windows = [
  { width: 360, colorScheme: "light" },
  { width: 360, colorScheme: "dark" },
  { width: 1280, colorScheme: "dark" },
  { width: 1280, colorScheme: "light" }
] as const

const { positionals } = parseArgs({ allowPositionals: true })
const asked = <A extends { readonly name: string }>(all: ReadonlyArray<A>) =>
  positionals.length === 0 ? all : all.filter(({ name }) => positionals.includes(name))

/** What a page shows in each window, as far down as it goes. */
const takeAll = async (page: Page): Promise<ReadonlyArray<Picture>> => {
  const pictures: Array<Picture> = []
  for (const { colorScheme, width } of windows) {
    await page.setViewportSize({ width, height: 640 })
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" })
    pictures.push({ width, colorScheme, png: await page.screenshot({ fullPage: true, animations: "disabled" }) })
  }
  return pictures
}

const writeSheet = Effect.fnUntraced(function* (name: string, rows: ReadonlyArray<ReadonlyArray<Picture>>) {
  const page = yield* (yield* Browser).newPage({ viewport: { width: 1900, height: 800 } })
  yield* Effect.promise(async () => {
    await writeFile(`${docs}images/${name}.webp`, await sheetOf(page, rows))
  })
}, Effect.scoped)

const main = Effect.gen(function* () {
  yield* Effect.promise(() =>
    Promise.all(["pages", "mails"].map((folder) => mkdir(`${docs}images/${folder}`, { recursive: true })))
  )
  const { newPage } = yield* Browser

  const rows = new Map<string, Array<ReadonlyArray<Picture>>>()
  const trees: Array<string> = []
  for (const { language, locale, person, timezoneId } of readers) {
    const named: Person = { username: person, email: `${person}@example.com`, password: "an old long phrase" }
    const reader = yield* guest(named)
    const page = yield* newPage({ locale, timezoneId, viewport: { width: 360, height: 640 } })
    for (const { name, open } of asked(everyPage)) {
      yield* Effect.promise(async () => {
        await open(page, reader)
        if (language === "en") trees.push(await readAloud(page, name))
        rows.set(name, [...(rows.get(name) ?? []), await takeAll(page)])
      })
    }
  }
  for (const [name, pictures] of rows) yield* writeSheet(`pages/${name}`, pictures)

  const page = yield* newPage()
  for (const { mailIn, name } of asked(everyMail(appName))) {
    const pictures: Array<ReadonlyArray<Picture>> = []
    for (const { language } of readers) {
      yield* Effect.promise(async () => {
        await page.setContent(mailIn(language).html)
        pictures.push(await takeAll(page))
      })
    }
    yield* writeSheet(`mails/${name}`, pictures)
  }

  // Only a whole round has every page.
  if (positionals.length > 0) return
  yield* Effect.promise(async () => {
    const file = `${docs}accessibility.md`
    await writeFile(file, withTrees(await readFile(file, "utf8"), trees))
  })
})

await Effect.runPromise(
  main.pipe(
    Effect.tapCause(Console.error),
    Effect.provide(Layer.merge(Stage.layer({ APP_NAME: appName }), Browser.layer)),
    Effect.scoped
  )
)
