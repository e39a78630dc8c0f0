import { spawn } from "node:child_process"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Webhook } from "standardwebhooks"
import { clientOf } from "../support/client.ts"
import { webhookSecret } from "../support/receiver.ts"
import { freePort, startServer } from "../support/server.ts"
import { runOf } from "./samples.ts"

const [settings = "", request = "", receiver = ""] = ["ini", "http", "js"].map(
  (language) => runOf("docs/events.md").find((sample) => sample.language === language)?.text
)

/** The page's receiver as a process of its own, and the lines that it prints. */
const startReceiver = (port: number, secret: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn("node", ["--input-type=module", "--eval", receiver], {
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

it("the webhook that docs/events.md shows is signed with the secret that it shows", () => {
  const [, secret = ""] = /^WEBHOOK_SECRET=(.+)$/m.exec(settings) ?? []
  const [head = "", body = ""] = request.trim().split("\n\n")
  const header = (name: string) => new RegExp(`^webhook-${name}: (.+)$`, "m").exec(head)?.[1] ?? ""
  const at = new Date(Number(header("timestamp")) * 1000)
  assert.strictEqual(new Webhook(secret).sign(header("id"), at, body), header("signature"))
})

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
