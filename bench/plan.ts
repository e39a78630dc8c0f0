import { parseArgs } from "node:util"
import { Data, Effect } from "effect"

/** How much is measured. Counts and not seconds, so that as many accounts and codes as are needed can be made beforehand. */
export interface Plan {
  readonly rounds: number
  /** Resets at 32 at once, and hashes beside them; at 1, 8 and 256 at once in proportion. */
  readonly resets: number
  readonly badCodes: number
  /** After so many resets in all, memory is read. */
  readonly resetsInAll: number
}

/** A quarter of an hour on two cores. */
const whole: Plan = { rounds: 5, resets: 400, badCodes: 6000, resetsInAll: 10_000 }

/** To see that it runs; its figures are rough. */
const quick: Plan = { rounds: 3, resets: 80, badCodes: 1000, resetsInAll: 0 }

export class OptionsInvalid extends Data.TaggedError("OptionsInvalid")<{ readonly complaint: string }> {
  override get message() {
    return `${this.complaint}
Usage: npm run bench -- [--quick] [--rounds 5] [--docs]
       npm run bench -- timing [--samples 500]
       npm run bench -- formats [--docs]
       npm run bench -- growth [--accounts 1000,1000000,10000000] [--docs]
       npm run bench -- soak [--minutes 60] [--docs]
       npm run bench -- scaling [--docs]
       npm run bench -- partitions [--rows 1000000] [--docs]
       npm run bench -- entries [--docs]
       npm run bench -- flame [--docs]`
  }
}

export interface Options {
  readonly plan: Plan
  /** Whether what was measured goes into docs/performance.md. */
  readonly docs: boolean
}

/** Reads the options of the command line. */
export const readOptions = (parameters: ReadonlyArray<string>): Effect.Effect<Options, OptionsInvalid> =>
  Effect.try({
    try: () =>
      parseArgs({
        args: [...parameters],
        options: { quick: { type: "boolean" }, rounds: { type: "string" }, docs: { type: "boolean" } }
      }).values,
    catch: (error) => new OptionsInvalid({ complaint: error instanceof Error ? error.message : String(error) })
  }).pipe(
    Effect.flatMap(({ docs = false, quick: isQuick = false, ...options }) => {
      const plan = isQuick ? quick : whole
      const rounds = Number(options.rounds ?? plan.rounds)
      return Number.isInteger(rounds) && rounds >= 3 && rounds <= 100
        ? Effect.succeed({ plan: { ...plan, rounds }, docs })
        : Effect.fail(new OptionsInvalid({ complaint: "--rounds should be a whole number from 3 to 100" }))
    })
  )

/** Reads the options of a command that has `--docs` alone. */
export const readDocs = (parameters: ReadonlyArray<string>): Effect.Effect<boolean, OptionsInvalid> =>
  Effect.try({
    try: () => parseArgs({ args: [...parameters], options: { docs: { type: "boolean" } } }).values.docs ?? false,
    catch: (error) => new OptionsInvalid({ complaint: error instanceof Error ? error.message : String(error) })
  })
