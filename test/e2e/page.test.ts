import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import type { Page } from "playwright-core"
import { Browser } from "../support/browser.ts"
import { assertError, type Client, clientOf } from "../support/client.ts"
import { migratedPostgres } from "../support/databases.ts"
import { startServer } from "../support/server.ts"
import { codeIn } from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"

const newPassword = "a new long phrase"

/** One server for all, and a browser. */
class Served extends Context.Service<Served, Client>()("rekey/test/Served") {
  static readonly layer = Layer.effect(
    Served,
    Effect.gen(function* () {
      const { url } = yield* MailServer
      const database = Redacted.value(yield* migratedPostgres)
      const env = { SMTP_URL: url, MAIL_FROM: "rekey@example.com", DATABASE_URL: database }
      return yield* clientOf((yield* startServer({ env })).url)
    })
  ).pipe(Layer.provideMerge(MailServer.layer), Layer.merge(Browser.layer))
}

/** Somebody who has forgotten a password, and what the mail brought. */
const forgetful = Effect.gen(function* () {
  const client = yield* Served
  const somebody = yield* client.register()
  yield* client.forgot(somebody.email)
  const text = (yield* (yield* MailServer).next(somebody.email)).parsed.text ?? ""
  const [link = ""] = /http:\S+\/reset-password\?code=\S+/.exec(text) ?? []
  return { ...somebody, code: codeIn(text), link }
})

/** A page that notes where it goes, and complains. */
const watchedPage = Effect.fnUntraced(function* (javaScript: boolean) {
  const page = yield* (yield* Browser).newPage({ javaScript })
  const asked: Array<{ readonly url: string; readonly referer: string | undefined }> = []
  const complaints: Array<string> = []
  page.on("request", (request) => asked.push({ url: request.url(), referer: request.headers().referer }))
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()))
  page.on("pageerror", (error) => complaints.push(error.message))
  return { page, asked, complaints }
})

/** Every address that the back button could lead to. */
const historyOf = async (page: Page) => {
  const session = await page.context().newCDPSession(page)
  const { entries } = await session.send("Page.getNavigationHistory")
  return entries.map(({ url }) => url)
}

const inBrowser = <A>(steps: () => Promise<A>) => Effect.promise(steps)

layer(Served.layer, { excludeTestServices: true })("in Chromium", (it) => {
  for (const javaScript of [true, false]) {
    it.effect(
      `the page behind the link leads from the mail to a new password, with JavaScript ${javaScript ? "on" : "off"}`,
      () =>
        Effect.gen(function* () {
          const client = yield* Served
          const { code, email, jwt, link, password } = yield* forgetful
          const { asked, complaints, page } = yield* watchedPage(javaScript)

          yield* inBrowser(() => page.goto(link))
          assert.strictEqual(page.url(), `${client.url}/reset-password`)
          assert.notInclude((yield* inBrowser(() => historyOf(page))).join(), code)
          assert.notInclude(yield* inBrowser(() => page.content()), code)

          const fill = (text: string) => async () => {
            await page.getByRole("textbox", { name: "New password", exact: true }).fill(text)
            await page.getByRole("textbox", { name: "New password again" }).fill(text)
            await Promise.all([
              page.waitForEvent("load"),
              page.getByRole("button", { name: "Set the new password" }).click()
            ])
          }
          yield* inBrowser(fill("short"))
          const field = page.getByRole("textbox", { name: "New password", exact: true })
          const error = page.locator("#password-error")
          assert.strictEqual(yield* inBrowser(() => error.innerText()), "The password must have at least 8 characters.")
          assert.isTrue(yield* inBrowser(() => error.isVisible()))
          assert.strictEqual(
            yield* inBrowser(() => field.getAttribute("aria-describedby")),
            "password-hint password-error"
          )
          const [above, below] = yield* inBrowser(() => Promise.all([field.boundingBox(), error.boundingBox()]))
          assert.isAtMost((below?.y ?? 0) - ((above?.y ?? 0) + (above?.height ?? 0)), 24)

          yield* inBrowser(fill(newPassword))
          assert.strictEqual(page.url(), `${client.url}/reset-password/done`)
          assert.strictEqual(yield* inBrowser(() => page.getByRole("heading").innerText()), "Your password is changed")
          assert.isEmpty(yield* inBrowser(() => page.context().cookies()))
          assert.notInclude((yield* inBrowser(() => historyOf(page))).join(), code)

          for (const { referer, url } of asked) {
            assert.isTrue(url.startsWith(`${client.url}/`), url)
            assert.notInclude(String(referer), code)
          }
          // A 400 is what the short password got.
          assert.isEmpty(complaints.filter((complaint) => !/status of 400/.test(complaint)))
          assert.strictEqual((yield* client.signIn(email, newPassword)).status, 200)
          assertError(yield* client.signIn(email, password), 400, "InvalidCredentials")
          assertError(yield* client.me(jwt), 401, "Unauthenticated")
        })
    )
  }

  it.effect("the page takes a code that was pasted from the mail", () =>
    Effect.gen(function* () {
      const client = yield* Served
      const { code, email } = yield* forgetful
      const { page } = yield* watchedPage(false)
      yield* inBrowser(async () => {
        await page.goto(`${client.url}/reset-password`)
        await page.getByLabel("Code from the mail").fill(` ${code} `)
        await page.getByRole("textbox", { name: "New password", exact: true }).fill(newPassword)
        await page.getByRole("textbox", { name: "New password again" }).fill(newPassword)
        await page.keyboard.press("Enter")
        await page.waitForURL("**/done")
      })
      assert.strictEqual((yield* client.signIn(email, newPassword)).status, 200)
    })
  )

  it.effect("the page takes no form from a page of another site, cookie and all (A6)", () =>
    Effect.gen(function* () {
      const client = yield* Served
      const { email, link, password } = yield* forgetful
      const { page } = yield* watchedPage(true)
      const fields = ["password", "passwordConfirmation"].map(
        (name) => `<input name="${name}" value="the attacker's phrase">`
      )
      const form = `<form method="post" action="${client.url}/reset-password">${fields.join("")}<button>Win</button></form>`
      const answer = yield* inBrowser(async () => {
        await page.goto(link)
        await page.route("https://evil.example/", (route) => route.fulfill({ contentType: "text/html", body: form }))
        await page.goto("https://evil.example/")
        const answered = page.waitForResponse((response) => response.request().method() === "POST")
        await page.getByRole("button").click()
        return (await answered).status()
      })
      assert.strictEqual(answer, 403)
      assert.strictEqual((yield* client.signIn(email, password)).status, 200)
    })
  )

  it.effect("the docs page shows the contract and asks nobody else for anything", () =>
    Effect.gen(function* () {
      const client = yield* Served
      const { asked, page } = yield* watchedPage(true)
      yield* inBrowser(async () => {
        await page.goto(`${client.url}/docs`)
        await page.getByText("Reset user password with a code (resetToken)").first().waitFor()
      })
      for (const { url } of asked) assert.match(url, new RegExp(`^(${client.url}/|data:|blob:)`))
    })
  )
})
