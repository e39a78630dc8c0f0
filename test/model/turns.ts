import { Context, Effect } from "effect"

/** Where a client waits for its turn, before each call of the store or the hasher; nowhere, where there is one client. */
export const Turn = Context.Reference<Effect.Effect<void>>("rekey/test/Turn", { defaultValue: () => Effect.void })

/** A service before each of whose calls a client waits for its turn. */
export const gated = <Service extends object>(service: Service): Service =>
  new Proxy(service, {
    get: (target, key) => {
      const member: unknown = Reflect.get(target, key)
      return typeof member === "function"
        ? (...parameters: ReadonlyArray<unknown>) =>
            Effect.andThen(
              Effect.flatMap(Turn, (turn) => turn),
              Reflect.apply(member, target, parameters)
            )
        : member
    }
  })

/**
 * Two clients at once, of which one at a time goes on, up to its next call: `choices` say which, where both wait (0 for the
 * first), and after those it is the first one's turn.
 */
export const takeTurns = <A, E, R>(
  clients: readonly [Effect.Effect<A, E, R>, Effect.Effect<A, E, R>],
  choices: ReadonlyArray<number>
): Effect.Effect<ReadonlyArray<A>, E, R> =>
  Effect.suspend(() => {
    const waiting: Array<(() => void) | undefined> = [undefined, undefined]
    let running = clients.length
    let choice = 0

    const goOn = () => {
      if (running > 0) return
      const turn = waiting.every((_) => _ !== undefined)
        ? (choices[choice++] ?? 0)
        : waiting.findIndex((_) => _ !== undefined)
      const next = waiting[turn]
      if (next === undefined) return
      waiting[turn] = undefined
      running++
      next()
    }
    const stop = () => {
      running--
      goOn()
    }
    const turnOf = (client: number) =>
      Effect.callback<void>((resume) => {
        waiting[client] = () => resume(Effect.void)
        stop()
      })

    return Effect.all(
      clients.map((client, place) =>
        turnOf(place).pipe(
          Effect.andThen(client),
          Effect.provideService(Turn, turnOf(place)),
          Effect.ensuring(Effect.sync(stop))
        )
      ),
      { concurrency: "unbounded" }
    )
  })
