// A process of its own, started by bareHash.ts: the size of libuv's pool can't change once a process runs.
import { hash } from "@node-rs/argon2"
import type { Argon2Cost } from "../src/passwords/argon2.ts"
import { type LoadResult, resultOf } from "./load.ts"

interface Work {
  readonly count: number
  readonly atOnce: number
  readonly cost: Argon2Cost
}

const { atOnce, cost, count }: Work = JSON.parse(process.argv[2] ?? "")
const options = { memoryCost: cost.memoryKib, timeCost: cost.iterations, parallelism: cost.parallelism }

const run = async (count: number): Promise<LoadResult> => {
  const millis: Array<number> = []
  let begun = 0
  const work = async () => {
    while (begun < count) {
      begun++
      const started = performance.now()
      await hash("a long new phrase", options)
      millis.push(performance.now() - started)
    }
  }
  const began = performance.now()
  await Promise.all(Array.from({ length: atOnce }, work))
  return resultOf(millis, performance.now() - began)
}

await run(Math.ceil(count / 10)) // threads and memory come with the first ones
console.log(JSON.stringify(await run(count)))
