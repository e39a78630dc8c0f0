import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import type { Mutation } from "./mutations.ts"

const project = new URL("../../", import.meta.url)

/** The text of the mutation's file with the bug in it; fails where what is to be broken isn't there, or is there twice. */
export const mutated = async ({ also, file, from, name, to }: Mutation): Promise<string> => {
  let text = await readFile(fileURLToPath(new URL(file, project)), "utf8")
  for (const change of [{ from, to }, ...(also ? [also] : [])]) {
    const pieces = text.split(change.from)
    if (pieces.length !== 2) {
      throw new Error(`"${name}" fits ${pieces.length - 1} times in ${file}, and has to once: ${change.from}`)
    }
    text = pieces.join(change.to)
  }
  return text
}
