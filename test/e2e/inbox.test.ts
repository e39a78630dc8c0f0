import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import type { Page } from "playwright-core"
import { Browser } from "../support/browser.ts"
import { type Client, clientOf } from "../support/client.ts"
import { startServer } from "../support/server.ts"

/** One server for all, and a browser. */
class Served extends Context.Service<Served, Client & { readonly stop: Effect.Effect<unknown> }>()(
  "rekey/test/Served"
) {
  static readonly layer = Layer.effect(
    Served,
    Effect.gen(function* () {
      const server = yield* startServer()
      yield* server.waitFor("stdout", /Ready/)
      return { ...(yield* clientOf(server.url)), stop: server.stop() }
    })
  ).pipe(Layer.merge(Browser.layer))
}

const inBrowser = <A>(steps: () => Promise<A>) => Effect.promise(steps)

const codeIn = (page: Page) => page.locator(".code output").innerText()

layer(Served.layer, { excludeTestServices: true })("the development inbox in Chromium", (it) => {
  it.effect("shows a mail while one looks, with its code to copy, and leads from its link to the page", () =>
    Effect.gen(function* () {
      const client = yield* Served
      const { email } = yield* client.register()
      const page = yield* (yield* Browser).newPage()
      const complaints: Array<string> = []
      page.on("console", (message) => message.type() === "error" && complaints.push(message.text()))
      page.on("pageerror", (error) => complaints.push(error.message))

      yield* inBrowser(() => page.goto(`${client.url}/dev/inbox`))
      assert.match(yield* inBrowser(() => page.getByRole("main").innerText()), /No mail yet/)
      yield* client.forgot(email)
      yield* inBrowser(() => page.getByRole("link", { name: email }).first().waitFor())
      const code = yield* inBrowser(() => codeIn(page))
      assert.match(code, /^[\w-]{43}$/)
      assert.strictEqual((yield* client.check(code)).status, 200)

      yield* inBrowser(() => page.context().grantPermissions(["clipboard-read", "clipboard-write"]))
      yield* inBrowser(() => page.getByRole("button", { name: "Copy" }).click())
      yield* inBrowser(() => page.getByRole("button", { name: "Copied" }).waitFor())
      assert.strictEqual(yield* inBrowser(() => page.evaluate("navigator.clipboard.readText()")), code)

      const opened = page.context().waitForEvent("page")
      yield* inBrowser(() => page.frameLocator("iframe").getByRole("link").first().click())
      const resetPage = yield* inBrowser(() => opened)
      yield* inBrowser(() => resetPage.getByRole("textbox", { name: "New password", exact: true }).waitFor())
      assert.strictEqual(resetPage.url(), `${client.url}/reset-password`)
      assert.isEmpty(complaints)
    })
  )

  it.effect("shows text, headers and source, and another mail, with the keyboard alone and without scripts", () =>
    Effect.gen(function* () {
      const client = yield* Served
      const { email } = yield* client.register()
      yield* client.forgot(email)
      const page = yield* (yield* Browser).newPage({ javaScript: false })
      yield* inBrowser(async () => {
        await page.goto(`${client.url}/dev/inbox`)
        while (!(await page.getByRole("link", { name: email }).first().isVisible())) await page.reload()
        await page.getByRole("link", { name: email }).first().focus()
        await page.keyboard.press("Enter")
        await page.waitForURL(/\/dev\/inbox\/\w+$/)
      })
      const code = yield* inBrowser(() => codeIn(page))
      const view = (name: string) =>
        inBrowser(async () => {
          await page.getByRole("link", { name, exact: true }).focus()
          await page.keyboard.press("Enter")
          await page.locator(`.tabs [aria-current]`, { hasText: name }).waitFor()
          return page.locator(".view").innerText()
        })
      assert.include(yield* view("Text"), `code=${code}`)
      const headers = yield* view("Headers")
      assert.match(headers, new RegExp(`To\\s+${email}`))
      assert.match(headers, /Auto-Submitted\s+auto-generated/)
      const source = yield* view("Source")
      assert.match(source, /^Content-Type: multipart\/alternative/m)
      assert.match(source, /Content-Type: text\/html/)
      assert.isFalse(yield* inBrowser(() => page.getByRole("button").first().isVisible()))
      assert.isTrue(
        yield* inBrowser(async () => {
          await page.getByRole("link", { name: "HTML", exact: true }).click()
          return page.frameLocator("iframe").getByText(code, { exact: true }).isVisible()
        })
      )
    })
  )

  it.effect("doesn't keep the process from stopping while somebody looks", () =>
    Effect.gen(function* () {
      const client = yield* Served
      const page = yield* (yield* Browser).newPage()
      const listening = page.waitForResponse((response) => response.url().endsWith("/arrivals"))
      yield* inBrowser(() => page.goto(`${client.url}/dev/inbox`))
      yield* inBrowser(() => listening)
      assert.deepStrictEqual(yield* client.stop, { code: 0, signal: null })
    })
  )
})
