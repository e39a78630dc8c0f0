import { isDeepStrictEqual } from "node:util"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import * as fc from "fast-check"
import { interleavings, names, type Operation, perform, type State, view } from "./model.ts"
import type { World } from "./service.ts"
import { takeTurns } from "./turns.ts"

/** The model's state, replaced as a whole by each operation. */
export interface Model {
  state: State
}

/** The real services; `run` runs what they do. */
export interface Real {
  readonly world: World["Service"]
  run<A>(effect: Effect.Effect<A>): Promise<A>
}

/** An operation before its choices are made, which depend on what there is by then. */
type Plan = (state: State) => Operation

/** Says what was planned, in a failure's report. */
const named = (words: string, plan: Plan): Plan =>
  Object.assign((state: State) => plan(state), { toString: () => words })

const fresh = (state: State) => `phrase number ${state.passwords++} of the model`

/** The password in force, the one before it, or another. */
const passwordFor = (state: State, name: number, which: "right" | "old" | "wrong"): string => {
  const account = state.accounts.findLast((account) => account.name === name && !account.gone)
  if (which === "right" && account !== undefined) return account.password
  if (which === "old" && account !== undefined) return account.former.at(-1) ?? "a phrase that it never had"
  return "a phrase of somebody else"
}

const name = fc.constantFrom(...names)
/** Counted from the newest. */
const place = fc.oneof({ arbitrary: fc.constant(0), weight: 3 }, { arbitrary: fc.nat(4), weight: 2 })
const newest = (list: ReadonlyArray<unknown>, back: number) => list.length - 1 - back
const which = fc.constantFrom("right", "right", "old", "wrong")

const register = name.map((name) =>
  named(`register ${name}`, (state) => ({ _tag: "Register", name, password: fresh(state) }))
)
const signIn = fc.tuple(name, which, fc.boolean()).map(([name, which, byUsername]) =>
  named(`sign in ${name} ${which}`, (state) => ({
    _tag: "SignIn",
    name,
    byUsername,
    password: passwordFor(state, name, which)
  }))
)
const forgot = name.map((name) => named(`forgot ${name}`, () => ({ _tag: "Forgot", name })))
const work = fc.constant(named("work", () => ({ _tag: "Work" })))
const deliver = fc.constant(named("deliver", () => ({ _tag: "Deliver" })))
const check = place.map((back) =>
  named(`check code -${back}`, (state) => ({ _tag: "Check", code: newest(state.codes, back) }))
)
const reset = place.map((back) =>
  named(`reset with code -${back}`, (state) => ({
    _tag: "Reset",
    code: newest(state.codes, back),
    password: fresh(state)
  }))
)
const changePassword = fc.tuple(place, which).map(([back, which]) =>
  named(`change password in session -${back} ${which}`, (state) => {
    const session = newest(state.sessions, back)
    const owner = state.accounts[state.sessions[session]?.account ?? -1]?.name ?? 0
    const current = passwordFor(state, owner, which)
    return { _tag: "ChangePassword", session, current, password: fresh(state) }
  })
)
const inSession = <Tag extends "Authenticate" | "SignOut" | "EndOthers">(_tag: Tag) =>
  place.map((back) => named(`${_tag} session -${back}`, (state) => ({ _tag, session: newest(state.sessions, back) })))
const block = fc
  .tuple(name, fc.boolean())
  .map(([name, blocked]) => named(`${blocked ? "block" : "unblock"} ${name}`, () => ({ _tag: "Block", name, blocked })))
const remove = name.map((name) => named(`delete ${name}`, () => ({ _tag: "Delete", name })))
/**
 * Multiples of 20 seconds, as all limits are: what takes milliseconds in between never decides whether a limit is reached.
 */
const pass = fc
  .constantFrom(20, 60, 60, 600, 1800, 3600)
  .map((seconds) => named(`${seconds} s pass`, () => ({ _tag: "Pass", seconds })))

const explain = (words: string, told: unknown, expected: unknown) =>
  `${words}\n  told ${JSON.stringify(told)}\n  should be ${JSON.stringify(expected)}`

/** Operations one after the other, each of which must tell what the model tells. */
class InOrder implements fc.AsyncCommand<Model, Real> {
  readonly #plans: ReadonlyArray<Plan>

  constructor(plans: ReadonlyArray<Plan>) {
    this.#plans = plans
  }

  check() {
    return true
  }

  async run(model: Model, real: Real) {
    for (const plan of this.#plans) {
      const operation = plan(model.state)
      const { made, outcome } = await real.run(real.world.perform(operation))
      const expected = perform(model.state, operation)
      assert.deepStrictEqual(outcome, expected, explain(String(plan), outcome, expected))
      await real.run(real.world.keep(made))
    }
  }

  toString() {
    return this.#plans.join(", ")
  }
}

/**
 * Two clients at once. What they are told and what is left must be what some interleaving of their steps tells and leaves.
 * `choices` say who goes on at each call of the store or the hasher; without them the machine decides.
 */
class AtOnce implements fc.AsyncCommand<Model, Real> {
  readonly #before: InOrder
  readonly #plans: readonly [Plan, Plan]
  readonly #choices: ReadonlyArray<number> | undefined

