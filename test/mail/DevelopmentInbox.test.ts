import { assert, layer } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { TestClock, TestConsole } from "effect/testing"
import { Email } from "../../src/domain/Email.ts"
import { DevelopmentInbox } from "../../src/mail/DevelopmentInbox.ts"
import { Mailer } from "../../src/mail/Mailer.ts"
import { resetMail } from "../../src/mail/ResetMail.ts"

const mailTo = (address: string) =>
  resetMail({
    id: address,
    language: "en",
    appName: "Rekey",
    recipient: Email.make(address),
    resetUrl: new URL("http://127.0.0.1:1337/reset-password"),
    byAdministrator: false,
    code: Redacted.make("sZ2xN0m1-8vQhK_4tR7yB6cWfLd3gJpUeAoIiXw5uVk"),
    livesForMillis: 1_800_000
  })

layer(DevelopmentInbox.layer)("the development inbox", (it) => {
  it.effect("prints each mail to standard output, with a link to click", () =>
    Effect.gen(function* () {
      const { send } = yield* Mailer
      yield* send(mailTo("ada@example.com"))
      const printed = (yield* TestConsole.logLines).join("\n").split("\n")
      assert.include(printed, "Mail to ada@example.com: Reset your Rekey password")
      assert.include(printed, "http://127.0.0.1:1337/reset-password?code=sZ2xN0m1-8vQhK_4tR7yB6cWfLd3gJpUeAoIiXw5uVk")
      assert.isEmpty(yield* TestConsole.errorLines)
    })
  )

  it.effect("keeps the last hundred mails, the newest first", () =>
    Effect.gen(function* () {
      const { send } = yield* Mailer
      const { mails } = yield* DevelopmentInbox
      yield* TestClock.setTime(Date.UTC(2026, 10, 24))
      for (let number = 1; number <= 120; number++) yield* send(mailTo(`user${number}@example.com`))
      const kept = yield* mails
      assert.deepStrictEqual(
        kept.map(({ to }) => String(to)),
        Array.from({ length: 100 }, (_, index) => `user${120 - index}@example.com`)
      )
      assert.deepStrictEqual(kept[0], {
        ...mailTo("user120@example.com"),
        receivedAt: new Date("2026-11-24T00:00:00Z")
      })
    })
  )
})
