import { Context, type Duration, Effect, Latch, Layer, Option } from "effect"
import { Unavailable } from "../domain/Failure.ts"
import { OutboxWorker } from "../mail/OutboxWorker.ts"
import { ResetCodeMint } from "../secrets/ResetCodeMint.ts"
import { RecoveryRequests } from "./ResetCodes.ts"

/** Turns requests into codes and mails, behind the door, where nobody can time it. */
export class RecoveryWorker extends Context.Service<
  RecoveryWorker,
  {
    /** A request was written down in this process: look now. */
    readonly wake: Effect.Effect<void>
  }
>()("rekey/recovery/RecoveryWorker") {
  static readonly layer = (limits: {
    readonly codeTtlMillis: number
    readonly cooldownMillis: number
    readonly hourlyCap: number
  }) =>
    Layer.effect(
      RecoveryWorker,
      Effect.gen(function* () {
        const requests = yield* RecoveryRequests
        const mint = yield* ResetCodeMint
        const outbox = yield* OutboxWorker
        const awake = yield* Latch.make()

        const takeOne = Effect.fn("RecoveryWorker.takeOne")(function* () {
          const outcome = yield* requests.takeNext(yield* mint.fresh, limits)
          // An address without an account gets the same work, up to the mail server (C2).
          if (Option.isSome(outcome)) yield* outcome.value === "Issued" ? outbox.wake : outbox.rehearse
          return Option.isSome(outcome)
        })

        // A wake between the look and the wait keeps the latch open, so it isn't lost. The pause finds what a dead process left.
        const awakeWithin = (pause: Duration.Input) => Effect.raceFirst(awake.await, Effect.sleep(pause))
        yield* awake.close.pipe(
          Effect.andThen(Effect.repeat(Effect.uninterruptible(takeOne()), { while: (more) => more })),
          // Whatever breaks a look, the next is taken: nobody else would notice that mails have stopped.
          Effect.catchDefect((defect) =>
            Effect.andThen(Effect.logError("Taking a recovery request broke.", defect), new Unavailable())
          ),
          Effect.matchEffect({ onFailure: () => awakeWithin("1 second"), onSuccess: () => awakeWithin("5 seconds") }),
          Effect.forever,
          Effect.forkScoped
        )

        return RecoveryWorker.of({ wake: Effect.asVoid(awake.open) })
      })
    )
}
