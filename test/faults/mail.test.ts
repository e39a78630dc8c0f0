import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import type { Answer } from "../support/client.ts"
import { migratedPostgres } from "../support/databases.ts"
import { startServer } from "../support/server.ts"
import { codeIn } from "../support/service.ts"
import { type Behaviour, MailServer } from "../support/smtp.ts"
import { assertWholeOrNotThere, freshClientOf, settingsFor, type Trial, tryReset } from "./invariants.ts"

/** What whoever asks can tell an answer from another by. */
const seen = ({ headers: { date: _, "x-request-id": __, ...headers }, status, text }: Answer) => ({
  status,
  text,
  headers
})

describe("a mail server that", { concurrent: true }, () => {
  for (const [fault, behaviour] of [
    ["refuses connections", "refuse"],
    ["says nothing from the start", "hang"],
    ["says nothing once it has the mail", "stall"],
    ["answers 4xx", "defer"],
    ["answers 5xx", "reject"],
    ["hangs up after DATA", "drop"],
    ["takes 500 ms", "slow"]
  ] as const satisfies ReadonlyArray<readonly [string, Behaviour]>) {
    it.live(`${fault}: forgot is answered as always, and the mail arrives once it is whole (C4)`, () =>
      Effect.gen(function* () {
        const mails = yield* MailServer
        const url = yield* migratedPostgres
        const sql = Context.get(
          yield* Layer.build(PgClient.layer({ url, maxConnections: 1, applicationName: "faults" })),
          SqlClient.SqlClient
        )
        const server = yield* startServer({ env: { ...(yield* settingsFor), DATABASE_URL: Redacted.value(url) } })
        const client = yield* freshClientOf(server.url)
        const [ada, grace] = [yield* client.register(), yield* client.register()]
        const asAlways = seen(yield* client.forgot(grace.email))
        assert.deepStrictEqual([asAlways.status, asAlways.text], [200, '{"ok":true}'])
        const before: Trial = { person: grace, code: codeOf(yield* mails.next(grace.email)), tries: [] }
        yield* mails.connected

        yield* mails.behave(behaviour)
        assert.deepStrictEqual(seen(yield* client.forgot(ada.email)), asAlways)
        assert.deepStrictEqual(seen(yield* client.forgot("nobody@example.com")), asAlways)
        // A reset needs no mail server, and its notice has time.
        assert.strictEqual((yield* tryReset(client, before)).answer?.status, 200)
        if (behaviour === "slow") yield* mails.connected
        else yield* server.waitFor("stderr", /A mail was not sent, and will be tried again/)
        // Within the cooldown, while the mail waits.
        assert.deepStrictEqual(seen(yield* client.forgot(ada.email)), asAlways)
        if (behaviour !== "slow") assert.lengthOf(yield* mails.arrived, 1)

        yield* mails.behave("take")
        const after: Trial = { person: ada, code: codeOf(yield* mails.next(ada.email)), tries: [] }
        yield* tryReset(client, after)
        yield* mails.next(grace.email)
        yield* mails.next(ada.email)
        for (const trial of [before, after]) {
          assert.isTrue(yield* assertWholeOrNotThere(client, sql, trial))
        }
        assert.lengthOf(yield* mails.arrived, 4) // a code and a notice for each of them
      }).pipe(Effect.provide(MailServer.layer, { local: true }))
    )
  }
})

const codeOf = ({ parsed }: { readonly parsed: { readonly text?: string | undefined } }) => codeIn(parsed.text ?? "")
