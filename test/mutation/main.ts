/**
 * Breaks the service in each of the ways in mutations.ts, in a copy, and runs the tests until one fails. Ends with 1 where a
 * mutation survives them all, or where one can't be made.
 *
 *   npm run mutate                              every mutation, every group of tests
 *   npm run mutate -- --only live               mutations with this in their name
 *   npm run mutate -- --tests test/model        this group of tests alone
 */
import { spawn } from "node:child_process"
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { mutated } from "./mutated.ts"
import { mutations } from "./mutations.ts"

const project = fileURLToPath(new URL("../../", import.meta.url))
const copied = [
  "src",
  "test",
  "migrations",
  "languages",
  "lists",
  "docs",
  "prepared",
  "tools",
  ".env.example",
  "package.json",
  "tsconfig.json",
  "vitest.config.ts"
]

/** In this order: what is nearest to the statements first. */
const groups = ["test/sql", "test/events", "test/model", "test/http", "test/accounts", "test/attacks"]

const { values: chosen } = parseArgs({ options: { only: { type: "string" }, tests: { type: "string" } } })

interface Report {
  readonly testResults: ReadonlyArray<{
    readonly name: string
    readonly assertionResults: ReadonlyArray<{
      readonly status: string
      readonly fullName: string
      readonly title: string
    }>
  }>
}

interface Failure {
  readonly fullName: string
  /** What runs this test again, and few others. */
  readonly again: ReadonlyArray<string>
}

/** Runs tests in the copy; the first that failed, if one did. */
const firstFailure = async (copy: string, tests: ReadonlyArray<string>): Promise<Failure | undefined> => {
  const reportFile = join(copy, "report.json")
  const vitest = join(copy, "node_modules", "vitest", "vitest.mjs")
  const parameters = ["run", "--bail=1", "--reporter=json", `--outputFile=${reportFile}`, ...tests]
  const code = await new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [vitest, ...parameters], { cwd: copy, stdio: "ignore" })
    child.on("error", reject)
    child.on("close", resolve)
  })
  if (code === 0) return undefined
  const report: Report = JSON.parse(await readFile(reportFile, "utf8"))
  for (const { assertionResults, name } of report.testResults) {
    for (const { fullName, status, title } of assertionResults) {
      const pattern = title.replaceAll(/[$()*+.?[\\\]^{|}]/g, "\\$&")
      if (status === "failed") return { fullName, again: [name, "--testNamePattern", `${pattern}$`] }
    }
  }
  return { fullName: `${tests.join(" ")} doesn't run`, again: tests }
}

/** A test that fails twice: one that fails by chance has caught nothing. */
const failureTwice = async (copy: string, tests: string): Promise<Failure | undefined> => {
  const failure = await firstFailure(copy, [tests])
  return failure && firstFailure(copy, failure.again)
}

const print = (line: string) => process.stdout.write(`${line}\n`)

const copy = await mkdtemp(join(tmpdir(), "rekey-mutation-"))
try {
  await Promise.all(copied.map((name) => cp(join(project, name), join(copy, name), { recursive: true })))
  await symlink(join(project, "node_modules"), join(copy, "node_modules"))

  const wanted = mutations.filter(({ name }) => name.includes(chosen.only ?? ""))
  // All of them have to fit before the first is tried.
  const texts = await Promise.all(wanted.map(mutated))

  const tests = chosen.tests === undefined ? groups : [chosen.tests]
  for (const group of tests) {
    const failure = await firstFailure(copy, [group])
    if (failure !== undefined) throw new Error(`Unbroken, the service fails a test already: ${failure.fullName}`)
  }

  let survivors = 0
  print("| mutation | caught by |\n| --- | --- |")
  for (const [index, { file, name }] of wanted.entries()) {
    await writeFile(join(copy, file), texts[index] ?? "")
    let caught: string | undefined
    for (const group of tests) {
      caught ??= await failureTwice(copy, group).then((failure) => failure && `${group}: ${failure.fullName}`)
    }
    await cp(join(project, file), join(copy, file))
    if (caught === undefined) survivors++
    print(`| ${name} | ${caught ?? "SURVIVED"} |`)
  }
  print(`\n${wanted.length - survivors} caught, ${survivors} survived`)
  process.exitCode = survivors === 0 ? 0 : 1
} finally {
  await rm(copy, { recursive: true, force: true })
}
