import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Mailer } from "../src/mail/Mailer.ts"
import { startRekey } from "../src/startRekey.ts"
import { embeddedDatabase, fastHasher, startTestRekey, type TestRekey, testVariables } from "../src/testing/index.ts"

const json = { "content-type": "application/json" }
const ask = (path: string, init?: RequestInit) => new Request(`http://rekey.test${path}`, init)
const forgot = (path = "/auth/forgot-password") =>
  ask(path, { method: "POST", headers: json, body: '{"email":"nobody@example.com"}' })

const assertError = async (response: Response, status: number, reason: string) => {
  const body = await response.json()
  assert.deepInclude(body, { code: status, reason })
  assert.strictEqual(response.status, status)
  assert.strictEqual(response.headers.get("cache-control"), "no-store")
  assert.match(response.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/)
}

describe("Rekey as a function from Request to Response", () => {
  let rekey: TestRekey
  beforeAll(async () => {
    rekey = await startTestRekey({ RATE_LIMIT: "on", TRUSTED_PROXIES: "10.0.0.0/8" })
  })
  afterAll(() => rekey.close())

  it("answers each error in the one shape, whatever the request is", async () => {
    await assertError(await rekey.fetch(ask("/nowhere")), 404, "NotFound")
    await assertError(await rekey.fetch(ask("/auth/forgot-password")), 405, "MethodNotAllowed")
    await assertError(await rekey.fetch(ask("/auth/forgot-password", { method: "POST" })), 415, "UnsupportedMediaType")
    const broken = ask("/auth/forgot-password", { method: "POST", headers: json, body: "{" })
    await assertError(await rekey.fetch(broken), 400, "InvalidRequest")
  })

  it("reads 64 KiB of a body at most, whether its length is told or not (A7)", async () => {
    const large = JSON.stringify({ email: "x".repeat(70_000) })
    const told = ask("/auth/forgot-password", {
      method: "POST",
      headers: { ...json, "content-length": String(large.length) },
      body: large
    })
    await assertError(await rekey.fetch(told), 413, "PayloadTooLarge")
    const untold = ask("/auth/forgot-password", {
      method: "POST",
      headers: json,
      body: new Blob([large]).stream(),
      duplex: "half"
    })
    await assertError(await rekey.fetch(untold), 413, "PayloadTooLarge")
  })

  it("counts each client by the address that the host gives, or that a trusted proxy says (E1)", async () => {
    const from = (clientAddress?: string, headers?: Record<string, string>) => async () => {
      const request = forgot()
      for (const [name, value] of Object.entries(headers ?? {})) request.headers.set(name, value)
      return (await rekey.fetch(request, { clientAddress })).headers.get("ratelimit-remaining")
    }
    const [one, other] = [from("192.0.2.1"), from("192.0.2.2")]
    assert.deepStrictEqual([await one(), await one(), await other()], ["9", "8", "9"])
    const behind = from("10.1.1.1", { "x-forwarded-for": "192.0.2.3" })
    assert.deepStrictEqual([await behind(), await behind()], ["9", "8"])
    // Who is no proxy can't say that it is somebody else.
    assert.strictEqual(await from("192.0.2.1", { "x-forwarded-for": "192.0.2.4" })(), "7")
    // Without an address all are one.
    const [nobody, unreadable] = [from(), from("no address")]
    const left = Number(await nobody())
    assert.deepStrictEqual([await unreadable(), await nobody()], [`${left - 1}`, `${left - 2}`])
  })

  it("serves the pages", async () => {
    const page = await rekey.fetch(ask("/reset-password"))
    assert.match(await page.text(), /<form method="post"/)
  })

  it("answers HEAD without a body", async () => {
    const response = await rekey.fetch(ask("/health", { method: "HEAD" }))
    assert.deepStrictEqual([response.status, await response.text()], [200, ""])
  })
})

