import { Data, Runtime } from "effect"

/** With what a command ends that didn't do what it was asked for; 0 is a success, 130 an interruption. docs/cli.md has them. */
const exitCodes = {
  /** It couldn't be done, and nothing was changed. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
  /** It was done in part; the rest was told, line by line. */
  partly: 3,
  /** The database or the mail server can't be used now: trying again later may help. */
  unavailable: 4
} as const

/** A command didn't do what it was asked for; `message` says why, in a line or some, to a person. */
export class NotDone extends Data.TaggedError("NotDone")<{
  readonly message: string
  readonly how: keyof typeof exitCodes
}> {
  override readonly [Runtime.errorExitCode] = exitCodes[this.how]
}

/** A command couldn't do it. */
export const failed = (message: string) => new NotDone({ message, how: "failed" })

/** It was told in a way that isn't understood. */
export const misused = (message: string) => new NotDone({ message, how: "usage" })

/** Who reads the output went away, as `head` does: nobody is left to tell. */
export class OutputClosed extends Data.TaggedError("OutputClosed") {
  override readonly [Runtime.errorExitCode] = exitCodes.failed
}

/** Where nothing but the end is left to tell: all was said line by line. */
export class AllSaid extends Data.TaggedError("AllSaid")<{ readonly how: keyof typeof exitCodes }> {
  override readonly [Runtime.errorExitCode] = exitCodes[this.how]
}

/** The exit code where the database can't be used. */
export const unavailableExitCode = exitCodes.unavailable
