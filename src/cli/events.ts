import { Effect, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { EventId, type EventType, eventTypes, rowOf } from "../events/RekeyEvent.ts"
import { type ReplayFilter, WebhookKeeping, type WebhookState } from "../events/WebhookKeeping.ts"
import { readSettings } from "../settings.ts"
import { accountIdIn } from "./accounts.ts"
import { failed, misused } from "./endings.ts"
import { answer, answerAll, confirm, counted, Json, remark, yes } from "./output.ts"

const states: ReadonlyArray<WebhookState> = ["waiting", "in hand", "sent", "dropped", "dead"]

const ids = Argument.String("id").pipe(
  Argument.withSchema(EventId),
  Argument.variadic(),
  Argument.withDescription("Ids of events, as list shows them and receivers get them")
)

const user = Flag.String("user").pipe(
  Flag.withDescription("Of one account: its address, user name or id"),
  Flag.optional
)

const pageSize = 500

const listCommand = Command.make(
  "list",
  {
    states: Flag.Literals("state", ["waiting", "in-hand", "sent", "dropped", "dead"]).pipe(
      Flag.withDescription(
        "Only those that stand so; more than one may be said. Else those that wait, are in hand or dead"
      ),
      Flag.atLeast(0)
    ),
    user,
    after: Flag.String("after").pipe(
      Flag.withSchema(EventId),
      Flag.withDescription("Only those behind this id"),
      Flag.optional
    ),
    limit: Flag.Int("limit").pipe(
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000 }))),
      Flag.withDescription("How many at most, 10,000 or fewer"),
      Flag.withDefault(50)
    )
  },
  Effect.fnUntraced(function* ({ after, limit, states: asked, user }) {
    const webhooks = yield* WebhookKeeping
    const wanted = asked.map((state) => state.replace("-", " "))
    const found = yield* webhooks.list({
      states: wanted.length === 0 ? ["waiting", "in hand", "dead"] : states.filter((state) => wanted.includes(state)),
      userId: yield* accountIdIn(user),
      after: Option.match(after, { onNone: () => 0n, onSome: rowOf }),
      limit
    })
    yield* answerAll(
      found.map(({ event, failure, settledAt, ...kept }) => ({
        ...event,
        ...kept,
        failure: Option.getOrNull(failure),
        settledAt: Option.getOrNull(settledAt)
      })),
      ["ID", "STATE", "EVENT", "USER", "AT", "TRIES", "FAILURE", "NEXT TRY OR END"],
      ({ at, attempts, dueAt, failure, id, settledAt, state, type, userId }) => [
        id,
        state,
        type,
        userId,
        at,
        attempts,
        failure,
        settledAt ?? dueAt
      ]
    )
    const last = found.at(-1)
    if (last !== undefined && found.length === limit && !(yield* Json))
      yield* remark(`There may be more: --after ${last.event.id}`)
  })
).pipe(Command.withDescription("List events that the receiver of webhooks has to be told, or couldn't be"))

/** What the receiver wants to be told. */
const wantedTypes = Effect.map(
  readSettings,
  ({ webhooks }): ReadonlyArray<EventType> =>
    Option.match(webhooks, { onNone: () => eventTypes, onSome: ({ types }) => types })
)

const replayAll = Effect.fnUntraced(function* (filter: ReplayFilter) {
  const webhooks = yield* WebhookKeeping
  let replayed = 0
  let after = Option.some(0n)
  while (Option.isSome(after)) {
    const page: { readonly replayed: number; readonly after: Option.Option<bigint> } = yield* webhooks.replaySome(
      filter,
      after.value
    )
    replayed += page.replayed
    after = page.after
  }
  return replayed
})

const replayCommand = Command.make(
  "replay",
  {
    ids,
    user,
    since: Flag.Date("since").pipe(Flag.withDescription("What happened from this time on"), Flag.optional),
    until: Flag.Date("until").pipe(Flag.withDescription("What happened before this time"), Flag.optional),
    types: Flag.Literals("event", eventTypes).pipe(
      Flag.withDescription("Only these events; more than one may be said. Else those of WEBHOOK_EVENTS"),
      Flag.atLeast(0)
    )
  },
  Effect.fnUntraced(function* ({ ids, since, types, until, user }) {
    const webhooks = yield* WebhookKeeping
    const chosen = Option.isSome(user) || Option.isSome(since)
    if (chosen === ids.length > 0)
      return yield* misused("Name some events by their ids, or say --user, --since or both.")
    if (!chosen && (Option.isSome(until) || types.length > 0))
      return yield* misused("--until and --event go with --user or --since.")
    const replayed = chosen
      ? yield* replayAll({
          types: types.length === 0 ? yield* wantedTypes : types,
          userId: yield* accountIdIn(user),
          since,
          until
        })
      : (yield* webhooks.replay(ids)).length
    if (replayed === 0)
      return yield* failed("None of them can be replayed: the trail hasn't got any, or they are being told now.")
    yield* answer(
      { replayed },
      `${counted(replayed, "event")} will be told by a server that runs with WEBHOOK_URL, within some seconds.\n`
    )
  })
).pipe(
  Command.withDescription("Tell the receiver of webhooks events of the trail once more, by the ids that they had"),
  Command.withExamples([
    { command: "rekey events replay evt_184_mwztbip7", description: "One of them" },
    { command: "rekey events replay --user ada@example.com", description: "All of one account" },
    { command: "rekey events replay --since 2026-11-01", description: "All since then" }
  ])
)

const dropCommand = Command.make(
  "drop",
  {
    ids,
    all: Flag.Boolean("all").pipe(
      Flag.withoutNegation,
      Flag.withDescription("Every event that waits or is dead"),
      Flag.withDefault(false)
    ),
    yes
  },
  Effect.fnUntraced(function* ({ all, ids, yes }) {
    const webhooks = yield* WebhookKeeping
    if (all === ids.length > 0) return yield* misused("Name some events by their ids, or say --all.")
    yield* confirm(all ? "Drop every event that waits or is dead?" : `Drop ${counted(ids.length, "event")}?`, yes)
    const dropped: Array<string> = []
    let after = 0n
    while (all) {
      const page = yield* webhooks.list({ states: ["waiting", "dead"], userId: Option.none(), after, limit: pageSize })
      dropped.push(...(yield* webhooks.drop(page.map(({ event }) => event.id))))
      const last = page.at(-1)
      if (last === undefined || page.length < pageSize) break
      after = rowOf(last.event.id)
    }
    if (!all) dropped.push(...(yield* webhooks.drop(ids)))
    if (dropped.length === 0 && !all) return yield* failed("None of them waits or is dead.")
    yield* answer({ dropped }, `${counted(dropped.length, "event")} dropped.\n`)
  })
).pipe(Command.withDescription("Take events out, so that the receiver of webhooks isn't told them"))

/** `rekey events`. */
export const eventsCommand = Command.make("events").pipe(
  Command.withDescription("Look at events on their way to the receiver of webhooks, and tell them again"),
  Command.withSubcommands([listCommand, replayCommand, dropCommand])
)
