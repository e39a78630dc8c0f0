import { assert, describe, it } from "@effect/vitest"
import { Redacted } from "effect"
import fc from "fast-check"
import { Email } from "../../src/domain/Email.ts"
import { confirmationMail } from "../../src/mail/ConfirmationMail.ts"

const code = "sZ2xN0m1-8vQhK_4tR7yB6cWfLd3gJpUeAoIiXw5uVk"

const render = (changes: Partial<Parameters<typeof confirmationMail>[0]> = {}) =>
  confirmationMail({
    id: "2f0c",
    language: "en",
    appName: "Rekey",
    recipient: Email.make("ada@example.com"),
    confirmationUrl: new URL("https://app.example.com/confirm?from=mail"),
    code: Redacted.make(code),
    livesForMillis: 24 * 3_600_000,
    username: "ada",
    isAccount: false,
    ...changes
  })

const tagsOf = (html: string) => html.match(/<[^>]*>/g)

describe("the mail with a confirmation code", () => {
  it("holds the link, the bare code on a line of its own, and when they end", () => {
    const { html, subject, text } = render()
    assert.strictEqual(subject, "Confirm your address for Rekey")
    const lines = text.split("\n")
    assert.include(lines, `https://app.example.com/confirm?from=mail&code=${code}`)
    assert.include(lines, code)
    assert.include(text, "end in 24 hours")
    assert.include(html, `href="https://app.example.com/confirm?from=mail&amp;code=${code}"`)
  })

  it("tells who didn't ask not to confirm, since whoever asked knows the password", () => {
    assert.match(
      render().text,
      /asked for an account at Rekey with the address ada@example\.com, with the user name ada\./
    )
    assert.match(render().text, /If it wasn't you, don't confirm it/)
    const { text } = render({ isAccount: true })
    assert.match(text, /asked to confirm ada@example\.com as the address of an account at Rekey/)
    assert.notInclude(text, "password")
  })

  it("repeats no user name that could be a message or a link to somebody who never asked", () => {
    const silent = render({ username: "evil.example" })
    for (const username of [
      "evil.example",
      "https://x.y",
      "call +1 800 555",
      "you won",
      "a/b/c",
      "<b>bold</b>",
      "x".repeat(33),
      "two\nlines",
      "\u202eevil"
    ]) {
      const { html, text } = render({ username })
      assert.deepStrictEqual([html, text], [silent.html, silent.text])
      assert.notInclude(text, username)
    }
    assert.include(render({ username: "Zoë_9-x" }).text, "Zoë_9-x")
  })

  it("has the same elements and the same lines whatever the application and the user are called (D7)", () => {
    const expected = render({ appName: "x", username: "evil.example" })
    const name = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: fc.constantFrom(..."<>&\"'\r\n\u2028a") }))
    fc.assert(
      fc.property(name, name, (appName, username) => {
        const { html, subject, text } = render({ appName, username })
        assert.deepStrictEqual(tagsOf(html), tagsOf(expected.html))
        assert.lengthOf(text.split(/[\r\n\u0085\u2028\u2029]/), expected.text.split("\n").length)
        assert.notMatch(subject, /[\p{Cc}\u2028\u2029]/u)
      })
    )
  })
})
