import { Effect, Redacted } from "effect"

/** A line of a terminal is shorter; a password may have 4,096 characters. */
const longest = 64 * 1024

/** What stands on standard input up to its end or the first line end, for what mustn't stand on a command line. */
export const lineFromInput: Effect.Effect<Redacted.Redacted> = Effect.map(
  Effect.promise(async () => {
    let text = ""
    for await (const chunk of process.stdin.setEncoding("utf8")) {
      text += chunk
      if (text.includes("\n") || text.length > longest) break
    }
    return text.split(/\r?\n/, 1)[0] ?? ""
  }),
  (line) => Redacted.make(line, { label: "password" })
)
