import { Layer, Logger, Option, References } from "effect"
import type { Settings } from "./settings.ts"

/** Lines wait so many milliseconds at most, to be written together: a write a line takes longer than all else about it. */
const gatherMillis = 20

/** Writes lines to standard error; what waits when the process ends, however it does but by SIGKILL, is written then. */
const makeLineWriter = () => {
  let waiting = ""
  const write = () => {
    if (waiting === "") return
    const lines = waiting
    waiting = ""
    process.stderr.write(lines)
  }
  process.on("exit", write)
  return (line: string): void => {
    if (waiting === "") setTimeout(write, gatherMillis)
    waiting += `${line}\n`
  }
}

/** One for the process, however many of us it has. */
let lineWriter: ReturnType<typeof makeLineWriter> | undefined
const writeLine = (line: string): void => {
  lineWriter ??= makeLineWriter()
  lineWriter(line)
}

/** One structured line an event, to standard error: standard output is for people and for the development inbox. */
export const Logging = (settings: Pick<Settings, "logFormat" | "logLevel">): Layer.Layer<never> => {
  const format = Option.getOrElse(settings.logFormat, () => (process.stderr.isTTY ? "pretty" : "json"))
  const logger = format === "pretty" ? Logger.consolePretty() : Logger.map(Logger.formatJson, writeLine)
  return Layer.mergeAll(
    Logger.layer([logger]),
    Layer.succeed(Logger.LogToStderr, true),
    Layer.succeed(References.MinimumLogLevel, settings.logLevel)
  )
}
