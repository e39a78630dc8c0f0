// A process of its own, started by formats.ts: the service as src/main.ts starts it, with hashes of the format that WRITES names.
import { NodeRuntime } from "@effect/platform-node"
import { Effect } from "effect"
import { Environment } from "../src/environment.ts"
import { Logging } from "../src/logging.ts"
import { letHashesStandBack } from "../src/passwords/HashThreads.ts"
import { PasswordHasher } from "../src/passwords/PasswordHasher.ts"
import { ServerLayer } from "../src/server.ts"
import { readSettings } from "../src/settings.ts"
import { Database } from "../src/sql/Database.ts"
import { type WriterName, writers } from "./writers.ts"

const server = Effect.gen(function* () {
  const settings = yield* Effect.provide(readSettings, Environment)
  const hasher = PasswordHasher.layer({ ...settings.hashing, writes: writers[process.env.WRITES as WriterName] })
  return yield* Effect.gen(function* () {
    yield* letHashesStandBack(settings.hashNice)
    yield* (yield* Database).started
    return yield* Effect.never
  }).pipe(Effect.provide(ServerLayer(settings, { hasher })), Effect.provide([Logging(settings), Environment]))
})

NodeRuntime.runMain(server)
