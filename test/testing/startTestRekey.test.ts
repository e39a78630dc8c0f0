import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { RekeyError } from "../../src/client/index.ts"
import { Mailer, MailNotSent } from "../../src/mail/Mailer.ts"
import { startTestRekey, type TestRekey } from "../../src/testing/index.ts"

const newPassword = "a new long phrase"

const refusal = (call: Promise<unknown>): Promise<RekeyError> =>
  call.then(
    (answer) => assert.fail(`${JSON.stringify(answer)} where a refusal was expected`),
    (error) => {
      assert.instanceOf(error, RekeyError)
      return error
    }
  )

describe("Rekey in a test of the application that embeds it", () => {
  let rekey: TestRekey
  beforeAll(async () => {
    rekey = await startTestRekey()
  })
  afterAll(() => rekey.close())

  let people = 0
  const register = async () => {
    const somebody = { username: `person${people++}`, email: `person${people}@example.com`, password: "an old phrase" }
    await rekey.client().accounts.register(somebody)
    return somebody
  }

  it("goes from forgotten to signed in without a socket, a mail server or a wait", async () => {
    const client = rekey.client()
    const { email } = await register()
    await client.recovery.forgotPassword({ email })
    const code = await rekey.takeCode(email.toUpperCase())
    await client.recovery.resetPassword({ code, password: newPassword, passwordConfirmation: newPassword })
    const { jwt } = await client.accounts.signIn({ identifier: email, password: newPassword })
    assert.strictEqual((await rekey.client({ token: () => jwt }).users.me()).email, email)
    const notice = await rekey.takeMail(email)
    assert.notInclude(notice.text, code)
    assert.deepStrictEqual(rekey.mails.filter(({ to }) => to === email).length, 2)
  })

  it("lets half an hour pass at once", async () => {
    const client = rekey.client()
    const { email } = await register()
    await client.recovery.forgotPassword({ email })
    const code = await rekey.takeCode(email)
    await rekey.timePasses("31 minutes")
    assert.strictEqual((await refusal(client.recovery.checkResetCode({ code }))).reason, "ResetCodeExpired")
  })

  it("takes the mails of one person in their order, and leaves the others'", async () => {
    const client = rekey.client()
    const [ada, eve] = [await register(), await register()]
    await client.recovery.forgotPassword({ email: ada.email })
    const first = await rekey.takeCode(ada.email)
    await client.recovery.forgotPassword({ email: eve.email })
    await client.recovery.forgotPassword({ email: ada.email })
    const second = await rekey.takeCode(ada.email)
    assert.notStrictEqual(first, second)
    assert.strictEqual((await refusal(client.recovery.checkResetCode({ code: first }))).reason, "ResetCodeSuperseded")
    await client.recovery.checkResetCode({ code: await rekey.takeCode(eve.email) })
  })
})

describe("a test", () => {
  it("sets what it wants to see, and replaces what it wants to break", async () => {
    let tries = 0
    const mailer = Layer.succeed(
      Mailer,
      Mailer.of({
        send: () =>
          Effect.suspend(() => {
            tries++
            return Effect.fail(new MailNotSent({ reason: "the test says so" }))
          })
      })
    )
    const rekey = await startTestRekey({ REGISTRATION: "off", PASSWORD_MIN_LENGTH: "15" }, { mailer })
    try {
      const client = rekey.client()
      const ada = { username: "ada", email: "ada@example.com", password: "a phrase that is long enough" }
      assert.strictEqual((await refusal(client.accounts.register(ada))).reason, "RegistrationClosed")
      assert.strictEqual(tries, 0)
      assert.isEmpty(rekey.mails)
    } finally {
      await rekey.close()
    }
  })

  it("is told of every setting that is wrong", async () => {
    const error = await startTestRekey({ PORT: "none", RATE_LIMIT: "perhaps" }).then(() => undefined, String)
    assert.match(String(error), /PORT is wrong.*\n.*RATE_LIMIT is wrong/)
  })
})
