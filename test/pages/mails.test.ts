import { assert, layer } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import type { Page } from "playwright-core"
import { Email } from "../../src/domain/Email.ts"
import { directionOf, type Language, languages } from "../../src/language/Language.ts"
import { confirmationMail } from "../../src/mail/ConfirmationMail.ts"
import { wayBackMail } from "../../src/mail/EmailChangeMail.ts"
import type { Mail } from "../../src/mail/Mailer.ts"
import { noticeMail } from "../../src/mail/NoticeMail.ts"
import { resetMail } from "../../src/mail/ResetMail.ts"
import { Browser } from "../support/browser.ts"
import { flaws, wcag } from "../support/flaws.ts"

const code = Redacted.make("sZ2xN0m1-8vQhK_4tR7yB6cWfLd3gJpUeAoIiXw5uVk")

/** One mail of each form, with names as long as they get. */
const mailsIn = (language: Language): ReadonlyArray<Mail> => {
  const common = {
    id: "2f0c",
    language,
    appName: "Donaudampfschifffahrtsgesellschaft",
    recipient: Email.make(`${"a".repeat(64)}@a-domain-of-some-length.example.com`)
  }
  const notice = { at: new Date(0), device: "Samsung Internet on Android", clientAddress: "2001:db8:1234::/48" }
  return [
    resetMail({
      ...common,
      resetUrl: new URL("https://accounts.example.com/reset-password"),
      byAdministrator: false,
      code,
      livesForMillis: 5_400_000
    }),
    confirmationMail({
      ...common,
      confirmationUrl: new URL("https://accounts.example.com/confirm-email"),
      code,
      livesForMillis: 86_400_000,
      username: "x".repeat(32),
      isAccount: false
    }),
    noticeMail({ ...common, notice: { event: "password-reset", ...notice } }),
    noticeMail({ ...common, notice: { event: "registration-attempted", ...notice } }),
    noticeMail({ ...common, notice: { event: "email-restored", ...notice } }),
    noticeMail({ ...common, notice: { event: "email-withdrawn", ...notice } }),
    wayBackMail({
      ...common,
      page: new URL("https://accounts.example.com/change-email/undo"),
      code,
      livesForMillis: 7 * 86_400_000,
      happened: notice
    })
  ]
}

/**
 * What is left of a mail in a webmail that is strict: the inside of its body, in a page of its own colours, without comments, without
 * style elements, classes and ids, and without a declaration that isn't as old as the hills.
 */
const stripped = ({ html }: Mail, host: "white" | "black"): string => {
  const body = /<body[^>]*>([\s\S]*)<\/body>/.exec(html)?.[1] ?? ""
  const plain = body
    .replace(/<!--[\s\S]*?-->/g, "")
    .replace(/<(style|script|svg|link|meta)\b[\s\S]*?(<\/\1>|>)/gi, "")
    .replace(/\s(class|id|role)="[^"]*"/g, "")
    .replace(/style="([^"]*)"/g, (_, style: string) => {
      const kept = style
        .split(";")
        .filter(
          (declaration) =>
            !/light-dark|color-scheme|user-select|auto-phrase|line-break|text-wrap|url\(|var\(/.test(declaration)
        )
      return `style="${kept.join(";")}"`
    })
  const ink = host === "white" ? "black" : "white"
  return `<!doctype html><html lang="en"><title>Mail</title><body style="margin:0;background:${host};color:${ink}"><div>${plain}</div></body></html>`
}

const styleOf = (page: Page, selector: string, property: string): Promise<string> =>
  page.evaluate(`getComputedStyle(document.querySelector("${selector}"))["${property}"]`)

layer(Browser.layer, { timeout: 120_000 })("a mail on a screen", (it) => {
  it.effect("can be read by day and by night, on a phone and on a desk, in every language", () =>
    Effect.gen(function* () {
      const { newPage } = yield* Browser
      const page = yield* newPage()
      for (const language of languages) {
        for (const mail of mailsIn(language)) {
          for (const [colorScheme, width] of [
            ["light", 320],
            ["dark", 1280]
          ] as const) {
            const found = yield* Effect.promise(async () => {
              await page.setViewportSize({ width, height: 640 })
              await page.emulateMedia({ colorScheme })
              await page.setContent(mail.html)
              return flaws(page, wcag)
            })
            assert.deepStrictEqual(found, [], `${language} ${colorScheme} ${width}: ${mail.subject}`)
          }
        }
      }
    })
  )

  it.effect("is dark by night and light by day", () =>
    Effect.gen(function* () {
      const { newPage } = yield* Browser
      const page = yield* newPage()
      const [mail] = mailsIn("en")
      const grounds = yield* Effect.promise(async () => {
        await page.setContent(mail?.html ?? "")
        const colours = []
        for (const colorScheme of ["light", "dark"] as const) {
          await page.emulateMedia({ colorScheme })
          colours.push(await styleOf(page, "body", "backgroundColor"))
        }
        return colours
      })
      assert.deepStrictEqual(grounds, ["rgb(243, 244, 246)", "rgb(17, 19, 24)"])
    })
  )

  it.effect("is as readable where a webmail takes all away that it knows how to, on white and on black", () =>
    Effect.gen(function* () {
      const { newPage } = yield* Browser
      const page = yield* newPage()
      for (const language of ["en", "de", "ar", "ja"] as const) {
        for (const mail of mailsIn(language)) {
          for (const host of ["white", "black"] as const) {
            const { direction, found, frame } = yield* Effect.promise(async () => {
              await page.setViewportSize({ width: 360, height: 640 })
              await page.setContent(stripped(mail, host))
              return {
                found: await flaws(page, wcag),
                direction: await styleOf(page, "h1", "direction"),
                frame: await page.locator("table").first().getAttribute("lang")
              }
            })
            assert.deepStrictEqual(found, [], `${language} on ${host}: ${mail.subject}`)
            assert.deepStrictEqual([direction, frame], [directionOf(language), language])
          }
        }
      }
    })
  )

  it.effect("loads nothing, and has no style but in its elements", () =>
    Effect.gen(function* () {
      const { newPage } = yield* Browser
      const page = yield* newPage()
      const requests: Array<string> = []
      page.on("request", (request) => requests.push(request.url()))
      for (const language of languages) {
        for (const mail of mailsIn(language)) {
          yield* Effect.promise(() => page.setContent(mail.html, { waitUntil: "load" }))
          assert.notMatch(
            mail.html,
            /<(img|link|style|script|iframe|svg|video|object)\b|\bsrc=|\bbackground=|url\(|@import|@media/i
          )
        }
      }
      assert.deepStrictEqual(requests, [])
    })
  )

  it.effect("says the same words in its text, in every language", () =>
    Effect.gen(function* () {
      const { newPage } = yield* Browser
      const page = yield* newPage()
      for (const language of languages) {
        for (const mail of mailsIn(language)) {
          const seen = yield* Effect.promise(async () => {
            await page.setContent(mail.html)
            return page.locator("body").innerText()
          })
          const bare = (text: string) => text.replace(/[\u00a0\u202f]/g, " ")
          for (const line of mail.text.split("\n").filter((text) => text !== "")) {
            assert.include(bare(seen), bare(line.replace(/:$/, "")), `${language}: ${mail.subject}`)
          }
        }
      }
    })
  )
})
