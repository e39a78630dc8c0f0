import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8")

describe("docs/embedding.md", () => {
  const page = read("docs/embedding.md")
  const samples = [...page.matchAll(/<!-- (?<file>examples\/\S+) -->\n\n```ts\n(?<text>[\s\S]*?)^```$/gm)]

  it("shows the examples as they are", () => {
    assert.lengthOf(samples, page.match(/^```ts$/gm)?.length ?? 0)
    for (const { groups } of samples) assert.strictEqual(groups?.text, read(groups?.file ?? ""), groups?.file)
  })

  it("mounts Rekey in under ten lines, by whatever server", () => {
    for (const file of ["hono/server.ts", "express/server.ts", "fastify/server.ts", "deno/main.ts"]) {
      const text = read(`examples/${file}`)
      const mounting = text.split("\n").slice(text.split("\n").findIndex((line) => line.startsWith("const rekey =")))
      const statements = mounting.filter((line) => line.trim() !== "" && !/^\s*\/\//.test(line))
      const ofTheHost = statements.filter((line) =>
        /"The shop is open\."|= new Hono|= (express|fastify)\(|process\.env\.PORT|SIGTERM/.test(line)
      )
      assert.isBelow(statements.length - ofTheHost.length, 10, file)
    }
  })
})
