import { execFile } from "node:child_process"
import { availableParallelism, cpus } from "node:os"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { gzipSync } from "node:zlib"
import { Console, Effect } from "effect"
import { rolldown } from "rolldown"
import { loadBefore } from "./machine.ts"
import { readDocs } from "./plan.ts"
import { asMarkdown, asText, cell, type Table } from "./report.ts"
import { writeSection } from "./results.ts"
import { build } from "./server.ts"

/** What the package gives to import: its name, and whether a bundle for a browser can be made of it. */
const entries = [
  { name: "@rekey/server", file: "dist/index.js", forBrowsers: false },
  { name: "@rekey/server/api", file: "dist/api/index.js", forBrowsers: true },
  { name: "@rekey/server/client", file: "dist/client/index.js", forBrowsers: true },
  { name: "@rekey/server/testing", file: "dist/testing/index.js", forBrowsers: false }
] as const

type Entry = (typeof entries)[number]

const pathOf = ({ file }: Entry) => fileURLToPath(new URL(`../${file}`, import.meta.url))

/** The minified code of an entry: of this package alone, or with all that it imports. */
const bundled = async (entry: Entry, imports: "alone" | "whole"): Promise<Buffer> => {
  const bundle = await rolldown({
    input: pathOf(entry),
    platform: imports === "whole" ? "browser" : "node",
    ...(imports === "alone" && { external: (id) => !/^[./]/.test(id) })
  })
  const { output } = await bundle.generate({ format: "esm", minify: true, codeSplitting: false })
  await bundle.close()
  return Buffer.concat(output.map((part) => Buffer.from(part.type === "chunk" ? part.code : part.source)))
}

/** Imports a module in a process of its own: for how long, and how many files that opened. */
const program = `import { registerHooks } from "node:module"
let files = 0
registerHooks({ load: (url, context, next) => { if (url.startsWith("file:")) files++; return next(url, context) } })
const began = performance.now()
await import(process.argv[1])
console.log(JSON.stringify({ millis: performance.now() - began, files }))`

const imported = async (entry: Entry): Promise<{ readonly millis: number; readonly files: number }> =>
  JSON.parse(
    (await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program, pathOf(entry)])).stdout
  )

const kilobytes = (code: Buffer | undefined): string => (code === undefined ? "" : (code.byteLength / 1000).toFixed(1))

const measure = async (entry: Entry, times: number) => {
  const own = await bundled(entry, "alone")
  const whole = entry.forBrowsers ? await bundled(entry, "whole") : undefined
  await imported(entry) // the first reads the disk
  const imports = []
  for (let time = 0; time < times; time++) imports.push(await imported(entry))
  return [
    `\`${entry.name}\``,
    kilobytes(own),
    kilobytes(whole),
    kilobytes(whole && gzipSync(whole)),
    String(imports[0]?.files ?? 0),
    cell(
      imports.map(({ millis }) => millis),
      0
    )
  ] as const
}

const head = ["entry", "own code, kB", "with its imports, kB", "… gzip, kB", "files opened", "import, ms"]

/** How much code each entry of the package is, minified, and how long Node takes to import it. */
export const entriesWeighed = Effect.fnUntraced(function* (
  parameters: ReadonlyArray<string>,
  progress: (text: string) => Effect.Effect<void>
) {
  const docs = yield* readDocs(parameters)
  const load = yield* loadBefore
  yield* progress("Building...")
  yield* build
  const rows: Array<Table["rows"][number]> = []
  for (const entry of entries) rows.push(yield* Effect.promise(() => measure(entry, 11)))
  const table: Table = { head, rows }
  const circumstances = `Node ${process.versions.node} on ${availableParallelism()} cores of ${cpus()[0]?.model.trim() ?? "an unknown processor"}; import times are medians of 11, the least and the most in brackets, each in a process of its own with warm files. Before it began, ${load.toFixed(1)} processes of others wanted a core.`
  yield* Console.log([circumstances, asText(table)].join("\n\n"))
  if (docs) yield* writeSection("entries", [circumstances, asMarkdown(table)], {})
})
