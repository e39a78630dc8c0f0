import { createServer, type Server } from "node:http"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { Browser } from "../support/browser.ts"
import { clientOf } from "../support/client.ts"
import { emptyPostgres } from "../support/databases.ts"
import { startServer } from "../support/server.ts"
import { codeIn } from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"

/** A server on PostgreSQL, and somebody who has just got a code by mail. */
const somebodyWithCode = Effect.gen(function* () {
  const mails = yield* MailServer
  const server = yield* startServer({
    env: {
      SMTP_URL: mails.url,
      MAIL_FROM: "rekey@example.com",
      DATABASE_URL: Redacted.value(yield* emptyPostgres)
    }
  })
  const client = yield* clientOf(server.url)
  const somebody = yield* client.register()
  yield* client.forgot(somebody.email)
  const { parsed } = yield* mails.next(somebody.email)
  const code = codeIn(parsed.text ?? "")
  return { client, code, link: `${server.url}/reset-password?code=${code}`, server, somebody }
})

layer(Layer.merge(MailServer.layer, Browser.layer), { excludeTestServices: true })("the page behind the link", (it) => {
  for (const javaScript of [true, false]) {
    it.effect(`resets a password by keyboard alone, with JavaScript ${javaScript ? "on" : "off"}`, () =>
      Effect.gen(function* () {
        const { client, code, link, server, somebody } = yield* somebodyWithCode
        const page = yield* (yield* Browser).newPage({ javaScript })
        const press = (...keys: ReadonlyArray<string>) =>
          Effect.promise(async () => {
            for (const key of keys) await page.keyboard.press(key)
          })
        const type = (text: string) => Effect.promise(() => page.keyboard.type(text))
        const submit = Effect.promise(() => Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]))

        yield* Effect.promise(() => page.goto(link))
        assert.strictEqual(page.url(), `${server.url}/reset-password`)
        assert.notInclude(yield* Effect.promise(() => page.content()), code)

        yield* press("Tab")
        yield* type("short")
        yield* press("Tab")
        yield* type("short")
        yield* submit
        const field = page.getByLabel("New password", { exact: true })
        assert.strictEqual(yield* Effect.promise(() => field.getAttribute("aria-invalid")), "true")
        const describedBy = yield* Effect.promise(() => field.getAttribute("aria-describedby"))
        const error = page.locator(`#${describedBy}`)
        assert.match(yield* Effect.promise(() => error.innerText()), /at least 8 characters/)

        yield* press("Tab")
        yield* type("a new long phrase")
        yield* press("Tab")
        yield* type("a new long phrase")
        yield* submit
        assert.strictEqual(page.url(), `${server.url}/reset-password/done`)
        const heading = page.getByRole("heading", { level: 1 })
        assert.strictEqual(yield* Effect.promise(() => heading.innerText()), "Your password is changed")
        assert.strictEqual((yield* client.signIn(somebody.email, "a new long phrase")).status, 200)
        assert.strictEqual((yield* client.me(somebody.jwt)).status, 401)

        // The code is gone from the browser too.
        const cookies = yield* Effect.promise(() => page.context().cookies(server.url))
        assert.notInclude(JSON.stringify(cookies), code)
      })
    )
  }

  it.effect("another site can't post the form of somebody who has the page open", () =>
    Effect.gen(function* () {
      const { client, link, server, somebody } = yield* somebodyWithCode
      const evil = yield* siteThatPosts(`${server.url}/reset-password`)
      const page = yield* (yield* Browser).newPage()
      yield* Effect.promise(() => page.goto(link))
      yield* Effect.promise(() => page.goto(evil))
      yield* Effect.promise(() => Promise.all([page.waitForNavigation(), page.getByRole("button").click()]))
      assert.strictEqual(page.url(), `${server.url}/reset-password`)
      assert.include(yield* Effect.promise(() => page.innerText("body")), "sent from another site")
      assert.strictEqual((yield* client.signIn(somebody.email, somebody.password)).status, 200)
    })
  )
})

/** Another site to a browser, since its name is another, with a form that posts a password of its own to `action`. */
const siteThatPosts = Effect.fnUntraced(function* (action: string) {
  const content = `<form method="post" action="${action}">
    <input name="password" value="the attacker's phrase"><input name="passwordConfirmation" value="the attacker's phrase">
    <button>Win a prize</button></form>`
  const site = yield* Effect.acquireRelease(
    Effect.callback<Server>((resume) => {
      const site = createServer((_, response) => response.setHeader("content-type", "text/html").end(content))
      site.listen(0, "127.0.0.1", () => resume(Effect.succeed(site)))
    }),
    (site) => Effect.sync(() => site.close())
  )
  const address = site.address()
  return `http://localhost:${typeof address === "object" ? address?.port : ""}`
})
