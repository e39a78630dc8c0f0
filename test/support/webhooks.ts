import { Effect, Layer, Option, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { type EventType, eventTypes } from "../../src/events/RekeyEvent.ts"
import type { Settings } from "../../src/settings.ts"
import { Receiver, webhookSecret } from "./receiver.ts"
import { Service } from "./service.ts"

/** The settings of webhooks that go there. */
export const webhooksTo = (
  url: string,
  {
    secrets = [webhookSecret],
    types = eventTypes
  }: { secrets?: [string, ...Array<string>]; types?: ReadonlyArray<EventType> } = {}
): Settings["webhooks"] => {
  const [first, ...others] = secrets
  return Option.some({
    url: Redacted.make(new URL(url)),
    secrets: [Redacted.make(first), ...others.map((one) => Redacted.make(one))],
    types
  })
}

/** The service, telling a receiver. */
export const telling = (options: Parameters<typeof webhooksTo>[1] = {}, settings: Partial<Settings> = {}) =>
  Layer.unwrap(
    Effect.map(Receiver, ({ url }) => Service.layer({ settings: { webhooks: webhooksTo(url, options), ...settings } }))
  ).pipe(Layer.provideMerge(Receiver.layer))

/** What waits for its next try is tried now. The times of what happened stay, since they are told. */
export const pausesEnd = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`update webhook_outbox set due_at = now() where outcome is null and leased_until is null`
})

interface Kept {
  readonly type: string
  readonly outcome: string | null
  readonly attempts: number
  readonly failure: string | null
}

/** What there is of an account, in its order. */
export const keptFor = Effect.fnUntraced(function* (userId: string) {
  const sql = yield* SqlClient.SqlClient
  return yield* sql<Kept>`
    select type, outcome, attempts, failure from webhook_outbox where user_id = ${userId}::uuid order by id`
})

/** Waits until what there is of an account is as it should be. */
export const untilKept = (userId: string, expected: (kept: ReadonlyArray<Kept>) => boolean) =>
  keptFor(userId).pipe(Effect.delay("10 millis"), Effect.repeat({ until: expected }))
