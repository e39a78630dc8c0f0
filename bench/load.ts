import { Data, Effect } from "effect"
import { type Answer, Connection } from "./http.ts"
import { quantile } from "./quantile.ts"

/** A request and the answer that it must get. */
export interface Exchange {
  readonly request: string
  isRight(answer: Answer): boolean
}

/** The same, from a client of that address, as a trusted proxy says it. */
export const from = (address: string, { isRight, request }: Exchange): Exchange => ({
  request: request.replace("\r\n", `\r\nX-Forwarded-For: ${address}\r\n`),
  isRight
})

/** The address of one of many clients. */
export const clientAddress = (client: number): string =>
  `10.${(client >> 16) & 255}.${(client >> 8) & 255}.${client & 255}`

export interface LoadResult {
  readonly perSecond: number
  /** From sending a request until its answer was there: of half of them, and of 99 in 100, at most. */
  readonly medianMillis: number
  readonly p99Millis: number
}

/** What the times of so many requests come to. */
export const resultOf = (millis: ReadonlyArray<number>, inAllMillis: number): LoadResult => ({
  perSecond: (millis.length * 1000) / inAllMillis,
  medianMillis: quantile(millis, 0.5),
  p99Millis: quantile(millis, 0.99)
})

/** What was measured would be worth nothing. */
export class LoadFailed extends Data.TaggedError("LoadFailed")<{ readonly complaint: string }> {
  override get message() {
    return `The bench stops: ${this.complaint}`
  }
}

const wrong = ({ request }: Exchange, { body, status }: Answer) =>
  new LoadFailed({ complaint: `${request.slice(0, request.indexOf(" HTTP"))} was answered with ${status} ${body}` })

/** Sends every request, `atOnce` of them at a time, each on the connection that is free first. */
export const runLoad = (
  port: number,
  exchanges: ReadonlyArray<Exchange>,
  atOnce: number
): Effect.Effect<LoadResult, LoadFailed> =>
  Effect.acquireUseRelease(
    Effect.promise(() => Promise.all(Array.from({ length: atOnce }, () => Connection.open(port)))),
    (connections) =>
      Effect.tryPromise({
        try: () => drive(connections, exchanges),
        catch: (error) => (error instanceof LoadFailed ? error : new LoadFailed({ complaint: String(error) }))
      }),
    (connections) =>
      Effect.sync(() => {
        for (const connection of connections) connection.close()
      })
  ).pipe(
    Effect.timeoutOrElse({
      duration: "2 minutes",
      orElse: () => Effect.fail(new LoadFailed({ complaint: "no end of a load after 2 minutes" }))
    })
  )

/** The same for several servers, each with its share of the requests, as a balancer deals them out. How many a second in all. */
export const runSharedLoad = Effect.fnUntraced(function* (
  ports: ReadonlyArray<number>,
  exchanges: ReadonlyArray<Exchange>,
  atOnce: number
) {
  const share = (index: number) => exchanges.filter((_, number) => number % ports.length === index)
  const loads = ports.map((port, index) => runLoad(port, share(index), Math.ceil(atOnce / ports.length)))
  const began = performance.now()
  yield* Effect.all(loads, { concurrency: "unbounded", discard: true })
  return (exchanges.length * 1000) / (performance.now() - began)
})

const drive = async (
  connections: ReadonlyArray<Connection>,
  exchanges: ReadonlyArray<Exchange>
): Promise<LoadResult> => {
  const millis: Array<number> = []
  const waiting = exchanges.values()
  const work = async (connection: Connection) => {
    // One iterator for all: each takes the next that nobody has.
    for (const exchange of waiting) {
      const sent = performance.now()
      const answer = await connection.exchange(exchange.request)
      millis.push(performance.now() - sent)
      if (!exchange.isRight(answer)) throw wrong(exchange, answer)
    }
  }
  const began = performance.now()
  await Promise.all(connections.map(work))
  return resultOf(millis, performance.now() - began)
}
