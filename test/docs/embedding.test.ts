import { readdirSync, readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8")

/** Lines that are neither empty nor a comment. */
const codeIn = (text: string): ReadonlyArray<string> =>
  text.split("\n").filter((line) => line.trim() !== "" && !/^\s*(\/\/|\/\*\*.*\*\/$)/.test(line))

describe("docs/embedding.md", () => {
  const page = read("docs/embedding.md")
  const samples = [...page.matchAll(/<!-- (?<file>examples\/\S+) -->\n\n```ts\n(?<text>[\s\S]*?)^```$/gm)]

  it("shows the examples as they are", () => {
    assert.lengthOf(samples, page.match(/^```ts$/gm)?.length ?? 0)
    for (const { groups } of samples) assert.strictEqual(groups?.text, read(groups?.file ?? ""), groups?.file)
  })

  it("says how many lines of code each of them is", () => {
    const rows = [...page.matchAll(/^\| \[(?<name>\w+)\]\(\.\.\/examples\/\w+\) .*\| +(?<lines>\d+) \|$/gm)]
    const said = Object.fromEntries(rows.map(({ groups }) => [groups?.name, Number(groups?.lines)]))
    const counted = readdirSync(new URL("../../examples/", import.meta.url)).map((name) => {
      const files = readdirSync(new URL(`../../examples/${name}/`, import.meta.url))
      const sources = files.filter((file) => /\.(ts|html)$/.test(file))
      return [name, sources.flatMap((file) => codeIn(read(`examples/${name}/${file}`))).length] as const
    })
    assert.deepStrictEqual(said, Object.fromEntries(counted))
  })

  it("mounts Rekey in under ten lines, by whatever server", () => {
    for (const file of ["hono/server.ts", "express/server.ts", "fastify/server.ts", "deno/main.ts"]) {
      const text = read(`examples/${file}`)
      const code = codeIn(text)
      const statements = code.slice(code.findIndex((line) => line.startsWith("const rekey =")))
      const ofTheHost = statements.filter((line) =>
        /"The shop is open\."|= new Hono|= (express|fastify)\(|process\.env\.PORT|SIGTERM/.test(line)
      )
      assert.isBelow(statements.length - ofTheHost.length, 10, file)
    }
  })
})
