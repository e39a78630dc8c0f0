import { createServer } from "node:http"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Browser } from "./browser.ts"

const form = `<!doctype html><title>Form</title>
<form method="post" action="/sent"><label>Name <input name="name"></label><button>Send</button></form>
<script>document.title = "Scripted"</script>`

/** A server whose page posts a form to itself and shows what came. */
const serveForm = Effect.acquireRelease(
  Effect.callback<{ readonly url: string; close(): void }>((resume) => {
    const server = createServer((request, response) => {
      response.setHeader("content-type", "text/html")
      if (request.method !== "POST") return response.end(form)
      return request.setEncoding("utf8").once("data", (body: string) => response.end(`<p>${body}</p>`))
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      assert(address !== null && typeof address === "object")
      resume(Effect.succeed({ url: `http://127.0.0.1:${address.port}`, close: () => server.close() }))
    })
  }),
  (server) => Effect.sync(() => server.close())
)

layer(Browser.layer)("the test browser", (it) => {
  it.effect("shows a page that comes from nowhere", () =>
    Effect.gen(function* () {
      const page = yield* (yield* Browser).newPage()
      yield* Effect.promise(() => page.goto("data:text/html,<h1>Here</h1>"))
      assert.strictEqual(yield* Effect.promise(() => page.getByRole("heading").innerText()), "Here")
    })
  )

  for (const javaScript of [true, false]) {
    it.effect(`posts a form with JavaScript ${javaScript ? "on" : "off"}`, () =>
      Effect.gen(function* () {
        const { url } = yield* serveForm
        const page = yield* (yield* Browser).newPage({ javaScript })
        const shown = yield* Effect.promise(async () => {
          await page.goto(url)
          const title = await page.title()
          await page.getByLabel("Name").fill("ada")
          await page.getByRole("button").click()
          return { title, text: await page.locator("p").innerText() }
        })
        assert.deepStrictEqual(shown, { title: javaScript ? "Scripted" : "Form", text: "name=ada" })
      })
    )
  }
})
