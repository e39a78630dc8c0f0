import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"

const project = fileURLToPath(new URL("../../", import.meta.url))

const { scripts }: { readonly scripts: Record<string, string> } = JSON.parse(
  readFileSync(`${project}package.json`, "utf8")
)

/** How `npm run` starts each runtime, with the permissions that Deno has there, and another program. */
const commands = { node: "start", bun: "start:bun", deno: "start:deno" } as const

describe("password formats", () => {
  for (const [runtime, script] of Object.entries(commands)) {
    it(`are read and written on ${runtime}, and leave the event loop to others`, async () => {
      const command = `${scripts[script]}`.replace("src/main.ts", "test/e2e/formats.ts")
      const { stdout } = await promisify(execFile)("sh", ["-c", command], { cwd: project })
      assert.deepStrictEqual(JSON.parse(stdout), [])
    })
  }
})
