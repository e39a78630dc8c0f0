import { globSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { named } from "../../bench/statements.ts"

const sources = globSync(fileURLToPath(new URL("../../src/sql/**/*.ts", import.meta.url)))

describe("npm run bench -- growth", () => {
  it("knows each statement by a text that it has", async () => {
    const texts = await Promise.all(sources.map((source) => readFile(source, "utf8")))
    const all = texts.join(" ").replaceAll(/\s+/g, " ").replaceAll(`\${sql.literal(queue)}`, "outbox")
    assert.deepStrictEqual(
      Object.entries(named).filter(([, text]) => !all.includes(text)),
      []
    )
  })
})