describe("Rekey below a path of the host", () => {
  it("answers what is below it, and nothing beside it", async () => {
    const rekey = await startTestRekey({}, { basePath: "/accounts" })
    try {
      assert.strictEqual((await rekey.fetch(ask("/accounts/health"))).status, 200)
      assert.strictEqual((await rekey.fetch(forgot("/accounts/auth/forgot-password"))).status, 200)
      for (const path of ["/health", "/accountshealth", "/accounts", "/accounts?x=/health", "/x/accounts/health"]) {
        await assertError(await rekey.fetch(ask(path)), 404, "NotFound")
      }
    } finally {
      await rekey.close()
    }
  })
})

describe("Rekey below a path that PUBLIC_URL ends with", () => {
  const publicUrl = "http://rekey.test/accounts"
  let rekey: TestRekey
  beforeAll(async () => {
    rekey = await startTestRekey({ PUBLIC_URL: publicUrl }, { basePath: "/accounts/" })
  })
  afterAll(() => rekey.close())

  it("leads by the link of a mail and its pages to a new password, and never beside its path", async () => {
    const ada = { username: "ada", email: "ada@example.com", password: "an old phrase" }
    const client = rekey.client()
    await client.accounts.register(ada)
    await client.recovery.forgotPassword({ email: ada.email })
    const [link = ""] = /http:\S+\?code=\S+/.exec((await rekey.takeMail(ada.email)).text) ?? []
    assert.isTrue(link.startsWith(`${publicUrl}/reset-password?code=`), link)

    const opened = await rekey.fetch(new Request(link))
    assert.strictEqual(opened.status, 303)
    const page = new URL(opened.headers.get("location") ?? "", link)
    assert.strictEqual(page.href, `${publicUrl}/reset-password`)
    const kept = opened.headers.get("set-cookie") ?? ""
    assert.match(kept, /;\s*path=\/accounts\/reset-password(;|$)/i)
    const cookie = kept.split(";")[0] ?? ""

    const form = await (await rekey.fetch(new Request(page, { headers: { cookie } }))).text()
    const linked = [...form.matchAll(/(?:href|src|action)="([^"#]+)"/g)].map(([, path = ""]) => new URL(path, page))
    const beside = linked.filter(({ href, protocol }) => protocol !== "data:" && !href.startsWith(`${publicUrl}/`))
    assert.deepStrictEqual(beside, [])
    const [, action = ""] = /<form method="post" action="([^"]+)"/.exec(form) ?? []
    const sent = await rekey.fetch(
      new Request(new URL(action, page), {
        method: "POST",
        headers: { cookie, "sec-fetch-site": "same-origin" },
        body: new URLSearchParams({ password: "a new phrase", passwordConfirmation: "a new phrase" })
      })
    )
    assert.strictEqual(sent.status, 303)
    const done = new URL(sent.headers.get("location") ?? "", page)
    assert.strictEqual(done.href, `${publicUrl}/reset-password/done`)
    assert.strictEqual((await rekey.fetch(new Request(done))).status, 200)
    const { user } = await client.accounts.signIn({ identifier: "ada", password: "a new phrase" })
    assert.strictEqual(user.email, ada.email)
  })
})

