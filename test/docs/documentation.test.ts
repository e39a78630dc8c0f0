import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"

const project = fileURLToPath(new URL("../../", import.meta.url))

const pages = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  ...readdirSync(join(project, "docs"))
    .filter((file) => file.endsWith(".md"))
    .map((file) => join("docs", file))
]

const read = (page: string) => readFileSync(join(project, page), "utf8")

/** Without what stands in fences, where nothing is a link or a heading. */
const prose = (page: string) => read(page).replace(/^(```+)[^\n]*\n[\s\S]*?^\1$/gm, "")

/** The anchors of a page's headings, as those who show Markdown make them. */
const anchorsOf = (page: string): ReadonlySet<string> =>
  new Set(
    [...prose(page).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
        .replace(/[^\p{L}\p{N}\s_-]/gu, "")
        .trim()
        .replaceAll(" ", "-")
    )
  )

const linksOf = (page: string) =>
  [...prose(page).matchAll(/\]\((?<link>[^)\s]+)\)/g)].map(({ groups }) => groups?.link ?? "")

describe("the documentation", () => {
  it.for(pages)("has no link that leads nowhere: %s", (page) => {
    const broken = linksOf(page).filter((link) => {
      if (/^(https?|mailto):/.test(link)) return false
      const [path = "", anchor] = link.split("#")
      const target = path === "" ? page : relative(project, join(project, dirname(page), path))
      if (!existsSync(join(project, target))) return true
      return anchor !== undefined && target.endsWith(".md") && !anchorsOf(target).has(anchor)
    })
    assert.deepStrictEqual(broken, [])
  })

  it("leads to each of its pages from its index", () => {
    const index = linksOf(join("docs", "README.md"))
    const missing = pages.filter(
      (page) => page.startsWith("docs") && page !== join("docs", "README.md") && !index.includes(relative("docs", page))
    )
    assert.deepStrictEqual(missing, [])
  })

  it("says of each line that the log may have what to do about it", () => {
    const files = readdirSync(join(project, "src"), { recursive: true, encoding: "utf8" })
    const lines = files
      .filter((file) => file.endsWith(".ts"))
      .map((file) => read(join("src", file)))
      .flatMap((text) => [
        ...text.matchAll(/Effect\.log(?:Info|Warning|Error)\(\s*"(?<line>[^"]+)"/g),
        // What makes a worker, or an outage, is told what to log.
        ...text.matchAll(/\bbroken: "(?<line>[^"]+)"/g),
        ...text.matchAll(/\bmakeOutage\(\s*"(?<line>[^"]+)"/g),
        ...text.matchAll(/\bmakeOutage\(\s*"[^"]+",\s*"(?<line>[^"]+)"/g)
      ])
      .map(({ groups }) => groups?.line ?? "")
    assert.isAbove(lines.length, 30)
    const operations = read(join("docs", "operations.md"))
    assert.deepStrictEqual(
      lines.filter((line) => !operations.includes(`\`${line}\``)),
      []
    )
  })
})
