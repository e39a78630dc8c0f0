import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Email, RekeyClient } from "@rekey/server/api"
import { Console, Effect, Layer, Redacted, Schema } from "effect"
import { FetchHttpClient } from "effect/http"

/** Has a code sent to the address in the second argument, by the service at the first. */
const [, , url = "http://127.0.0.1:1337", address = "ada@example.com"] = process.argv

const forget = Effect.gen(function* () {
  const rekey = yield* RekeyClient
  const email = yield* Schema.decodeEffect(Email)(address)
  yield* rekey.recovery.forgotPassword({ payload: { email } })
  yield* Console.log("If there is such an account, a code is on its way.")
}).pipe(
  Effect.catchTag("RateLimited", ({ retryAfterSeconds }) => Console.log(`Again in ${retryAfterSeconds} seconds.`))
)

const token = Effect.succeed(Redacted.make("")) // nobody is signed in
const Rekey = RekeyClient.layer({ url, token }).pipe(Layer.provide(FetchHttpClient.layer))

forget.pipe(Effect.provide(Rekey), NodeRuntime.runMain)
