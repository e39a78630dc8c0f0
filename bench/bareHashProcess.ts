// A process of its own, started by bareHash.ts: the size of libuv's pool can't change once a process runs.
import { Effect, Option, Redacted } from "effect"
import { type LoadResult, resultOf } from "./load.ts"
import { type WriterName, writers } from "./writers.ts"

interface Work {
  readonly count: number
  readonly atOnce: number
  readonly writer: WriterName
}

const { atOnce, count, writer }: Work = JSON.parse(process.argv[2] ?? "")
const hash = writers[writer].hash(Redacted.make("a long new phrase"), Option.none())

const run = async (count: number): Promise<LoadResult> => {
  const millis: Array<number> = []
  let begun = 0
  const work = async () => {
    while (begun < count) {
      begun++
      const started = performance.now()
      await Effect.runPromise(hash)
      millis.push(performance.now() - started)
    }
  }
  const began = performance.now()
  await Promise.all(Array.from({ length: atOnce }, work))
  return resultOf(millis, performance.now() - began)
}

await run(Math.ceil(count / 10)) // threads and memory come with the first ones
console.log(JSON.stringify(await run(count)))
