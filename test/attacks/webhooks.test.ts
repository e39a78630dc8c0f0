import { assert } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { bearer } from "../support/client.ts"
import { Receiver, verified, webhookSecret } from "../support/receiver.ts"
import { onPostgres, Service } from "../support/service.ts"
import { pausesEnd, telling, untilKept } from "../support/webhooks.ts"
import { dump, found, processes, spellingsOf } from "./common.ts"

const formerSecret = `whsec_${"former".repeat(6)}`
/** Waits until no event is on its way. */
const noneInHand = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const inHand = Effect.delay(sql`select from webhook_outbox where leased_until > now()`, "10 millis")
  yield* Effect.repeat(inHand, { until: (rows) => rows.length === 0 })
})

const isSent = ({ outcome }: { readonly outcome: string | null }) => outcome === "sent"

onPostgres("webhooks", telling({ secrets: [webhookSecret, formerSecret] }), (it) => {
  it.effect(
    "G11: a webhook that somebody else signed, or changed, is nobody's: each secret signs id, time and body",
    () =>
      Effect.gen(function* () {
        const receiver = yield* Receiver
        const { register } = yield* Service
        const ada = yield* register()
        const webhook = yield* receiver.next.pipe(Effect.repeat({ until: ({ userId }) => userId === ada.id }))
        const type = { type: "account.registered" }
        assert.deepInclude(verified(webhook), type)
        assert.deepInclude(verified(webhook, formerSecret), type)
        const changed = (headers: Record<string, string>, body = webhook.body) => ({
          body,
          headers: { ...webhook.headers, ...headers }
        })
        for (const forged of [
          changed({}, webhook.body.replace("registered", "deleted")),
          changed({ "webhook-id": "evt_1_a" }),
          changed({ "webhook-timestamp": `${Number(webhook.headers["webhook-timestamp"]) + 1}` }),
          changed({ "webhook-signature": "" }),
          changed({ "webhook-signature": "v1," })
        ]) {
          assert.throws(() => verified(forged))
        }
        assert.throws(() => verified(webhook, `whsec_${"nobody".repeat(6)}`), /signature/)
      })
  )

  it.effect(
    "G12: a webhook that is sent once more by whoever saw it is too old soon, and has an id that was seen",
    () =>
      Effect.gen(function* () {
        const receiver = yield* Receiver
        const { register, signIn } = yield* Service
        yield* receiver.behave(500)
        const ada = yield* register()
        yield* signIn(ada.email, ada.password)
        yield* untilKept(ada.id, ([first]) => first?.failure === "status 500")
        yield* receiver.behave("take")
        yield* pausesEnd
        yield* register()
        yield* untilKept(ada.id, (kept) => kept.length === 3 && kept.every(isSent))
        const [first, ...repeats] = receiver.arrived.filter((webhook) => webhook.userId === ada.id)
        assert(first !== undefined)
        assert.isNotEmpty(repeats.filter(({ id }) => id === first.id))
        const earlier = Number(first.headers["webhook-timestamp"]) - 301
        assert.throws(
          () => verified({ ...first, headers: { ...first.headers, "webhook-timestamp": `${earlier}` } }),
          /too old/
        )
      })
  )

  for (const reception of ["hang", "drip", 500] as const) {
    it.effect(
      `G13: a receiver that ${reception}s at the events of some accounts holds up neither others nor a request`,
      () =>
        Effect.gen(function* () {
          const receiver = yield* Receiver
          const { register, send } = yield* Service
          yield* receiver.behave("take")
          yield* receiver.behaveFor("language.changed", reception)
          const slow = yield* Effect.forEach([1, 2, 3], () => register())
          for (const { jwt } of slow) {
            const headers = { ...bearer(jwt), "content-type": "application/json" }
            const answer = yield* send("PUT", "/users/me/language", { body: { language: "de" }, headers })
            assert.strictEqual(answer.status, 200)
          }
          for (const { id } of slow) {
            yield* found(receiverHas(receiver, id, "language.changed"))
          }
          const others = yield* Effect.forEach([1, 2, 3, 4], () => register())
          for (const { id } of others) yield* untilKept(id, (kept) => kept.length === 2 && kept.every(isSent))
          // What hangs is left behind, so that the test needs no patience.
          const sql = yield* SqlClient.SqlClient
          yield* sql`delete from webhook_outbox where type = 'language.changed'`
        })
    )
  }

  it.effect("G14: a receiver that leads elsewhere, into the network of the server, is not followed", () =>
    Effect.gen(function* () {
      const receiver = yield* Receiver
      const { register } = yield* Service
      const inside = Context.get(yield* Layer.build(Layer.fresh(Receiver.layer)), Receiver)
      yield* receiver.behave({ redirect: inside.url })
      const ada = yield* register()
      yield* untilKept(ada.id, ([first]) => first?.failure === "status 302")
      assert.lengthOf(inside.arrived, 0)
    })
  )
})

