import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { type ServerProcess, startServer } from "../support/server.ts"

const run = promisify(execFile)

/** What a page shows in a fence, and in which language. */
interface Sample {
  readonly language: string
  readonly text: string
}

const samplesOf = (page: string): ReadonlyArray<Sample> => {
  const text = readFileSync(new URL(`../../docs/${page}`, import.meta.url), "utf8")
  return [
    ...text.matchAll(/(?<skip><!-- not run: [^\n]* -->\n\n)?^```(?<language>\w+)\n(?<text>[\s\S]*?)^```$/gm)
  ].flatMap(({ groups }) =>
    groups?.skip === undefined ? [{ language: groups?.language ?? "", text: groups?.text ?? "" }] : []
  )
}

/** Values that no two runs have in common: of an id, a time, a token only the place is told. */
const varies = new Set(["id", "jwt", "createdAt", "updatedAt", "expiresAt"])

const parse = (json: string): unknown =>
  JSON.parse(json, (key, value) => (varies.has(key) && typeof value === "string" ? "..." : value))

const temporaryFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "rekey-docs-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
)

/** Runs commands in bash. What they keep in the variables `CODE` and `JWT` is there for the commands after them. */
const shell = (folder: string, commands: string) => {
  const kept = join(folder, "kept")
  const text = `[ ! -e ${kept} ] || . ${kept}\ntrap 'declare -p CODE JWT > ${kept} 2> /dev/null || true' EXIT\n${commands}`
  return Effect.map(
    Effect.promise(() => run("bash", ["-ec", text])),
    ({ stdout }) => stdout
  )
}

const script = (text: string) =>
  Effect.map(
    Effect.promise(() => run("node", ["--input-type=module", "--eval", text])),
    ({ stdout }) => stdout
  )

/** A server as the page's reader has it, with the embedded database and its inbox. */
class Tried extends Context.Service<Tried, ServerProcess>()("rekey/test/Tried") {
  static readonly layer = Layer.effect(Tried, startServer({}))
}

for (const page of ["get-started.md", "api.md"]) {
  layer(Tried.layer, { excludeTestServices: true })(`docs/${page}`, (it) => {
    it.effect(
      "shows what is answered",
      () =>
        Effect.gen(function* () {
          const { url } = yield* Tried
          const samples = samplesOf(page).map(({ language, text }) => ({
            language,
            text: text.replaceAll("http://127.0.0.1:1337", url)
          }))
          assert.isAbove(samples.filter(({ language }) => language === "sh").length, 5)
          const folder = yield* temporaryFolder
          for (const [index, { language, text }] of samples.entries()) {
            if (language !== "sh" && language !== "js") continue
            const stdout = yield* language === "sh" ? shell(folder, text) : script(text)
            const shown = samples[index + 1]
            if (shown?.language === "json") assert.deepStrictEqual(parse(stdout), parse(shown.text), text)
            if (shown?.language === "text") assert.strictEqual(stdout, shown.text, text)
          }
        }),
      60_000
    )
  })
}
