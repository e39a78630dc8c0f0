import { execFile, spawn } from "node:child_process"
import { tmpdir } from "node:os"
import { delimiter } from "node:path"
import { setTimeout } from "node:timers/promises"
import { promisify } from "node:util"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { assertShown, inBash, place, project, runOf, shownAfter, temporaryFolder } from "../docs/samples.ts"
import { freePort } from "../support/server.ts"

const run = promisify(execFile)

/** What git has of this repository, in a folder of its own, where nothing is installed yet. */
class Clone extends Context.Service<Clone, { readonly folder: string; readonly env: Record<string, string> }>()(
  "rekey/test/Clone"
) {
  static readonly layer = Layer.effect(
    Clone,
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      yield* Effect.promise(async () => {
        const files = "git ls-files --cached --others --exclude-standard -z | xargs -0 tar cf - --ignore-failed-read"
        await run("bash", ["-c", `${files} | tar xf - -C ${folder}`], { cwd: project })
      })
      // The machine's own programs, and what npm has at hand.
      const path = (process.env.PATH ?? "").split(delimiter).filter((part) => !part.includes("node_modules"))
      return Clone.of({
        folder,
        env: { HOME: process.env.HOME ?? tmpdir(), PATH: path.join(delimiter), npm_config_prefer_offline: "true" }
      })
    })
  )
}

const answers = (url: string, signal: AbortSignal): Promise<boolean> =>
  fetch(url, { signal }).then(
    ({ ok }) => ok,
    () => false
  )

/** Runs what a reader leaves running in a terminal, with all that it starts, until the scope closes. */
const inTerminal = Effect.fnUntraced(function* (text: string, folder: string, env: Record<string, string>) {
  const output = { text: "" }
  const { child, ended } = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn("bash", ["-ec", text], {
        cwd: folder,
        env,
        detached: true,
        stdio: ["ignore", "pipe", "pipe"]
      })
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (some: string) => {
          output.text += some
        })
      }
      return { child, ended: new Promise<void>((resolve) => child.once("close", () => resolve())) }
    }),
    ({ child, ended }) =>
      Effect.promise(() => {
        if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, "SIGKILL")
        return ended
      })
  )
  return Effect.promise(async (signal) => {
    while (!(await answers(`http://127.0.0.1:${env.PORT}/ready`, signal))) {
      if (child.exitCode !== null) await ended.then(() => assert.fail(`${text}\n${output.text}`))
      // Node's own timer, since in a test Effect's clock stands still.
      await setTimeout(100, undefined, { signal })
    }
  })
})

layer(Clone.layer, { excludeTestServices: true })("in a fresh clone", (it) => {
  it.effect(
    "README.md, from its top to its end, is answered as it says",
    () =>
      Effect.gen(function* () {
        const { env, folder } = yield* Clone
        const port = String(yield* freePort)
        const [start, ...samples] = runOf("README.md")
        assert.match(start?.text ?? "", /npm start$/m)
        const ready = yield* inTerminal(start?.text ?? "", folder, { ...env, PORT: port })
        yield* ready
        const shell = samples
          .filter(({ language }) => language === "sh")
          .map((sample) => ({ ...sample, text: sample.text.replaceAll(":1337", `:${port}`) }))
        const said = yield* inBash(shell, yield* temporaryFolder, env)
        assert.deepStrictEqual(
          samples.filter(({ language }) => !["sh", "json", "ini"].includes(language)).map(place),
          []
        )
        for (const [index, sample] of shell.entries()) {
          const shown = shownAfter(samples, samples[samples.findIndex(({ line }) => line === sample.line)] ?? sample)
          if (shown !== undefined) assertShown(sample, said[index] ?? "", shown)
        }
        const signedIn = said.find((text) => text.includes('"jwt"') && text.includes('"ok"')) ?? ""
        assert.match(signedIn, /"jwt":"[^"]+","user":\{[^}]*"username":"ada"[^}]*\}\}\s*$/)
      }),
    300_000
  )
})
