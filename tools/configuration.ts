/**
 * Makes the list in docs/configuration.md of .env.example, which names every setting with its default:
 *
 *   node tools/configuration.ts          complains where the list is another
 *   node tools/configuration.ts --write  writes it
 */
import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

interface Described {
  readonly words: string
  readonly settings: ReadonlyArray<{ readonly name: string; readonly value: string }>
}

const project = new URL("../", import.meta.url)
const page = new URL("docs/configuration.md", project)
const mark = /(?<=<!-- settings -->\n\n)[\s\S]*(?=\n\n<!-- \/settings -->)/

/** Comment lines describe the settings below them, up to the next comment. */
const described = (example: string): ReadonlyArray<Described> => {
  const found: Array<{ words: string; settings: Array<{ name: string; value: string }> }> = []
  let open = false
  // The first two lines are about the file.
  for (const line of example.split("\n").slice(2)) {
    const [, comment] = /^# ?(.*)$/.exec(line) ?? []
    const [, name, value] = /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(line) ?? []
    const last = found.at(-1)
    if (comment !== undefined) {
      if (open && last !== undefined) last.words += ` ${comment}`
      else found.push({ words: comment, settings: [] })
      open = true
    } else {
      if (name !== undefined && value !== undefined) last?.settings.push({ name, value })
      open = false
    }
  }
  return found
}

const named = ({ name, value }: Described["settings"][number]) =>
  value === "" ? `\`${name}\`` : `\`${name}=${value}\``

const list = (example: string): string =>
  described(example)
    .map(({ settings, words }) => `- ${settings.map(named).join(", ")}  \n  ${words}`)
    .join("\n")

const before = readFileSync(page, "utf8")
const after = before.replace(mark, () => list(readFileSync(new URL(".env.example", project), "utf8")))
if (process.argv.includes("--write")) writeFileSync(page, after)
else if (after !== before) {
  console.error(`${fileURLToPath(page)} is not what .env.example says: run \`npm run format\`.`)
  process.exitCode = 1
}
