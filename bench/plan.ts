import { parseArgs } from "node:util"
import { Data, Effect } from "effect"

/** How much is measured. Counts and not seconds, so that as many accounts and codes as are needed can be made beforehand. */
export interface Plan {
  readonly rounds: number
  /** Resets, and hashes beside them, at 32 at once. */
  readonly resets: number
  /** Resets, and hashes beside them, one at a time. */
  readonly singleResets: number
  readonly badCodes: number
}

/** Under 3 minutes on two cores. */
const whole: Plan = { rounds: 5, resets: 600, singleResets: 100, badCodes: 12_000 }

/** To see that it runs; its figures are rough. */
const quick: Plan = { rounds: 3, resets: 200, singleResets: 50, badCodes: 5000 }

/** What runs before the first round and isn't counted: until then V8 compiles. */
export const warmUpOf = (plan: Plan): Plan => ({ ...plan, rounds: 1, resets: Math.ceil(plan.resets / 3) })

export class OptionsInvalid extends Data.TaggedError("OptionsInvalid")<{ readonly complaint: string }> {
  override get message() {
    return `${this.complaint}\nUsage: npm run bench -- [--quick] [--rounds 5], or npm run bench -- timing [--samples 500]`
  }
}

/** Reads the options of the command line. */
export const readPlan = (parameters: ReadonlyArray<string>): Effect.Effect<Plan, OptionsInvalid> =>
  Effect.try({
    try: () =>
      parseArgs({ args: [...parameters], options: { quick: { type: "boolean" }, rounds: { type: "string" } } }).values,
    catch: (error) => new OptionsInvalid({ complaint: error instanceof Error ? error.message : String(error) })
  }).pipe(
    Effect.flatMap((options) => {
      const plan = options.quick === true ? quick : whole
      const rounds = Number(options.rounds ?? plan.rounds)
      return Number.isInteger(rounds) && rounds >= 3 && rounds <= 100
        ? Effect.succeed({ ...plan, rounds })
        : Effect.fail(new OptionsInvalid({ complaint: "--rounds should be a whole number from 3 to 100" }))
    })
  )