  constructor(before: ReadonlyArray<Plan>, plans: readonly [Plan, Plan], choices: ReadonlyArray<number> | undefined) {
    this.#before = new InOrder(before)
    this.#plans = plans
    this.#choices = choices
  }

  check() {
    return true
  }

  async run(model: Model, real: Real) {
    const { run, world } = real
    await this.#before.run(model, real)
    const operations = [this.#plans[0](model.state), this.#plans[1](model.state)] as const
    const clients = [world.perform(operations[0]), world.perform(operations[1])] as const
    const told = await run(
      this.#choices === undefined
        ? Effect.all(clients, { concurrency: "unbounded" })
        : takeTurns(clients, this.#choices)
    )
    const outcomes = told.map(({ outcome }) => outcome)
    const possible = interleavings(model.state, operations)
    const fitting = possible.filter((one) => isDeepStrictEqual(one.outcomes, outcomes))
    const allowed = possible.map(({ outcomes }) => outcomes)
    assert.isNotEmpty(fitting, explain(this.toString(), outcomes, allowed))
    // What both made takes its places in their order: of the interleavings that fit, one has it so.
    const made = told.map(({ made }) => made)
    await run(world.keep(made.flat()))
    const seen = await run(world.view)
    const left = fitting.find(({ state }) => isDeepStrictEqual(view(state), seen))
    assert(
      left !== undefined,
      `after: ${explain(
        this.toString(),
        seen,
        fitting.map(({ state }) => view(state))
      )}`
    )
    model.state = left.state
  }

  toString() {
    const order = this.#choices === undefined ? "" : ` in the order ${this.#choices.join("")}`
    return `${this.#before}; at once${order}: ${this.#plans.join(" | ")}`
  }
}

/** A way to a live code: the cooldown passes, somebody asks, the worker issues. */
const wayToCode = (name: number): ReadonlyArray<Plan> => [
  named("60 s pass", () => ({ _tag: "Pass", seconds: 60 })),
  named(`forgot ${name}`, () => ({ _tag: "Forgot", name })),
  named("work", () => ({ _tag: "Work" }))
]

const anything = fc.oneof(
  ...[register, signIn, forgot, work, check, reset, changePassword, block],
  ...(["Authenticate", "SignOut", "EndOthers"] as const).map(inSession)
)

/** A live code, and then its reset at once with whatever might undo it or be undone by it. */
const contest = fc.tuple(name, fc.nat(5), fc.boolean()).map(([name, rival, first]) => {
  const before = wayToCode(name)
  const reset = named("reset with code -0", (state) => ({
    _tag: "Reset",
    code: newest(state.codes, 0),
    password: fresh(state)
  }))
  const signIn = named(`sign in ${name} right`, (state) => {
    return { _tag: "SignIn", name, byUsername: false, password: passwordFor(state, name, "right") }
  })
  const change = named(`change password of ${name}`, (state) => ({
    _tag: "ChangePassword",
    session: state.sessions.findLastIndex(({ account }) => state.accounts[account]?.name === name),
    current: passwordFor(state, name, "right"),
    password: fresh(state)
  }))
  const block = named(`block ${name}`, () => ({ _tag: "Block", name, blocked: true }))
  const work = named("work", () => ({ _tag: "Work" }))
  const expire = named("1800 s pass", () => ({ _tag: "Pass", seconds: 1800 }))
  const other = [reset, signIn, change, block, work, expire][rival] ?? reset
  const more = other === work ? wayToCode(name).slice(0, 2) : []
  // Time is shifted table by table, between two steps of a client and not during one.
  const stepwise = other === expire
  return {
    before: [...before, ...more],
    stepwise,
    plans: first ? ([reset, other] as const) : ([other, reset] as const)
  }
})

const pair = fc.tuple(anything, anything).map((plans) => ({ before: [], stepwise: false, plans }))

const choices = fc.option(fc.array(fc.nat(1), { minLength: 4, maxLength: 10 }), { nil: undefined, freq: 4 })

const inOrder = (plan: fc.Arbitrary<Plan>) => plan.map((plan) => new InOrder([plan]))

const single = [
  register,
  register,
  signIn,
  signIn,
  forgot,
  work,
  deliver,
  check,
  reset,
  reset,
  changePassword,
  block,
  remove,
  pass,
  pass
]

/** Both accounts are there at first. */
export const prelude = new InOrder(
  names.map((name) => named(`register ${name}`, (state) => ({ _tag: "Register", name, password: fresh(state) })))
)

/** Everything that one client, or two at once, can do; what is there more than once comes more often. */
export const commands = fc.commands(
  [
    ...single.map(inOrder),
    ...(["Authenticate", "SignOut", "EndOthers"] as const).map(inSession).map(inOrder),
    ...Array.from({ length: 3 }, () => name.map((name) => new InOrder(wayToCode(name)))),
    ...[contest, contest, contest, contest, contest, contest, pair, pair, pair].map((rivals) =>
      fc
        .tuple(rivals, choices)
        .map(
          ([{ before, plans, stepwise }, choices]) => new AtOnce(before, plans, choices ?? (stepwise ? [] : undefined))
        )
    )
  ],
  { size: "max", maxCommands: 40 }
)
