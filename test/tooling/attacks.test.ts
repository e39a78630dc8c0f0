import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"

const project = fileURLToPath(new URL("../../", import.meta.url))
const textOf = (file: string) => readFileSync(join(project, file), "utf8")

/** The numbers of docs/security.md, each with the files that its row names. */
const rows = [...textOf("docs/security.md").matchAll(/^\| ([A-H]\d+) +\|.*$/gm)].map(([row, number = ""]) => ({
  number,
  files: [...row.matchAll(/`([a-z0-9]+\/\w+)`/gi)].map(([, file]) => `test/${file}.test.ts`)
}))

/** The numbers that tests of a file are named with. */
const numbersIn = (file: string) => [...textOf(file).matchAll(/["`]([A-H]\d+): /g)].map(([, number]) => number ?? "")

const suite = readdirSync(join(project, "test/attacks"))
  .filter((file) => file.endsWith(".test.ts"))
  .map((file) => `test/attacks/${file}`)

describe("the table of attacks", () => {
  it("names for each the file that has its test, and the files that try it too", () => {
    assert.isAbove(rows.length, 40)
    for (const { files, number } of rows) {
      const [first = "", ...others] = files
      assert.include(suite, first, number)
      assert.include(numbersIn(first), number)
      for (const file of others) {
        assert.isTrue(existsSync(join(project, file)), file)
        assert.match(textOf(file), new RegExp(`\\(([A-H]\\d+, )*${number}\\b|\\b${number}: `), `${number} in ${file}`)
      }
    }
  })

  it("has each that a test of the suite is named with, once", () => {
    const numbers = rows.map(({ number }) => number)
    assert.strictEqual(new Set(numbers).size, numbers.length)
    assert.sameMembers([...new Set(suite.flatMap(numbersIn))], numbers)
  })
})
