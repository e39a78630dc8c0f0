import { chmod, mkdir, symlink, writeFile } from "node:fs/promises"
import { delimiter, join } from "node:path"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it, layer } from "@effect/vitest"
import { ConfigProvider, Context, Effect, Layer, Redacted, Result } from "effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import { ours, templateIn } from "../../src/http/pages/Template.ts"
import { readSettings } from "../../src/settings.ts"
import { assertError, clientOf } from "../support/client.ts"
import { changeEmail, undoEmail } from "../support/emailChange.ts"
import { Packed } from "../support/packed.ts"
import { Receiver, webhookSecret } from "../support/receiver.ts"
import { startServer } from "../support/server.ts"
import { codeIn } from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"
import { withTwoRoles } from "./deployed.ts"
import {
  assertShown,
  docs,
  inBash,
  place,
  project,
  read,
  runIn,
  runOf,
  type Sample,
  samplesOf,
  shownAfter,
  temporaryFolder,
  under
} from "./samples.ts"

const token = "the-token-of-alice-who-is-an-administrator"

/** A deployment as an operator has it before them: the package, `rekey` on the path, a PostgreSQL with two roles, a mail server, a receiver of webhooks. */
const deployment = Effect.gen(function* () {
  const { folder: packed } = yield* Packed
  const { url: mailUrl } = yield* MailServer
  const { url: receiverUrl } = yield* Receiver
  const { asSuperuser, owner, service } = yield* withTwoRoles
  const folder = yield* temporaryFolder
  const bin = join(folder, "node_modules", ".bin")
  yield* Effect.promise(async () => {
    await mkdir(bin, { recursive: true })
    await chmod(join(packed, "dist", "bin", "rekey.js"), 0o755)
    await symlink(join(packed, "dist", "bin", "rekey.js"), join(bin, "rekey"))
    for (const name of ["dist", "src"]) await symlink(join(packed, name), join(folder, name))
    await writeFile(join(folder, "package.json"), "{}")
  })
  const settings = {
    DATABASE_URL: service,
    APP_SECRET: "a-secret-of-the-tests-long-enough-to-be-one",
    SMTP_URL: mailUrl,
    MAIL_FROM: "Example <accounts@example.com>",
    ADMIN_TOKENS: `alice:${token}`,
    METRICS_TOKEN: token,
    WEBHOOK_URL: receiverUrl,
    WEBHOOK_SECRET: webhookSecret
  }
  yield* (yield* startServer({ env: { DATABASE_URL: owner } })).stop()
  return {
    folder,
    asSuperuser,
    service,
    settings,
    env: {
      ...settings,
      DATA_DIR: join(folder, "data"),
      HOME: folder,
      PATH: [bin, join(project, "node_modules", ".bin"), process.env.PATH].join(delimiter)
    }
  }
})

/** What differs from run to run and from place to place. */
const evened = (role: string) => (text: string) =>
  text
    .replaceAll(role, "rekey")
    .replaceAll(/PostgreSQL [\d.]+/g, "PostgreSQL 18.4")
    .replaceAll(/in \d+ seconds?/g, "in 0 seconds")

const assertAnswered = (
  samples: ReadonlyArray<Sample>,
  said: ReadonlyArray<string>,
  even: (text: string) => string
) => {
  const run = samples.filter(({ language }) => language === "sh")
  assert.lengthOf(said, run.length)
  for (const [index, sample] of run.entries()) {
    const shown = shownAfter(samples, sample)
    if (shown !== undefined) assertShown(sample, even(said[index] ?? ""), { ...shown, text: even(shown.text) })
  }
}

const assertKnown = (samples: ReadonlyArray<Sample>, ...languages: ReadonlyArray<string>) =>
  assert.deepStrictEqual(samples.filter(({ language }) => !languages.includes(language)).map(place), [])

class Deployment extends Context.Service<Deployment, Effect.Success<typeof deployment>>()("rekey/test/Deployment") {
  static readonly layer = Layer.effect(Deployment, deployment).pipe(
    Layer.provideMerge(MailServer.layer),
    Layer.provide(Layer.merge(Packed.layer, Receiver.layer))
  )
}

/** In milliseconds, on a busy machine: each command is a process. */
const patience = 180_000

