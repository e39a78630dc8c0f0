import { Effect } from "effect"
import { freePort } from "./freePort.ts"

/** A function that ran, in V8's form: https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-ProfileNode */
export interface ProfileNode {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  readonly children?: ReadonlyArray<number>
}

/** Where the thread was at each sample, and how many microseconds had passed since the one before. */
export interface Profile {
  readonly nodes: ReadonlyArray<ProfileNode>
  readonly samples: ReadonlyArray<number>
  readonly timeDeltas: ReadonlyArray<number>
}

const samplingMicros = 250

/** What Node is told at its start so that somebody can look into it, and how to look while work is done. */
export const profiler = Effect.map(freePort, (port) => ({
  nodeOptions: `--inspect=127.0.0.1:${port}`,
  profileOf: <A, E, R>(work: Effect.Effect<A, E, R>) =>
    Effect.acquireUseRelease(
      Effect.promise(() => connect(port)),
      (ask) =>
        Effect.gen(function* () {
          yield* Effect.promise(() => ask("Profiler.enable"))
          yield* Effect.promise(() => ask("Profiler.setSamplingInterval", { interval: samplingMicros }))
          yield* Effect.promise(() => ask("Profiler.start"))
          yield* work
          const { profile } = (yield* Effect.promise(() => ask("Profiler.stop"))) as { readonly profile: Profile }
          return profile
        }),
      (ask) => Effect.promise(() => ask("Profiler.disable"))
    )
}))

/** A conversation with V8's inspector: asks for a method, and takes the answer of the same number. */
const connect = async (port: number) => {
  const [target]: ReadonlyArray<{ webSocketDebuggerUrl: string }> = JSON.parse(
    await (await fetch(`http://127.0.0.1:${port}/json/list`)).text()
  )
  const socket = new WebSocket(target?.webSocketDebuggerUrl ?? "")
  await new Promise((resolve, reject) => {
    socket.onopen = resolve
    socket.onerror = reject
  })
  let asked = 0
  return (method: string, params: object = {}): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const id = ++asked
      const take = ({ data }: MessageEvent) => {
        const answer = JSON.parse(data)
        if (answer.id !== id) return
        socket.removeEventListener("message", take)
        if (answer.error === undefined) resolve(answer.result)
        else reject(new Error(answer.error.message))
        if (method === "Profiler.disable") socket.close()
      }
      socket.addEventListener("message", take)
      socket.send(JSON.stringify({ id, method, params }))
    })
}
