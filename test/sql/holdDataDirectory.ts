import { Console, Effect } from "effect"
import { createDataDirectory, lockDataDirectory } from "../../src/sql/DataDirectory.ts"

/** Takes the folder of its one argument and holds it until it is killed (for a minute at most); says on standard output what came of it. */
const hold = Effect.fnUntraced(function* (dataDir: string) {
  yield* createDataDirectory(dataDir)
  yield* lockDataDirectory(dataDir)
  yield* Console.log("Held")
  yield* Effect.sleep("1 minute")
}, Effect.scoped)

await Effect.runPromise(Effect.catch(hold(process.argv[2] ?? ""), (error) => Console.log(error._tag)))
