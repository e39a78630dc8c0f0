import { assert, describe, it, layer } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer, Option, Redacted, Schema } from "effect"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import { vi } from "vitest"
import { Email } from "../../src/domain/Email.ts"
import { type Mail, Mailer } from "../../src/mail/Mailer.ts"
import { resetMail } from "../../src/mail/ResetMail.ts"
import * as SmtpMailer from "../../src/mail/SmtpMailer.ts"
import { MailServer, type MailServerOptions } from "../support/smtp.ts"

const code = "sZ2xN0m1-8vQhK_4tR7yB6cWfLd3gJpUeAoIiXw5uVk"

const mailTo = (to: Email, appName = "Rekey"): Mail =>
  resetMail({
    id: "9a3e5c",
    language: "en",
    appName,
    recipient: to,
    resetUrl: new URL("https://app.example.com/reset-password?lang=en"),
    byAdministrator: false,
    code: Redacted.make(code),
    livesForMillis: 1_800_000
  })

const ada = Email.make("ada@example.com")

/** What took other mailers in (CVE-2025-13033 and kin). */
const hostile = [
  '"a@evil.example x"@example.com',
  "a@example.com,eve@evil.example",
  "a@example.com eve@evil.example",
  "friends:a@example.com,eve@evil.example;",
  "a@example.com(eve@evil.example)",
  "Eve <eve@evil.example>",
  "a@example.com\r\nBcc: eve@evil.example",
  "a@[127.0.0.1]",
  "a\0@example.com",
  `${"a".repeat(10_000)}@example.com`
]

/** A mailer for the server at hand; `urlFor` may put credentials or parameters into the server's URL. */
const mailerAt = (urlFor: (url: string) => string = (url) => url) =>
  Layer.unwrap(
    Effect.map(MailServer, ({ url }) =>
      SmtpMailer.layer({ url: Redacted.make(urlFor(url)), from: "Rekey <no-reply@rekey.example>" })
    )
  )

/** With a server and a mailer of its own for each test, so that the faults of one don't reach another. */
const overSmtp = (options: MailServerOptions = {}, urlFor?: (url: string) => string) =>
  Effect.provide(mailerAt(urlFor).pipe(Layer.provideMerge(MailServer.layerWith(options))), { local: true })

const attempt = Effect.fnUntraced(function* (mail: Mail) {
  const mailer = yield* Mailer
  return yield* mailer.send(mail).pipe(Effect.flip)
})

