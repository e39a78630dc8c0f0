import { Effect, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { type MailState, OutboxKeeping } from "../mail/OutboxKeeping.ts"
import { failed, misused } from "./endings.ts"
import { answer, answerAll, confirm, counted, Json, remark, yes } from "./output.ts"

const states: ReadonlyArray<MailState> = ["waiting", "in hand", "sent", "dropped", "dead"]

const mailId = Schema.String.check(Schema.isPattern(/^\d{1,18}$/))

const ids = Argument.String("id").pipe(
  Argument.withSchema(mailId),
  Argument.variadic(),
  Argument.withDescription("Ids of mails, as list shows them")
)

const all = Flag.Boolean("all").pipe(
  Flag.withoutNegation,
  Flag.withDescription("Every mail that waits or is dead"),
  Flag.withDefault(false)
)

const pageSize = 500

/** Mails by their ids, or all that wait or are dead, page after page. */
const eachOf = Effect.fnUntraced(function* <E, R>(
  { all, ids }: { readonly all: boolean; readonly ids: ReadonlyArray<string> },
  work: (ids: ReadonlyArray<bigint>) => Effect.Effect<ReadonlyArray<bigint>, E, R>
) {
  if (all === ids.length > 0) return yield* misused("Name some mails by their ids, or say --all.")
  if (!all) return yield* work(ids.map(BigInt))
  const outbox = yield* OutboxKeeping
  const done: Array<bigint> = []
  let after = 0n
  while (true) {
    const page = yield* outbox.list({ states: ["waiting", "dead"], after, limit: pageSize })
    done.push(...(yield* work(page.map(({ id }) => id))))
    const last = page.at(-1)
    if (last === undefined || page.length < pageSize) return done
    after = last.id
  }
})

const listCommand = Command.make(
  "list",
  {
    states: Flag.Literals("state", ["waiting", "in-hand", "sent", "dropped", "dead"]).pipe(
      Flag.withDescription(
        "Only those that stand so; more than one may be said. Else those that wait, are in hand or dead"
      ),
      Flag.atLeast(0)
    ),
    after: Flag.String("after").pipe(
      Flag.withSchema(mailId),
      Flag.withDescription("Only those behind this id"),
      Flag.withDefault("0")
    ),
    limit: Flag.Int("limit").pipe(
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000 }))),
      Flag.withDescription("How many at most, 10,000 or fewer"),
      Flag.withDefault(50)
    )
  },
  Effect.fnUntraced(function* ({ after, limit, states: asked }) {
    const outbox = yield* OutboxKeeping
    const wanted = asked.map((state) => state.replace("-", " "))
    const mails = yield* outbox.list({
      states: wanted.length === 0 ? ["waiting", "in hand", "dead"] : states.filter((state) => wanted.includes(state)),
      after: BigInt(after),
      limit
    })
    yield* answerAll(
      mails.map((mail) => ({ ...mail, settledAt: Option.getOrNull(mail.settledAt) })),
      ["ID", "STATE", "KIND", "RECIPIENT", "TRIES", "QUEUED", "NEXT TRY OR END"],
      (mail) => [
        mail.id,
        mail.state,
        mail.kind,
        mail.recipient,
        mail.attempts,
        mail.createdAt,
        mail.settledAt ?? mail.dueAt
      ]
    )
    const last = mails.at(-1)
    if (last !== undefined && mails.length === limit && !(yield* Json))
      yield* remark(`There may be more: --after ${last.id}`)
  })
).pipe(Command.withDescription("List mails that wait or couldn't be sent"))

const retryCommand = Command.make(
  "retry",
  { ids, all },
  Effect.fnUntraced(function* (which) {
    const outbox = yield* OutboxKeeping
    const retried = yield* eachOf(which, outbox.retry)
    if (retried.length === 0 && !which.all) {
      return yield* failed(
        'None of them can be tried: a mail in hand is being sent, and what the code of a dead letter was made of is erased ("rekey reset send" sends another).'
      )
    }
    yield* answer(
      { retried: retried.map(String) },
      `${counted(retried.length, "mail")} will be tried by a server that runs, within some seconds.\n`
    )
  })
).pipe(Command.withDescription("Have mails tried now: those that wait for their next try, and dead notices"))

const dropCommand = Command.make(
  "drop",
  { ids, all, yes },
  Effect.fnUntraced(function* ({ yes, ...which }) {
    const outbox = yield* OutboxKeeping
    yield* confirm(
      which.all ? "Drop every mail that waits or is dead?" : `Drop ${counted(which.ids.length, "mail")}?`,
      yes
    )
    const dropped = yield* eachOf(which, outbox.drop)
    if (dropped.length === 0 && !which.all) return yield* failed("None of them waits or is dead.")
    yield* answer({ dropped: dropped.map(String) }, `${counted(dropped.length, "mail")} dropped.\n`)
  })
).pipe(Command.withDescription("Take mails out, so that nobody gets them"))

/** `rekey outbox`. */
export const outboxCommand = Command.make("outbox").pipe(
  Command.withDescription("Look at mails that wait, and at dead letters"),
  Command.withSubcommands([listCommand, retryCommand, dropCommand])
)