layer(Deployment.layer, { excludeTestServices: true, timeout: 300_000 })("what an operator does", (it) => {
  it.effect(
    "docs/cli.md, from its top to its end, is answered as it says",
    () =>
      Effect.gen(function* () {
        const { asSuperuser, env, folder, service } = yield* Deployment
        const role = new URL(service).username
        // What the doctor finds in the page's example.
        yield* asSuperuser(`revoke delete, update on rate_limits from ${role}`)
        const samples = runOf("docs/cli.md")
        assertKnown(samples, "sh", "text")
        const said = yield* inBash(
          samples.filter(({ language }) => language === "sh"),
          folder,
          env
        )
        assertAnswered(samples, said, evened(role))
        yield* asSuperuser(`grant delete, update on rate_limits to ${role}`)
      }),
    patience
  )

  it.effect(
    "docs/operations.md, from its top to its end, is answered as it says",
    () =>
      Effect.gen(function* () {
        const { env, folder, service, settings } = yield* Deployment
        const server = yield* startServer({ env: settings })
        const byHand = under("docs/operations.md", "Giving an account back by hand")
        const samples = runOf("docs/operations.md")
          .filter((sample) => !byHand(sample))
          .map((sample) => ({
            ...sample,
            text: sample.text
              .replaceAll("https://accounts.example.com", server.url)
              .replaceAll("http://127.0.0.1:1337", server.url)
          }))
        assertKnown(samples, "sh", "sql", "ini", "json", "text")
        yield* inBash(
          [{ ...(samples[0] as Sample), text: "rekey user show ada || rekey user create ada ada@example.com" }],
          folder,
          env
        )
        const said = yield* inBash(
          samples.filter(({ language }) => language === "sh"),
          folder,
          env
        )
        assertAnswered(samples, said, evened(new URL(service).username))
        const rows = yield* PgClient.makeClient({ url: Redacted.make(service) }).pipe(
          Effect.flatMap((sql) =>
            Effect.forEach(
              samples.filter(({ language }) => language === "sql"),
              ({ text }) => sql.unsafe(text)
            )
          ),
          Effect.scoped,
          Effect.provide(Reactivity.layer)
        )
        assert.isNotEmpty(rows)
        for (const found of rows) assert.isNotEmpty(found)
      }),
    patience
  )

  it.effect(
    "docs/operations.md gives an account back by hand, and whoever took it over gets it by no former address",
    () =>
      Effect.gen(function* () {
        const { env, folder, settings } = yield* Deployment
        const mails = yield* MailServer
        const server = yield* startServer({ env: settings })
        const client = yield* clientOf(server.url)
        const mary = yield* client.register({ username: "mary", email: "mary@example.com" })
        const wayBack = yield* changeEmail(client, mary, "eve@example.com")
        assert.strictEqual((yield* client.changePassword(mary.jwt, mary.password, "eve's own phrase")).status, 200)

        const samples = runOf("docs/operations.md").filter(
          under("docs/operations.md", "Giving an account back by hand")
        )
        assertKnown(samples, "sh", "sql")
        yield* inBash(
          // psql isn't on every machine.
          samples.map((sample) =>
            sample.language === "sql"
              ? { ...sample, text: `node ${join(project, "test/docs/sql.ts")} <<'END'\n${sample.text}END\n` }
              : sample
          ),
          folder,
          env
        )

        assertError(yield* undoEmail(client, wayBack), 403, "EmailChangeCodeSuperseded")
        assertError(yield* client.me(mary.jwt), 401, "Unauthenticated")
        for (const name of ["mary", "mary@example.com", "eve@example.com", "mary@new.example"]) {
          assertError(yield* client.signIn(name, "eve's own phrase"), 400, "InvalidCredentials")
        }
        const { envelope, parsed } = yield* mails.next("Mary@new.example")
        assert.deepStrictEqual(envelope.to, ["Mary@new.example"])
        assert.strictEqual((yield* client.reset(codeIn(parsed.text ?? ""), "a new long phrase")).status, 200)
        assert.strictEqual((yield* client.signIn("mary@new.example", "a new long phrase")).status, 200)
      }),
    patience
  )
})

it.live("docs/deploy.md makes a secret that is long enough", () =>
  Effect.gen(function* () {
    const samples = runOf("docs/deploy.md")
    assertKnown(samples, "sh")
    const [secret = ""] = yield* inBash(samples, yield* temporaryFolder, { PATH: process.env.PATH ?? "" })
    assert.isAtLeast(secret.trim().length, 32)
  })
)

describe("settings that a page shows", () => {
  const shown = docs.flatMap(runOf).filter(({ language }) => language === "ini")

  it.effect.each(shown.map((sample) => [place(sample), sample.text] as const))("are taken: %s", ([, text]) =>
    readSettings.pipe(
      Effect.provide(
        ConfigProvider.layer(
          ConfigProvider.fromDotEnvContents(`DATABASE_URL=postgres://rekey:password@localhost:5432/rekey\n${text}`)
        )
      )
    )
  )
})

/** SQL without what only its reader is told. */
const withoutComments = (sql: string): string => sql.replace(/^-- (?!name:).*\n/gm, "").trim()

describe("a file that a page shows", () => {
  const shownIn = (page: string, language: string) =>
    runOf(page)
      .filter((sample) => sample.language === language)
      .map(({ text }) => text)

  it("is the template that the pages have: docs/pages.md", () => {
    assert.deepStrictEqual(shownIn("docs/pages.md", "html").map(templateIn), [Result.succeed(ours)])
  })

  it("is the one that the tests of the preset custom run: docs/presets.md", () => {
    const [first = "", ...run] = read("test/presets/hosts/custom.users.sql").split("\n")
    assert.match(first, /docs\/presets\.md/)
    assert.deepStrictEqual(shownIn("docs/presets.md", "sql").map(withoutComments), [withoutComments(run.join("\n"))])
  })
})

describe("a sample", () => {
  it("is run by a test, or says why not", () => {
    const run = docs.flatMap(samplesOf).filter(({ notRun }) => notRun === undefined)
    assert.isAbove(run.length, 100)
    assert.deepStrictEqual(run.filter(({ page }) => runIn[page] === undefined).map(place), [])
  })
})