layer(mailerAt().pipe(Layer.provideMerge(MailServer.layer)))("a mail by SMTP", (it) => {
  it.effect("arrives as it was rendered", () =>
    Effect.gen(function* () {
      const server = yield* MailServer
      const mailer = yield* Mailer
      const mail = mailTo(ada)
      yield* mailer.send(mail)
      const { envelope, parsed, raw } = yield* server.next("ada@example.com")
      assert.deepStrictEqual(envelope, { from: "no-reply@rekey.example", to: ["ada@example.com"] })
      assert.strictEqual(parsed.subject, mail.subject)
      assert.strictEqual(parsed.text, mail.text)
      assert.strictEqual(String(parsed.html).trim(), mail.html.trim())
      assert.strictEqual(parsed.from?.text, '"Rekey" <no-reply@rekey.example>')
      assert.strictEqual(parsed.messageId, "<9a3e5c@rekey.example>")
      assert.strictEqual(parsed.headers.get("auto-submitted"), "auto-generated")
      assert.strictEqual(parsed.headers.get("x-auto-response-suppress"), "All")
      assert.strictEqual(parsed.headers.get("content-language"), "en")
      // There is no list to be taken off, and nothing else that a receiver would take for bulk mail.
      assert.notMatch(raw, /^(List-|Precedence|Reply-To|Sender|X-Mailer)/im)
      assert.match(raw, /^Date: \w{3}, \d{2} \w{3} \d{4} \d\d:\d\d:\d\d \+0000\r$/m)
      assert.isEmpty(parsed.attachments)
    })
  )

  it.effect("has no header that its subject smuggled in (D7)", () =>
    Effect.gen(function* () {
      const server = yield* MailServer
      const mailer = yield* Mailer
      yield* mailer.send({ ...mailTo(ada), subject: "a\r\nBcc: eve@evil.example\r\n\r\n<b>b" })
      const { envelope, parsed } = yield* server.next("ada@example.com")
      assert.deepStrictEqual(envelope.to, ["ada@example.com"])
      assert.isUndefined(parsed.bcc)
      assert.notInclude(parsed.text ?? "", "<b>b")
    })
  )

  it.effect("goes to one recipient or none, where its address never was checked (A3)", () =>
    Effect.gen(function* () {
      const server = yield* MailServer
      const mailer = yield* Mailer
      const before = (yield* server.arrived).length
      yield* Effect.forEach(hostile, (to) => Effect.ignore(mailer.send({ ...mailTo(ada), to: to as Email })), {
        concurrency: "unbounded"
      })
      for (const { envelope, parsed } of (yield* server.arrived).slice(before)) {
        assert.lengthOf(envelope.to, 1)
        assert.isUndefined(parsed.cc ?? parsed.bcc)
        assert.notInclude(envelope.to, "eve@evil.example")
      }
    })
  )

  it.effect("goes to exactly the stored address, whatever the address looks like (A3)", () =>
    Effect.gen(function* () {
      const server = yield* MailServer
      const mailer = yield* Mailer
      const atoms = fc.string({ unit: fc.constantFrom(..."abAZ09!#$%&'*+/=?^_`{|}~-"), minLength: 1, maxLength: 12 })
      const local = fc.array(atoms, { minLength: 1, maxLength: 3 }).map((atoms) => atoms.join("."))
      const domain = fc.oneof(fc.domain(), fc.constantFrom("bücher.example", "EXAMPLE.com", "ｅxample.com", "例え.jp"))
      const addresses = fc.oneof(
        { weight: 4, arbitrary: fc.tuple(local, domain).map((_) => _.join("@")) },
        fc.constantFrom(...hostile)
      )
      const accepted = fc
        .sample(addresses, 100)
        .flatMap((address) => Option.toArray(Schema.decodeUnknownOption(Email)(address)))
      assert.isAbove(accepted.length, 40)
      yield* Effect.forEach(accepted, (address) => mailer.send(mailTo(address)), { concurrency: 40 })
      const arrived = (yield* server.arrived).slice(-accepted.length)
      // The test server shows domains as Unicode.
      const ascii = (address: string) => {
        const [local, domain] = address.split("@")
        return `${local}@${new URL(`http://${domain}`).hostname}`
      }
      for (const { envelope, parsed } of arrived) {
        assert.lengthOf(envelope.to, 1)
        assert.isUndefined(parsed.cc ?? parsed.bcc)
      }
      assert.sameMembers(
        arrived.flatMap(({ envelope }) => envelope.to.map(ascii)),
        accepted.map(ascii)
      )
    })
  )
})