describe("starting Rekey inside an application", () => {
  const production = {
    ...testVariables,
    NODE_ENV: "production",
    PUBLIC_URL: "https://accounts.example.com",
    SMTP_URL: "smtp://127.0.0.1:1",
    MAIL_FROM: "rekey@example.com"
  }

  it("refuses settings that are wrong, all of them at once", async () => {
    const refused = startRekey({ PORT: "x", DATABASE_URL: "mysql://localhost" })
    const message = await refused.then(() => "", String)
    assert.match(message, /^SettingsInvalid: PORT is wrong.*\nDATABASE_URL is wrong/)
  })

  it("needs what sends mails, which its own mailer may be", async () => {
    const elsewhere = { ...testVariables, HOST: "192.0.2.1" }
    const message = await startRekey(elsewhere).then(() => "", String)
    assert.match(message, /^SettingsInvalid: SMTP_URL is missing/)
    const mailer = Layer.succeed(Mailer, Mailer.of({ send: () => Effect.void }))
    const { MAIL_FROM: _, SMTP_URL: __, ...withoutMail } = production
    await (await startRekey(withoutMail, { sql: embeddedDatabase, hasher: fastHasher, mailer })).close()
  })

  it("refuses a base path that isn't one", async () => {
    for (const basePath of ["accounts", "/accounts?x", "/a/../b", "//example.com"] as ReadonlyArray<`/${string}`>) {
      const message = await startRekey(production, { basePath }).then(() => "", String)
      assert.strictEqual(
        message,
        `SettingsInvalid: The base path is ${basePath}: it should be a path, such as /accounts`
      )
    }
  })

  it("says in the log where links in mails would lead beside it", async () => {
    const said = Promise.withResolvers<string>()
    const { write } = process.stderr
    process.stderr.write = (text) => {
      said.resolve(String(text))
      return true
    }
    try {
      const variables = { ...production, LOG_LEVEL: "Warn", LOG_FORMAT: "json" }
      const rekey = await startRekey(variables, { sql: embeddedDatabase, basePath: "/accounts" })
      assert.match(await said.promise, /"PUBLIC_URL doesn't end with the path.*"basePath":"\/accounts"/)
      await rekey.close()
    } finally {
      process.stderr.write = write
    }
  })

  it("answers while there is no database, and can be closed before there is one", async () => {
    const variables = { ...production, DATABASE_URL: "postgres://rekey@127.0.0.1:1/rekey" }
    const rekey = await startRekey(variables)
    const started = rekey.started().then(
      () => "started",
      () => "not started"
    )
    assert.strictEqual((await rekey.fetch(ask("/health"))).status, 200)
    await assertError(await rekey.fetch(forgot()), 503, "Unavailable")
    await rekey.close()
    assert.strictEqual(await started, "not started")
  })

  it("refuses requests once it is closed, and may be closed twice", async () => {
    const rekey = await startRekey(production, { sql: embeddedDatabase, hasher: fastHasher })
    await rekey.started()
    assert.strictEqual((await rekey.fetch(ask("/ready"))).status, 200)
    await Promise.all([rekey.close(), rekey.close()])
    await assertError(await rekey.fetch(ask("/ready")), 503, "Unavailable")
  })
})

describe("two Rekeys in one process", () => {
  it("know nothing of each other", async () => {
    const [one, other] = await Promise.all([
      startTestRekey(),
      startTestRekey({ APP_SECRET: "another secret that is long enough to be one" })
    ])
    try {
      const ada = { username: "ada", email: "ada@example.com", password: "an old phrase" }
      const { jwt } = (await one.client().accounts.register(ada)) as { readonly jwt: string }
      const me = (rekey: TestRekey) =>
        rekey
          .client({ token: () => jwt })
          .users.me()
          .then(
            ({ email }) => email,
            ({ reason }) => reason
          )
      assert.deepStrictEqual([await me(one), await me(other)], [ada.email, "Unauthenticated"])
      await one.close()
      assert.strictEqual((await other.fetch(ask("/ready"))).status, 200)
    } finally {
      await Promise.all([one.close(), other.close()])
    }
  })

  it("can't have one folder: the second is refused, and may have it once the first is closed, however often that was asked for", async () => {
    const folder = await mkdtemp(join(tmpdir(), "rekey-two-"))
    try {
      const variables = { ...testVariables, DATA_DIR: join(folder, "data") }
      const first = await startRekey(variables)
      await first.started()
      const listeners = process.listenerCount("exit")
      const message = await startRekey(variables).then(() => "", String)
      assert.match(message, /DATA_DIR .*data.* in use/i)
      assert.strictEqual((await first.fetch(ask("/ready"))).status, 200)
      void first.close()
      await first.close()
      const second = await startRekey(variables)
      await second.started()
      assert.strictEqual((await second.fetch(ask("/ready"))).status, 200)
      await second.close()
      await second.close()
      assert.strictEqual(process.listenerCount("exit"), listeners)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
