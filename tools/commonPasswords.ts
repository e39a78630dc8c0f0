/**
 * Makes lists/common-passwords.txt from the dictionary of @zxcvbn-ts/language-common (MIT, see NOTICE):
 *
 *   npm pack @zxcvbn-ts/language-common@4.1.3 && tar xzf zxcvbn-ts-language-common-4.1.3.tgz
 *   node tools/commonPasswords.ts package/src/passwords.json > lists/common-passwords.txt
 */
import { readFileSync } from "node:fs"

const passwords: ReadonlyArray<string> = JSON.parse(readFileSync(process.argv[2] ?? "passwords.json", "utf8"))

// One a line, in the form in which they are looked up, in the order of their bytes: a binary search needs no more.
const lines = [...new Set(passwords.map((password) => password.normalize("NFC").toLowerCase()))]
  .map((password) => Buffer.from(`${password}\n`))
  .sort(Buffer.compare)
process.stdout.write(Buffer.concat(lines))
