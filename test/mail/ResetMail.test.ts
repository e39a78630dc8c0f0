import { assert, describe, it } from "@effect/vitest"
import { Redacted } from "effect"
import fc from "fast-check"
import { Email } from "../../src/domain/Email.ts"
import { resetMail } from "../../src/mail/ResetMail.ts"

const code = "sZ2xN0m1-8vQhK_4tR7yB6cWfLd3gJpUeAoIiXw5uVk"

const render = (changes: Partial<Parameters<typeof resetMail>[0]> = {}) =>
  resetMail({
    id: "2f0c",
    language: "en",
    appName: "Rekey",
    recipient: Email.make("ada@example.com"),
    resetUrl: new URL("https://app.example.com/reset-password"),
    byAdministrator: false,
    code: Redacted.make(code),
    livesForMillis: 1_800_000,
    ...changes
  })

const tagsOf = (html: string) => html.match(/<[^>]*>/g)

const unescaped = (html: string) =>
  html
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&")

/** What a person sees of a page. */
const visible = (html: string) => unescaped(html.replace(/<head>[\s\S]*<\/head>/, "").replace(/<[^>]*>/g, "\n"))

/** Names with all that has a meaning in HTML, in headers and on terminals. */
const names = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom(..."<>&\"'/=!- \r\n\t\0\u001b\u0085\u2028\u2029;:ab") })
)

describe("the mail with a reset code", () => {
  it("holds the link, and the bare code on a line of its own, in text and in HTML", () => {
    const { html, text } = render()
    const link = `https://app.example.com/reset-password?code=${code}`
    assert.include(text.split("\n"), link)
    assert.include(text.split("\n"), code)
    assert.include(html, `<a href="${link}"`)
    assert.include(visible(html).split("\n"), link)
    assert.include(visible(html).split("\n"), code)
  })

  it("says where the bare code is typed in: at the page of the link, which opens without it", () => {
    const { html, text } = render({ resetUrl: new URL("https://app.example.com/reset-password?from=mail&code=old") })
    const page = "https://app.example.com/reset-password?from=mail"
    assert.match(text, /open this page and enter the code there:\n\n(\S+)\n\n[\w-]{43}\n/)
    assert.include(text.split("\n"), page)
    assert.include(html, `<a href="${page}"`)
    assert.include(visible(html).split("\n"), page)
  })

  it("writes addresses from left to right, at the side where the words begin", () => {
    for (const [language, start] of [
      ["de", "left"],
      ["ar", "right"]
    ] as const) {
      const shown = render({ language }).html.match(/<p dir="ltr"[^>]*><a /g) ?? []
      assert.lengthOf(shown, 2)
      for (const paragraph of shown) assert.include(paragraph, `text-align:${start}`)
    }
  })

  it("says the same in text and in HTML", () => {
    const { html, subject, text } = render()
    const page = visible(html)
    const lines = text.split("\n").filter((line) => line !== "")
    assert.isAbove(lines.length, 6)
    for (const line of lines) assert.include(page, line.replace(/:$/, ""))
    assert.include(page, subject)
  })

  it("says why it came and what to do", () => {
    const { text } = render()
    assert.match(text, /asked to reset the password of the Rekey account of ada@example\.com/)
    assert.match(text, /If it wasn't you, there is nothing to do/)
    assert.match(text, /You get this mail because/)
  })

  it("says so where an administrator asked for it (F7)", () => {
    const { text } = render({ byAdministrator: true })
    assert.match(
      text,
      /^An administrator of Rekey asked to reset the password of the Rekey account of ada@example\.com\./
    )
    assert.match(text, /If you don't want a new password, there is nothing to do/)
    assert.match(text, /You get this mail because .* an administrator started a reset of its password\./)
    assert.notMatch(text, /hopefully you|If it wasn't you|forgotten/)
  })

  it.each([
    [1_800_000, "30 minutes"],
    [1_799_000, "30 minutes"],
    [1_789_000, "29 minutes"],
    [60_000, "1 minute"],
    [49_000, "less than a minute"],
    [-5_000, "less than a minute"],
    [3_600_000, "1 hour"],
    [5_400_000, "1 hour and 30 minutes"],
    [172_800_000, "2 days"]
  ])("with %d ms to live ends in %s", (livesForMillis, end) => {
    const mail = render({ livesForMillis })
    assert.include(mail.text, ` and end in ${end}.`)
    assert.include(mail.html, ` and end in ${end}.`)
  })

  it("keeps the other parameters of the configured link, and sets the code's (D1)", () => {
    const { text } = render({ resetUrl: new URL("https://app.example.com/r?lang=de&code=old#form") })
    assert.include(text.split("\n"), `https://app.example.com/r?lang=de&code=${code}#form`)
  })

  it("loads nothing and names its language", () => {
    const { html } = render()
    assert.include(html, '<html lang="en" dir="ltr"')
    assert.notMatch(html, /<(img|link|style|script|iframe)|\bsrc=|url\(|@import/i)
  })

  it("has the same HTML elements whatever the application is called (D7)", () => {
    const expected = tagsOf(render({ appName: "x" }).html)
    fc.assert(fc.property(names, (appName) => assert.deepStrictEqual(tagsOf(render({ appName }).html), expected)))
  })

  it("shows the application's name as it is, but for line breaks and control characters (D7)", () => {
    fc.assert(
      fc.property(names, (appName) => {
        const { html, subject } = render({ appName })
        assert.strictEqual(unescaped(/<title>([^<]*)<\/title>/.exec(html)?.[1] ?? "no title"), subject)
        assert.strictEqual(
          subject.replaceAll(" ", ""),
          `Resetyour${appName.toWellFormed().replace(/[\p{Cc}\p{Zl}\p{Zp} ]/gu, "")}password`
        )
      })
    )
  })

  it("lets no name start a header, or a line of the text (D7)", () => {
    const lines = render({ appName: "x" }).text.split("\n").length
    fc.assert(
      fc.property(names, (appName) => {
        const { subject, text } = render({ appName })
        assert.notMatch(subject, /[\p{Cc}\u2028\u2029]/u)
        assert.strictEqual(text.split(/[\r\n\u0085\u2028\u2029]/).length, lines)
      })
    )
  })

  it("escapes a configured link (D7)", () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), (url) => {
        const { html, text } = render({ resetUrl: new URL(url) })
        const href = unescaped(/<a href="([^"]*)"/.exec(html)?.[1] ?? "no link")
        assert.include(text.split("\n"), href)
        assert.strictEqual(new URL(href).searchParams.get("code"), code)
        assert.strictEqual(new URL(href).host, new URL(url).host)
      })
    )
  })
})
