import { Effect } from "effect"

const width = 40

/** Shows on standard error how far a long piece of work is: a bar on a terminal, else a line at each tenth. */
export const makeProgressBar = (label: string, total: number) => {
  let shown = -1
  return (done: number): Effect.Effect<void> =>
    Effect.sync(() => {
      const share = Math.min(1, done / total)
      const step = process.stderr.isTTY ? Math.floor(share * width) : Math.floor(share * 10)
      if (step === shown) return
      shown = step
      const percent = `${Math.floor(share * 100)}%`.padStart(4)
      if (process.stderr.isTTY) {
        const bar = "#".repeat(step).padEnd(width, "-")
        process.stderr.write(`\r${label} [${bar}]${percent}${share === 1 ? "\n" : ""}`)
      } else process.stderr.write(`${label} ${percent}\n`)
    })
}
