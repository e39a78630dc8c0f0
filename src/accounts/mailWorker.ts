import { Effect, Option } from "effect"
import { makeWorker } from "../background/Worker.ts"
import type { Unavailable } from "../domain/Failure.ts"
import { OutboxWorker } from "../mail/OutboxWorker.ts"
import type { MailDecided } from "./MailDecided.ts"

/** Decides on one request after another, behind the door, and gives what wakes it: a request was written down in this process. */
export const makeMailWorker = Effect.fnUntraced(function* (options: {
  /** In the trace of each look. */
  readonly name: string
  /** What the log says where a look breaks. */
  readonly broken: string
  /** Takes the next request; `None` where nobody waits. */
  readonly takeNext: Effect.Effect<Option.Option<MailDecided>, Unavailable>
}) {
  const outbox = yield* OutboxWorker
  // The pause finds what a dead process left.
  const worker = yield* makeWorker({ broken: options.broken, every: "5 seconds" })

  const takeOne = Effect.fn(`${options.name}.takeOne`)(function* () {
    const taken = yield* options.takeNext
    if (Option.isNone(taken)) return false
    const { language, outcome } = taken.value
    // Whoever gets no mail gets the same work, up to the mail server (C2).
    yield* outcome === "Queued" ? outbox.wake : outbox.rehearse(language)
    return true
  })

  yield* worker.start(takeOne())
  return worker.wake
})
