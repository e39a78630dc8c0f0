import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { clientOf } from "../support/client.ts"
import { webhookSecret } from "../support/receiver.ts"
import { freePort, startServer } from "../support/server.ts"

const page = readFileSync(new URL("../../docs/events.md", import.meta.url), "utf8")
const [, sample = ""] = /^```js\n([\s\S]*?)^```$/m.exec(page) ?? []

/** The page's receiver as a process of its own, and the lines that it prints. */
const startReceiver = (port: number, secret: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn("node", ["--input-type=module", "--eval", sample], {
        env: { PATH: process.env.PATH, PORT: `${port}`, WEBHOOK_SECRET: secret },
        stdio: ["ignore", "pipe", "inherit"]
      })
      let printed = ""
      const changed = new Set<() => void>()
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        printed += text
        for (const look of changed) look()
      })
      const until = (text: string) =>
        Effect.callback<string>((resume) => {
          const look = () => {
            if (printed.includes(text)) resume(Effect.succeed(printed))
          }
          changed.add(look)
          look()
          return Effect.sync(() => changed.delete(look))
        })
      return { child, until }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )

it.live(
  "the receiver of docs/events.md takes what Rekey tells, and nothing that somebody else signed",
  () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const url = `http://127.0.0.1:${port}`
      const { until } = yield* startReceiver(port, webhookSecret)
      const server = yield* startServer({ env: { WEBHOOK_URL: url, WEBHOOK_SECRET: webhookSecret } })
      const client = yield* clientOf(server.url)
      const ada = yield* client.register()
      const printed = yield* until(`session.opened of ${ada.id}\n`)
      assert.include(printed, `account.registered of ${ada.id}\n`)

      const forged = yield* (yield* clientOf(url)).post(
        "/",
        { type: "password.reset", data: { user: { id: ada.id } } },
        {
          "webhook-id": "evt_1_a",
          "webhook-timestamp": `${Math.floor(Date.now() / 1000)}`,
          "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        }
      )
      assert.strictEqual(forged.status, 401)
    }),
  120_000
)