describe("a mail server that", () => {
  const faults = [
    ["isn't there", "refuse", /^ESOCKET ECONNREFUSED$/],
    ["can't take it now", "defer", /^451 EENVELOPE$/],
    ["doesn't want it", "reject", /^550 EENVELOPE$/],
    ["hangs up after the mail", "drop", /^ECONNECTION$/]
  ] as const

  for (const [fault, behaviour, reason] of faults) {
    it.effect(`${fault} is told apart without a word of the mail, and gets the same mail again (C4, D4)`, () =>
      Effect.gen(function* () {
        const server = yield* MailServer
        const mailer = yield* Mailer
        yield* server.behave(behaviour)
        const error = yield* attempt(mailTo(ada))
        assert.match(error.reason, reason)
        assert.notMatch(JSON.stringify(error), /ada|example|9a3e5c/)
        yield* server.behave("take")
        yield* mailer.send(mailTo(ada))
        const { parsed } = yield* server.next("ada@example.com")
        assert.strictEqual(parsed.messageId, "<9a3e5c@rekey.example>")
        assert.lengthOf(yield* server.arrived, 1)
      }).pipe(overSmtp())
    )
  }

  it.effect("says nothing has 20 seconds, then the connection is closed (C4)", () =>
    Effect.gen(function* () {
      const server = yield* MailServer
      yield* server.behave("hang")
      const sending = yield* Effect.forkChild(attempt(mailTo(ada)))
      yield* server.connected
      yield* TestClock.adjust("19999 millis")
      assert.isUndefined(sending.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(sending)).reason, "ETIMEDOUT")
      yield* server.disconnected
    }).pipe(overSmtp())
  )

  it.effect("says nothing loses its client when the sending is interrupted", () =>
    Effect.gen(function* () {
      const server = yield* MailServer
      yield* server.behave("hang")
      const sending = yield* Effect.forkChild(attempt(mailTo(ada)))
      yield* server.connected
      yield* Fiber.interrupt(sending)
      yield* server.disconnected
    }).pipe(overSmtp())
  )

  it.effect("is slow gets it all the same", () =>
    Effect.gen(function* () {
      const server = yield* MailServer
      const mailer = yield* Mailer
      yield* server.behave("slow")
      yield* mailer.send(mailTo(ada))
      assert.lengthOf(yield* server.arrived, 1)
    }).pipe(overSmtp())
  )

  const credentials = { user: "mailer", password: "correct horse" }

  it.effect("asks for a password gets it", () =>
    Effect.gen(function* () {
      const server = yield* MailServer
      const mailer = yield* Mailer
      yield* mailer.send(mailTo(ada))
      yield* server.next("ada@example.com")
    }).pipe(overSmtp({ credentials }, (url) => url.replace("//", "//mailer:correct%20horse@")))
  )

  it.effect("refuses the password shows nobody what it was (D4)", () =>
    Effect.gen(function* () {
      const error = yield* attempt(mailTo(ada))
      assert.strictEqual(error.reason, "535 EAUTH")
      assert.notMatch(JSON.stringify(error), /battery|staple|mailer/)
    }).pipe(overSmtp({ credentials }, (url) => url.replace("//", "//mailer:battery%20staple@")))
  )

  for (const tls of ["starttls", "implicit"] as const) {
    it.effect(`has a certificate that nobody vouches for gets no mail (${tls})`, () =>
      Effect.gen(function* () {
        const server = yield* MailServer
        assert.match((yield* attempt(mailTo(ada))).reason, /^(ETLS|ESOCKET)\b/)
        assert.isEmpty(yield* server.arrived)
      }).pipe(overSmtp({ tls }))
    )

    it.effect(`has a certificate that the operator accepts gets it encrypted (${tls})`, () =>
      Effect.gen(function* () {
        const server = yield* MailServer
        const mailer = yield* Mailer
        yield* mailer.send(mailTo(ada))
        assert.isTrue((yield* server.next("ada@example.com")).encrypted)
      }).pipe(overSmtp({ tls }, (url) => `${url}?tls.rejectUnauthorized=false`))
    )
  }
})

describe("the mail server's URL", () => {
  it.effect("that can't be read isn't shown (D4)", () =>
    Effect.gen(function* () {
      for (const url of [
        "smtp://mailer:s3cret@ho st",
        "s3cret",
        "smtp://mailer:s3cret@host:99999",
        "smtp://:s3cret@%00"
      ]) {
        const built = yield* Effect.exit(
          Effect.scoped(Layer.build(SmtpMailer.layer({ url: Redacted.make(url), from: "no-reply@rekey.example" })))
        )
        assert.isTrue(Exit.isFailure(built), url)
        if (Exit.isFailure(built)) assert.notInclude(Cause.pretty(built.cause), "s3cret")
      }
    })
  )

  it.effect("can't have mails logged, nor the time-outs lifted (D4)", () =>
    Effect.gen(function* () {
      const printed = vi.spyOn(console, "log").mockImplementation(() => {})
      yield* Effect.addFinalizer(() => Effect.sync(() => printed.mockRestore()))
      const server = yield* MailServer
      const mailer = yield* Mailer
      yield* mailer.send(mailTo(ada))
      yield* server.next("ada@example.com")
      assert.isEmpty(printed.mock.calls)
    }).pipe(overSmtp({}, (url) => `${url}?logger=true&debug=true&transactionLog=true&pool=true`))
  )
})

describe("the sender", () => {
  it.effect("that is no address stops the start", () =>
    Effect.gen(function* () {
      for (const from of ["", "Rekey", "Rekey <>"]) {
        const built = yield* Effect.exit(
          Effect.scoped(Layer.build(SmtpMailer.layer({ url: Redacted.make("smtp://127.0.0.1:1"), from })))
        )
        assert.isTrue(Exit.isFailure(built), from)
      }
    })
  )
})