// A receiver that failed often is left in peace for a while: of those that fail each has a service of its own.
onPostgres("webhooks that fail", telling({ secrets: [webhookSecret, formerSecret] }), (it) => {
  it.effect("G15: the secret, and where webhooks go, are in no log, no span and no dump", () =>
    Effect.gen(function* () {
      const receiver = yield* Receiver
      const { logs, register, spans } = yield* Service
      for (const reception of [500, "drop", 410] as const) {
        yield* receiver.behave(reception)
        const { id } = yield* register()
        yield* pausesEnd
        yield* untilKept(id, (kept) => kept.length === 2)
      }
      yield* found(Effect.sync(() => logs.filter((line) => line.includes("wants no more"))))
      yield* noneInHand // who was answered with 410 has written that down
      const seen = [
        ...logs,
        ...spans.flatMap(({ attributes, name }) => [name, ...[...attributes.values()].map(String)]),
        ...(yield* dump).flatMap(spellingsOf)
      ].join("\n")
      assert.include(seen, "WebhookWorker.deliver")
      for (const secret of [webhookSecret, formerSecret, webhookSecret.slice(6), receiver.url]) {
        assert.notInclude(seen, secret)
      }
    })
  )
})

onPostgres("webhooks that nobody wants any more", telling(), (it) => {
  it.effect("G16: a receiver that says 410 is left alone, and what happened waits for it", () =>
    Effect.gen(function* () {
      const receiver = yield* Receiver
      const sql = yield* SqlClient.SqlClient
      const { register } = yield* Service
      yield* receiver.behave(410)
      const ada = yield* register()
      yield* found(sql`select true from webhook_progress where stopped_receiver is not null`)
      yield* untilKept(ada.id, ([first]) => first?.failure === "status 410")
      yield* receiver.behave("take")
      const bob = yield* register()
      yield* untilKept(bob.id, (kept) => kept.length === 2)
      yield* pausesEnd
      const asked = receiver.arrived.length
      const carol = yield* register()
      yield* untilKept(carol.id, (kept) => kept.length === 2)
      assert.strictEqual(receiver.arrived.length, asked)
      // As `rekey events replay` does.
      yield* sql`update webhook_progress set stopped_receiver = null, stopped_at = null`
      for (const { id } of [ada, bob, carol]) yield* untilKept(id, (kept) => kept.every(isSent))
    })
  )
})

onPostgres("webhooks of processes that die", Receiver.layer, (it) => {
  it.effect(
    "G17: a process that is killed while it tells an event leaves it to another, by the same id",
    () =>
      Effect.gen(function* () {
        const receiver = yield* Receiver
        yield* receiver.behave("hang")
        const { sql, start, started } = yield* processes(1, {
          WEBHOOK_URL: receiver.url,
          WEBHOOK_SECRET: webhookSecret
        })
        const [{ client, server } = assert.fail()] = started
        const ada = yield* client.register()
        const first = yield* receiver.next
        // Signed in, and killed before anybody read that from the trail, or while it was read.
        yield* client.signIn(ada.email, ada.password)
        yield* server.stop("SIGKILL")
        yield* receiver.behave("take")
        // The lease of what the dead one had in hand ends.
        yield* sql`update webhook_outbox set due_at = now(), leased_until = null where outcome is null`
        yield* start
        yield* found(sql`
          select true where 3 = (select count(*) from webhook_outbox where outcome = 'sent' and user_id = ${ada.id}::uuid)`)
        const told = receiver.takenFor(ada.id)
        assert.deepStrictEqual(
          told.map(({ type }) => type),
          ["account.registered", "session.opened", "session.opened"]
        )
        assert.strictEqual(told[0]?.id, first.id)
      }),
    120_000
  )
})

const receiverHas = (receiver: Receiver["Service"], userId: string, type: string) =>
  Effect.sync(() => receiver.arrived.filter((webhook) => webhook.userId === userId && webhook.type === type))
