import { assert } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { type Client, clientOf } from "../support/client.ts"
import { startServer } from "../support/server.ts"
import { codeIn, holdsCode } from "../support/service.ts"
import { MailServer } from "../support/smtp.ts"

/** Somebody with a confirmed account. */
export interface Person {
  readonly email: string
  readonly username: string
  readonly password: string
}

let people = 0

/** A server whose pages a browser walks through, where addresses are confirmed. */
export class Stage extends Context.Service<
  Stage,
  Client & {
    /** Somebody new, who isn't signed in anywhere, and the code that confirmed their address. */
    readonly person: (named?: Partial<Person>) => Effect.Effect<Person & { readonly confirmationCode: string }>
    /** The code in the next mail to an address that has one: notices have none. */
    readonly mailedCode: (email: string) => Effect.Effect<string>
  }
>()("rekey/test/Stage") {
  static readonly layer = (env: Readonly<Record<string, string>> = {}) =>
    Layer.effect(
      Stage,
      Effect.gen(function* () {
        const mails = yield* MailServer
        const settings = { EMAIL_CONFIRMATION: "on", RATE_LIMIT: "off", RESET_COOLDOWN: "1 millis" }
        const mail = { SMTP_URL: mails.url, MAIL_FROM: "rekey@example.com" }
        // From its sources, since `npm run pictures` comes without what a run of tests has built.
        const server = yield* startServer({ runtime: "node", env: { ...settings, ...mail, ...env } })
        const client = yield* clientOf(server.url)

        const mailedCode = (email: string) => {
          const text = Effect.map(mails.next(email), ({ parsed }) => parsed.text ?? "")
          return Effect.map(Effect.repeat(text, { until: holdsCode }), codeIn)
        }

        const person = Effect.fnUntraced(function* (named: Partial<Person> = {}) {
          const name = `reader${people++}`
          const somebody = { username: name, email: `${name}@example.com`, password: "an old long phrase", ...named }
          assert.strictEqual((yield* client.post("/auth/local/register", somebody)).status, 200)
          const code = yield* mailedCode(somebody.email)
          assert.strictEqual((yield* client.post("/auth/email-confirmation", { code })).status, 200)
          return { ...somebody, confirmationCode: code }
        })

        return { ...client, person, mailedCode }
      })
    ).pipe(Layer.provide(MailServer.layer))
}
