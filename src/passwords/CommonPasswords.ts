import { readFile } from "node:fs/promises"
import { Effect } from "effect"

const lineEnd = 10

/**
 * Reads the list, some 400 kB outside the JavaScript heap: a `Set` of the same takes ten times that, and longer to make. One
 * password a line, lower case, sorted by bytes; tools/commonPasswords.ts makes it, NOTICE says from what.
 */
export const readCommonPasswords: Effect.Effect<Buffer> = Effect.promise(() =>
  readFile(new URL("../../lists/common-passwords.txt", import.meta.url))
)

/** Whether the list holds a password, in whatever case it is written. A binary search over bytes. */
export const isListed = (list: Buffer, password: string): boolean => {
  const wanted = Buffer.from(password.toLowerCase())
  let from = 0
  let to = list.length
  while (from < to) {
    const middle = (from + to) >>> 1
    const start = middle === 0 ? 0 : list.lastIndexOf(lineEnd, middle - 1) + 1
    const end = list.indexOf(lineEnd, start)
    const order = Buffer.compare(wanted, list.subarray(start, end))
    if (order === 0) return true
    if (order < 0) to = start
    else from = end + 1
  }
  return false
}
