import { execFile } from "node:child_process"
import { copyFile, mkdir, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { assert, it, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { routes } from "../../src/client/operations.ts"
import tsconfig from "../../tsconfig.json" with { type: "json" }
import { type ServerProcess, startServer } from "../support/server.ts"
import { assertShown, inBash, place, project, runOf, type Sample, shownAfter, temporaryFolder } from "./samples.ts"

const run = promisify(execFile)

/** A server as a page's reader has it, with the embedded database and its inbox, but for those who go on faster than people. */
class ReadersServer extends Context.Service<ReadersServer, ServerProcess>()("rekey/test/ReadersServer") {
  static readonly layer = Layer.effect(
    ReadersServer,
    startServer({
      env: {
        RATE_LIMIT: "off",
        ADMIN_TOKENS: "alice:the-token-of-alice-who-is-an-administrator",
        LOG_FORMAT: "json"
      }
    })
  )
}

/** The routes that a server was asked for since its log was so long. */
const routesAsked = Effect.fnUntraced(function* (server: ServerProcess, since: number) {
  // No sample asks for this one, so all of theirs are in the log before it.
  yield* Effect.promise(() => fetch(`${server.url}/openapi.json`).then((response) => response.text()))
  yield* server.waitFor("stderr", new RegExp(`^[^]{${since},}"/openapi.json"`))
  return server.output.stderr
    .slice(since)
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line): { readonly annotations: Readonly<Record<string, unknown>> } => JSON.parse(line))
    .map(({ annotations: { method, route } }) => `${method} ${route}`)
})

/** What the page calls `code` and `jwt`, where an example uses it and doesn't say itself what it is. */
const given = (text: string): string =>
  Object.entries({ code: "await readCode()", jwt: "newestToken()" })
    .filter(([name]) => new RegExp(`\\b${name}\\b`).test(text) && !new RegExp(`const [^=]*\\b${name}\\b`).test(text))
    .map(([name, value]) => `const ${name} = ${value}\n`)
    .join("")

/** The samples as programs that a reader would write of them, in order; one that imports begins the next. */
const programsOf = (samples: ReadonlyArray<Sample>): ReadonlyArray<string> => {
  const programs: Array<string> = []
  for (const { text } of samples) {
    if (programs.length === 0 || /^import /m.test(text)) {
      programs.push(`import { done, newestToken, readCode, tell } from "./reader.ts"\n${given(text)}${text}done()\n`)
    } else programs.push(`${programs.pop()}{\n${given(text)}${text}done()\n}\n`)
  }
  return programs.map((program) => `${program}tell()\n`)
}

const checked = { ...tsconfig.compilerOptions, noUnusedLocals: false, types: ["node"] }

/** A folder in which the package is installed, as its sources: test/e2e holds that what is published has the same in it. */
const withPackage = Effect.tap(temporaryFolder, (folder) =>
  Effect.promise(async () => {
    const packed = join(folder, "node_modules", "@rekey", "server")
    await mkdir(packed, { recursive: true })
    await symlink(join(project, "src"), join(packed, "src"))
    const entries = ["client", "api"].map((entry) => [`./${entry}`, `./src/${entry}/index.ts`])
    await writeFile(
      join(packed, "package.json"),
      JSON.stringify({ type: "module", exports: Object.fromEntries(entries) })
    )
    for (const name of ["effect", "@types"]) {
      await symlink(join(project, "node_modules", name), join(folder, "node_modules", name))
    }
    await writeFile(join(folder, "package.json"), `{ "type": "module" }`)
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: checked }))
    await copyFile(join(project, "test/docs/reader.ts"), join(folder, "reader.ts"))
  })
)

/** Runs samples as programs, those in TypeScript once the compiler agrees; each one's answer. */
const inPrograms = Effect.fnUntraced(function* (samples: ReadonlyArray<Sample>, url: string) {
  const folder = yield* withPackage
  const extension = samples[0]?.language === "ts" ? "ts" : "mjs"
  return yield* Effect.promise(async () => {
    const files = programsOf(samples).map((text, index) => ({ file: join(folder, `${index}.${extension}`), text }))
    await Promise.all(files.map(({ file, text }) => writeFile(file, text)))
    if (extension === "ts") {
      await run(join(project, "node_modules", ".bin", "tsc"), ["--project", folder]).catch(({ stdout }) =>
        assert.fail(`${stdout}\n${files.map(({ text }) => text).join("\n")}`)
      )
    }
    const answers: Array<string> = []
    for (const { file } of files) {
      const { stdout } = await run(process.execPath, [file], { env: { ...process.env, REKEY_URL: url } })
      answers.push(...JSON.parse(stdout.slice(stdout.lastIndexOf("\n[") + 1)))
    }
    return answers
  })
})

const walk = Effect.fnUntraced(function* (page: string, language: string) {
  const server = yield* ReadersServer
  const since = server.output.stderr.length
  const samples = runOf(page).map((sample) => ({
    ...sample,
    text: sample.text.replaceAll("http://127.0.0.1:1337", server.url)
  }))
  const strange = samples.filter((sample) => !["sh", "js", "ts", "json", "text"].includes(sample.language))
  assert.deepStrictEqual(strange.map(place), [], "in a language that nothing here runs")
  const walked = samples.filter((sample) => sample.language === language)
  assert.isAbove(walked.length, 5)
  const answers =
    language === "sh"
      ? yield* inBash(walked, yield* temporaryFolder, { PATH: process.env.PATH ?? "" })
      : yield* inPrograms(walked, server.url)
  assert.lengthOf(answers, walked.length)
  for (const [index, sample] of walked.entries()) {
    const shown = shownAfter(samples, sample)
    if (shown !== undefined) assertShown(sample, answers[index] ?? "", shown)
  }
  return yield* routesAsked(server, since)
})

it.live("docs/get-started.md, from its top to its end, is answered as it says", () =>
  walk("docs/get-started.md", "sh").pipe(Effect.provide(ReadersServer.layer))
)

/** Each way ends with the account deleted, so that the next finds none. */
layer(ReadersServer.layer, { excludeTestServices: true })("docs/api.md, from its top to its end,", (it) => {
  for (const [way, language] of [
    ["curl", "sh"],
    ["fetch", "js"],
    ["the client", "ts"]
  ] as const) {
    it.effect(`is answered as it says by ${way}, and leaves no route out`, () =>
      Effect.gen(function* () {
        const asked = yield* walk("docs/api.md", language)
        const documented = Object.values(routes)
          .flatMap((group): ReadonlyArray<string> => Object.values(group))
          .map((route) => route.replace(/ (body|bearer|query)/g, ""))
        assert.includeMembers([...asked], documented)
      })
    )
  }
})
