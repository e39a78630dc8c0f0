import { text } from "node:stream/consumers"
import { setTimeout } from "node:timers/promises"
import { Effect } from "effect"
import { SMTPServer } from "smtp-server"
import { freePort } from "./freePort.ts"

/** A mail server on loopback that takes so long over each mail, and shows it to who wants to see it; gone with the scope. Its URL. */
export const mailServer = Effect.fn("mailServer")(function* (options: {
  readonly millis: number
  readonly took?: (raw: string) => Promise<void>
}) {
  const port = yield* freePort
  const take = async (raw: string) => {
    await options.took?.(raw)
    if (options.millis > 0) await setTimeout(options.millis)
  }
  yield* Effect.acquireRelease(
    Effect.callback<SMTPServer>((resume) => {
      const server = new SMTPServer({
        disabledCommands: ["AUTH", "STARTTLS"],
        onData: (stream, _, done) =>
          void text(stream)
            .then(take)
            .then(() => done(), done)
      })
      server.listen(port, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.callback<void>((resume) => server.close(() => resume(Effect.void)))
  )
  return `smtp://127.0.0.1:${port}`
})
