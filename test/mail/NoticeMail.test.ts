import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { Email } from "../../src/domain/Email.ts"
import { noticeMail } from "../../src/mail/NoticeMail.ts"
import type { Notice } from "../../src/mail/Outbox.ts"

const render = (changes: Partial<Notice> = {}, appName = "Rekey") =>
  noticeMail({
    id: "2f0c",
    language: "en",
    appName,
    recipient: Email.make("ada@example.com"),
    notice: {
      event: "password-reset",
      at: new Date("2026-11-24T13:05:59Z"),
      device: "Firefox on Windows",
      clientAddress: "192.0.2.0/24",
      ...changes
    }
  })

const lines = (text: string) => text.split("\n").filter((line) => line !== "")
const tagsOf = (html: string) => html.match(/<[^>]*>/g)

describe("the notice of a new password (F5)", () => {
  it("says what happened, when in UTC, from what device and from where", () => {
    const { subject, text } = render()
    assert.strictEqual(subject, "Your Rekey password was reset")
    assert.include(lines(text), "When: 24 November 2026 at 13:05 UTC")
    assert.include(lines(text), "Device: Firefox on Windows")
    assert.include(lines(text), "Network: 192.0.2.0/24")
    assert.match(text, /The password of the Rekey account of ada@example\.com was reset/)
    assert.strictEqual(render({ event: "password-changed" }).subject, "Your Rekey password was changed")
    assert.match(render({ event: "password-changed" }).text, /was changed by somebody who was signed in/)
  })

  it("says of the address as much as is kept of it", () => {
    assert.include(lines(render({ clientAddress: "192.0.2.7" }).text), "IP address: 192.0.2.7")
    assert.include(lines(render({ clientAddress: null }).text), "IP address: not recorded")
    assert.include(lines(render({ device: "" }).text), "Device: Unknown device")
  })

  it("says to whom it was which sessions go on: none after a reset, after a change the one that it was made in", () => {
    assert.match(render().text, /If it was you, just sign in with the new password: every session has ended\./)
    assert.match(render({ event: "password-changed" }).text, /You stay signed in where you changed it/)
  })

  it("says what to do if it was somebody else, without a link", () => {
    for (const event of ["password-reset", "password-changed"] as const) {
      const { html, text } = render({ event })
      assert.match(text, /If it wasn't you.*choose a new one/)
      assert.notMatch(text + html, /https?:|href|code=/)
      assert.notMatch(html, /<(img|link|style|script|iframe)|\bsrc=|url\(|@import/i)
    }
  })

  it("tells of a registration with the address what to do, and nothing of who tried (C6)", () => {
    const { html, subject, text } = render({ event: "registration-attempted" })
    assert.strictEqual(subject, "You have an account at Rekey already")
    assert.match(text, /There is one with it already, so no other was made/)
    assert.match(text, /If you forgot its password.*choose a new one/)
    assert.match(text, /If it wasn't you, there is nothing to do/)
    assert.notMatch(text, /sessions have ended/)
    assert.notMatch(text + html, /https?:|href|code=/)
  })

  it("says the same in text and in HTML", () => {
    const { html, text } = render()
    const page = html.replaceAll("&#39;", "'")
    for (const line of lines(text)) assert.include(page, line)
  })

  it("has the same elements and the same lines whatever the application is called (D7)", () => {
    const expected = render({}, "x")
    const name = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: fc.constantFrom(..."<>&\"'\r\n\u2028a") }))
    fc.assert(
      fc.property(name, (appName) => {
        const { html, subject, text } = render({}, appName)
        assert.deepStrictEqual(tagsOf(html), tagsOf(expected.html))
        assert.lengthOf(text.split(/[\r\n\u0085\u2028\u2029]/), expected.text.split("\n").length)
        assert.notMatch(subject, /[\p{Cc}\u2028\u2029]/u)
      })
    )
  })
})
