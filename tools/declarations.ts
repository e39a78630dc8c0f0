/**
 * The declarations in dist name their neighbours as .ts files, as the sources do: TypeScript finds the .d.ts for these, others such as
 * Deno look for the file that is named. They get the names that the JavaScript beside them has; no column moves, so the maps hold.
 */
import { glob, readFile, writeFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"

const dist = fileURLToPath(new URL("../dist/", import.meta.url))

for await (const file of glob(`${dist}**/*.d.ts`)) {
  const text = await readFile(file, "utf8")
  await writeFile(file, text.replace(/(?<=\b(?:from |import\()"\.{1,2}\/[^"\n]+)\.ts(?=")/g, ".js"))
}
