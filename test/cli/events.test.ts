import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Logger } from "effect"
import { clientOf } from "../support/client.ts"
import { placeWith, postgresPlace } from "../support/commandLine.ts"
import { Receiver, webhookSecret } from "../support/receiver.ts"
import { startServer } from "../support/server.ts"

layer(Layer.merge(Logger.layer([]), Receiver.layer), { excludeTestServices: true })("rekey events", (it) => {
  it.effect(
    "lists what wasn't told, drops it, and has the trail told again: by id, of an account, since a time",
    () =>
      Effect.gen(function* () {
        const receiver = yield* Receiver
        const place = yield* postgresPlace
        yield* receiver.behave(500)
        const { sql } = place
        const server = yield* startServer({
          env: { ...place.env, WEBHOOK_URL: receiver.url, WEBHOOK_SECRET: webhookSecret }
        })
        const client = yield* clientOf(server.url)
        const ada = yield* client.register()
        const failed = sql`select from webhook_outbox where failure is not null`
        yield* failed.pipe(Effect.delay("20 millis"), Effect.repeat({ until: (rows) => rows.length === 1 }))

        const [registered, opened] = yield* place.told("events", "list", "--user", ada.email)
        assert.deepStrictEqual(
          [registered, opened].map((event) => [event?.type, event?.state, event?.failure, event?.userId]),
          [
            ["account.registered", "waiting", "status 500", ada.id],
            ["session.opened", "waiting", null, ada.id]
          ]
        )
        assert.match(
          yield* place.done("events", "list"),
          /^ID +STATE +EVENT +USER .*\nevt_1_\w+ +waiting +account\.registered /
        )

        // What is dropped makes room for the next of its account.
        const drop = place.rekey("events", "drop", String(registered?.id), "--yes", "--json")
        // One that is in hand, since the receiver is tried again at this moment, can't be dropped.
        const { stdout } = yield* Effect.repeat(drop, { until: ({ code }) => code === 0 })
        assert.deepStrictEqual(JSON.parse(stdout), { dropped: [registered?.id] })
        yield* receiver.next.pipe(Effect.repeat({ until: ({ id }) => id === opened?.id }))
        yield* receiver.behave("take")
        yield* sql`update webhook_outbox set due_at = now() where outcome is null and leased_until is null`
        yield* receiver.next.pipe(Effect.repeat({ until: ({ id }) => receiver.takenFor(ada.id)[0]?.id === id }))

        const replayed = yield* place.told("events", "replay", String(registered?.id))
        assert.deepStrictEqual(replayed, [{ replayed: 1 }])
        const told = yield* receiver.next
        assert.deepStrictEqual([told.id, told.type], [registered?.id, "account.registered"])

        // What the command line does is told too, and outlives the account.
        yield* place.done("user", "delete", ada.email, "--yes")
        const deleted = yield* receiver.next
        assert.deepStrictEqual([deleted.type, deleted.userId], ["account.deleted", ada.id])

        assert.deepStrictEqual(yield* place.told("events", "replay", "--user", ada.id), [{ replayed: 3 }])
        const again = [yield* receiver.next, yield* receiver.next, yield* receiver.next]
        assert.deepStrictEqual(
          again.map(({ id }) => id),
          [registered?.id, opened?.id, deleted.id]
        )
        yield* client.register()
        const bobs = [yield* receiver.next, yield* receiver.next]
        const since = ["--since", JSON.parse(bobs[0]?.body ?? "").timestamp, "--event", "session.opened"]
        assert.deepStrictEqual(yield* place.told("events", "replay", ...since), [{ replayed: 1 }])
        assert.strictEqual((yield* receiver.next).id, bobs[1]?.id)
        const trail = yield* place.told("audit", "tail", "--event", "webhook")
        assert.deepStrictEqual(
          trail.map(({ actor, outcome, userId }) => [actor, outcome, userId]),
          [["cli", "dropped", ada.id]]
        )
      }),
    240_000
  )

  it.effect(
    "says what is wrong with what was typed, and of what there isn't anything to tell",
    () =>
      Effect.gen(function* () {
        const place = yield* postgresPlace
        for (const [args, code] of [
          [["replay"], 2],
          [["replay", "evt_1_a", "--user", "ada@example.com"], 2],
          [["replay", "1"], 2],
          [["replay", "evt_1_a"], 1],
          [["replay", "--since", "2020-01-01"], 1],
          [["drop", "evt_1_a"], 2],
          [["drop", "evt_1_a", "--yes"], 1]
        ] as const) {
          const ended = yield* place.rekey("events", ...args)
          assert.strictEqual(ended.code, code, `${args.join(" ")}\n${ended.stdout}${ended.stderr}`)
          assert.notStrictEqual(ended.stderr, "")
        }
        assert.strictEqual(yield* place.done("events", "list"), "")
      }),
    240_000
  )

  it.effect(
    "is what rekey doctor says of the receiver: that it is there, wants no more, and what it wasn't told",
    () =>
      Effect.gen(function* () {
        const receiver = yield* Receiver
        const { env, sql } = yield* postgresPlace
        const { done, rekey } = yield* placeWith({ ...env, WEBHOOK_URL: receiver.url, WEBHOOK_SECRET: webhookSecret })
        const before = receiver.arrived.length
        const well = yield* done("doctor")
        assert.match(well, /^ok +webhooks +Somebody listens at WEBHOOK_URL\.$/m)
        assert.notMatch(well, /^(note|wrong) +webhooks/m)
        assert.lengthOf(receiver.arrived, before) // nothing is sent to find that out

        // As a worker leaves it that was answered with 410, and that gave up.
        yield* sql`update webhook_progress set stopped_receiver = sha256(${receiver.url}::bytea), stopped_at = now()`
        yield* sql`
          insert into webhook_outbox (id, type, at, user_id, actor, outcome, settled_at, failure)
          values (1, 'password.reset', now(), gen_random_uuid(), 'owner', 'dead', now(), 'status 500')`
        yield* receiver.behave("refuse")
        const { code, stdout } = yield* rekey("doctor")
        assert.strictEqual(code, 1)
        assert.match(stdout, /^wrong +webhooks +Nobody can be reached at WEBHOOK_URL\.$/m)
        assert.match(stdout, /^wrong +webhooks +The receiver said at 20\d\d-\S+Z that it wants no more \(410\)\.$/m)
        assert.match(stdout, /^note +webhooks +1 event couldn't be told\.$/m)
        assert.notInclude(stdout, webhookSecret)

        // Another receiver hasn't said so.
        const other = yield* placeWith({
          ...env,
          WEBHOOK_URL: "http://127.0.0.1:1/other",
          WEBHOOK_SECRET: webhookSecret
        })
        assert.notInclude((yield* other.rekey("doctor")).stdout, "wants no more")
        yield* receiver.behave("take")
      }),
    240_000
  )
})
