import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { type Mail, Mailer, MailNotSent } from "@rekey/server"
import { RekeyError } from "@rekey/server/client"
import { startTestRekey, type TestRekey } from "@rekey/server/testing"
import { Effect, Layer } from "effect"

const ada = { username: "ada", email: "ada@example.com", password: "a long old phrase" }
const newPassword = { password: "a long new phrase", passwordConfirmation: "a long new phrase" }
const refused = (reason: string) => (error: unknown) => error instanceof RekeyError && error.reason === reason

let rekey: TestRekey
before(async () => {
  rekey = await startTestRekey()
  await rekey.client().accounts.register(ada)
})
after(() => rekey.close())

test("who forgot a password gets back in", async () => {
  const { accounts, recovery } = rekey.client()
  await recovery.forgotPassword({ email: ada.email })
  await recovery.resetPassword({ code: await rekey.takeCode(ada.email), ...newPassword })
  const { user } = await accounts.signIn({ identifier: ada.email, password: newPassword.password })
  assert.equal(user.username, "ada")
})

test("a code is good for half an hour", async () => {
  const { recovery } = rekey.client()
  await recovery.forgotPassword({ email: ada.email })
  const code = await rekey.takeCode(ada.email)
  await rekey.timePasses("29 minutes")
  await recovery.checkResetCode({ code })
  await rekey.timePasses("2 minutes")
  await assert.rejects(recovery.resetPassword({ code, ...newPassword }), refused("ResetCodeExpired"))
})

test("a session ends after a month", async () => {
  const { jwt } = await rekey.client().accounts.signIn({ identifier: "ada", password: newPassword.password })
  const me = () => rekey.client({ token: () => jwt }).users.me()
  assert.equal((await me()).email, ada.email)
  await rekey.timePasses("31 days")
  await assert.rejects(me, refused("Unauthenticated"))
})

test("a mail that can't be sent at first comes later", async () => {
  let tries = 0
  const arrived = Promise.withResolvers<Mail>()
  const away = new MailNotSent({ reason: "the mail service is away" })
  const send = (mail: Mail) => (tries++ === 0 ? Effect.fail(away) : Effect.sync(() => arrived.resolve(mail)))
  const shop = await startTestRekey({ APP_NAME: "Shop" }, { mailer: Layer.succeed(Mailer, Mailer.of({ send })) })
  try {
    await shop.client().accounts.register(ada)
    await shop.client().recovery.forgotPassword({ email: ada.email })
    const mail = await arrived.promise
    assert.equal(mail.to, ada.email)
    assert.match(mail.subject, /Shop/)
    assert.equal(tries, 2)
  } finally {
    await shop.close()
  }
})
