/** What the examples of a page have around them when a test runs them: a reader, with a mailbox and a memory for tokens. */

const answers: Array<string> = []
const told: Array<string | undefined> = []

const plainly = globalThis.fetch

const newestCode = async (): Promise<string | undefined> => {
  const inbox = await plainly(`${process.env.REKEY_URL}/dev/inbox`, { headers: { accept: "application/json" } })
  return /code=([\w-]{43})/.exec(await inbox.text())?.[1]
}

/** The code that was read last, or there before, and whether a mail with one was asked for since. */
let newest = await newestCode()
let expecting = false

globalThis.fetch = async (input, init) => {
  const url = String(input)
  if (/forgot-password|send-|change-email/.test(url)) expecting = true
  const response = await plainly(input, init)
  answers.push(await response.clone().text())
  return response
}

/** The code of the newest mail; waits for one where one was asked for. */
export const readCode = async (): Promise<string> => {
  for (;;) {
    const code = await newestCode()
    if (code !== undefined && !(expecting && code === newest)) {
      expecting = false
      newest = code
      return code
    }
  }
}

/** The newest token among the answers. */
export const newestToken = (): string =>
  answers.reduce((token, answer) => /"jwt":"([^"]+)"/.exec(answer)?.[1] ?? token, "no token yet")

/** Ends an example: what was answered last in it is its answer. */
export const done = (): void => {
  told.push(answers.at(-1))
}

/** The answer of each example. */
export const tell = (): void => console.log(`\n${JSON.stringify(told)}`)
