import { execFile } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert } from "@effect/vitest"
import { Effect } from "effect"

export const project = fileURLToPath(new URL("../../", import.meta.url))

/** Gone with the scope. */
export const temporaryFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "rekey-docs-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
)

/** The pages whose samples are run, with the test file that runs each: what a page shows, it has to show truly. */
export const runIn: Readonly<Record<string, string>> = {
  "README.md": "package/freshClone",
  "docs/deploy.md": "commands",
  "docs/get-started.md": "walks",
  "docs/api.md": "walks",
  "docs/cli.md": "commands",
  "docs/configuration.md": "commands",
  "docs/operations.md": "commands",
  "docs/presets.md": "commands",
  "docs/pages.md": "commands",
  "docs/embedding.md": "embedding",
  "docs/events.md": "events",
  "docs/accessibility.md": "pages"
}

export const docs = ["README.md", ...pagesIn("docs")]

function pagesIn(folder: string): ReadonlyArray<string> {
  return readdirSync(join(project, folder))
    .filter((file) => file.endsWith(".md"))
    .map((file) => `${folder}/${file}`)
}

export const read = (page: string): string => readFileSync(join(project, page), "utf8")

/** What a page shows in a fence. */
export interface Sample {
  readonly page: string
  /** Of its fence, counted from 1. */
  readonly line: number
  /** Empty where the fence names none. */
  readonly language: string
  readonly text: string
  /** Why no test runs it, as the comment before it says. */
  readonly notRun: string | undefined
  /** The exit code that its commands have, as the comment before it says. */
  readonly exit: number
}

/** Every fenced block of a page, however deep it is indented, in order. */
export const samplesOf = (page: string): ReadonlyArray<Sample> => {
  const lines = read(page).split("\n")
  const samples: Array<Sample> = []
  let mark = ""
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? ""
    const [, indent = "", fence, language = ""] = /^(\s*)(```+|~~~+)\s*(\S*)/.exec(line) ?? []
    if (fence === undefined) {
      if (line.trim() !== "") mark = line
      continue
    }
    const end = lines.indexOf(indent + fence, index + 1)
    assert.notStrictEqual(end, -1, `${page}:${index + 1} opens a fence that nothing closes`)
    const text = lines.slice(index + 1, end).map((line) => `${line.slice(indent.length)}\n`)
    samples.push({
      page,
      line: index + 1,
      language,
      text: text.join(""),
      notRun: /^<!-- not run: (.+) -->$/.exec(mark)?.[1],
      exit: Number(/^<!-- exits with (\d+) -->$/.exec(mark)?.[1] ?? 0)
    })
    mark = ""
    index = end
  }
  return samples
}

/** Those of a page that are run. */
export const runOf = (page: string): ReadonlyArray<Sample> =>
  samplesOf(page).filter(({ notRun }) => notRun === undefined)

/** Whether a sample of a page stands below a heading, before the next. */
export const under = (page: string, heading: string) => {
  const lines = read(page).split("\n")
  const from = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, "") === heading)
  assert.notStrictEqual(from, -1, `${page} has no heading ${heading}`)
  const length = lines.slice(from + 1).findIndex((line) => /^#+ /.test(line))
  const end = length === -1 ? lines.length : from + 1 + length
  return ({ line }: Sample): boolean => line > from && line <= end
}

export const place = ({ line, page }: Sample): string => `${page}:${line}`

/** What is shown beneath a sample as its output: text right after it, or the JSON after it and the same in other languages. */
export const shownAfter = (samples: ReadonlyArray<Sample>, sample: Sample): Sample | undefined => {
  const following = samples.slice(samples.indexOf(sample) + 1)
  const shown = following.find(({ language }) => !["sh", "js", "ts"].includes(language) || language === sample.language)
  return shown?.language === "json" || (shown?.language === "text" && shown === following[0]) ? shown : undefined
}

/** Values that no two runs have in common: of an id, a time, a token only the place is told. */
const varies = new Set(["id", "jwt", "createdAt", "updatedAt", "expiresAt", "device", "clientAddress"])

const parsed = (json: string): unknown =>
  JSON.parse(json, (key, value) => (varies.has(key) && typeof value === "string" ? "..." : value))

/** Asserts that what came is what the page shows. */
export const assertShown = (sample: Sample, came: string, shown: Sample): void => {
  if (shown.language === "json") assert.deepStrictEqual(parsed(came), parsed(shown.text), place(sample))
  else assert.strictEqual(came, shown.text, place(sample))
}

/**
 * Runs samples in one bash, which begins in `folder`, one after the other, so that variables, functions and files of one are there for the next; a command
 * that fails ends it, as it would end a reader. What each printed to standard output.
 */
export const inBash = Effect.fnUntraced(function* (
  samples: ReadonlyArray<Sample>,
  folder: string,
  env: Readonly<Record<string, string>>
) {
  const file = (index: number, kind: string) => join(folder, `${index}.${kind}`)
  const program = samples.map(({ exit }, index) => {
    const run = `echo ${index} > ${join(folder, "at")}; . ${file(index, "sh")} > ${file(index, "out")}`
    return exit === 0 ? run : `set +e; ${run}; [ $? = ${exit} ] || exit 99; set -e`
  })
  yield* Effect.promise(() => Promise.all(samples.map(({ text }, index) => writeFile(file(index, "sh"), text))))
  const { error, stderr } = yield* Effect.promise(
    () =>
      new Promise<{ error: Error | null; stderr: string }>((resolve) => {
        const args = ["--noprofile", "--norc", "-ec", program.join("\n")]
        execFile("bash", args, { cwd: folder, env }, (error, _stdout, stderr) => resolve({ error, stderr }))
      })
  )
  if (error !== null) {
    const at = samples[Number(yield* Effect.promise(() => readFile(join(folder, "at"), "utf8").catch(() => "0")))]
    assert.fail(`${at && place(at)} ends otherwise than it should: ${error.message}\n${stderr}`)
  }
  return yield* Effect.promise(() => Promise.all(samples.map((_, index) => readFile(file(index, "out"), "utf8"))))
})
