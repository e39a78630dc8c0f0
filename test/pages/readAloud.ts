import type { Page } from "playwright-core"
import { accessibilityTree } from "../support/accessibilityTree.ts"

/** Behind this line docs/accessibility.md is written by `npm run pictures`. */
const begin = "<!-- npm run pictures writes what follows; test/pages holds it. -->\n"

/** The page that people come to from a mail is told whole, and the others in short. */
export const readAloud = async (page: Page, name: string): Promise<string> => {
  const tree = await accessibilityTree(page, { short: !name.startsWith("reset") })
  return `\n### ${name}\n\n\`\`\`text\n${tree}\n\`\`\`\n`
}

/** The file with these pages in the place of those that it had. */
export const withTrees = (file: string, trees: ReadonlyArray<string>): string =>
  `${file.slice(0, file.indexOf(begin))}${begin}${trees.join("")}`
