/**
 * The life of accounts, codes, sessions and mails as it should be, in as few words as it can be said, and without a database. An
 * operation is a generator: what it does between two `yield`s happens at once, and between them another client may come in.
 */

export const limits = { codeTtlMillis: 1_800_000, cooldownMillis: 60_000, hourlyCap: 3 }
export const sessionTtlMillis = 2 * 3_600_000

interface Account {
  readonly name: number
  password: string
  readonly former: Array<string>
  version: number
  changedAt: number
  liveCode: number | undefined
  confirmed: boolean
  blocked: boolean
  gone: boolean
}

interface Code {
  readonly account: number
  readonly issuedAt: number
  readonly expiresAt: number
  used: boolean
}

interface Session {
  readonly account: number
  readonly expiresAt: number
  version: number
  ended: boolean
}

/** Times are in microseconds, and no two events share one. Accounts, codes and sessions are named by their place. */
export interface State {
  now: number
  passwords: number
  readonly accounts: Array<Account>
  readonly codes: Array<Code>
  readonly sessions: Array<Session>
  readonly requests: Array<{ readonly name: number; readonly askedAt: number }>
  readonly mails: Array<number>
}

export const start = (): State => ({
  now: 0,
  passwords: 0,
  accounts: [],
  codes: [],
  sessions: [],
  requests: [],
  mails: []
})

/** What is done, every choice made. A code or a session that there isn't stands for one that nobody was given. */
export type Operation =
  | { readonly _tag: "Register"; readonly name: number; readonly password: string }
  | { readonly _tag: "SignIn"; readonly name: number; readonly password: string; readonly byUsername: boolean }
  | { readonly _tag: "Forgot"; readonly name: number }
  | { readonly _tag: "Work" }
  | { readonly _tag: "Deliver" }
  | { readonly _tag: "Check"; readonly code: number }
  | { readonly _tag: "Reset"; readonly code: number; readonly password: string }
  | { readonly _tag: "ChangePassword"; readonly session: number; readonly current: string; readonly password: string }
  | { readonly _tag: "Authenticate"; readonly session: number }
  | { readonly _tag: "SignOut"; readonly session: number }
  | { readonly _tag: "EndOthers"; readonly session: number }
  | { readonly _tag: "Block"; readonly name: number; readonly blocked: boolean }
  | { readonly _tag: "Delete"; readonly name: number }
  | { readonly _tag: "Pass"; readonly seconds: number }

/** What a client is told: the tag of the error, or a word for the success; and whose it is, where that is told. */
export interface Outcome {
  readonly _tag: string
  readonly name?: number | undefined
  readonly mails?: ReadonlyArray<{ readonly code: number; readonly name: number; readonly lives: boolean }>
}

const only = (_tag: string): Outcome => ({ _tag })

const accountOf = (state: State, name: number) =>
  state.accounts.findIndex((account) => account.name === name && !account.gone)

/** Whether a session may be used; its account. */
const authenticated = (state: State, session: number): number | undefined => {
  const found = state.sessions[session]
  const account = state.accounts[found?.account ?? -1]
  return found !== undefined &&
    account !== undefined &&
    !found.ended &&
    !account.gone &&
    !account.blocked &&
    found.version === account.version &&
    found.expiresAt > state.now
    ? found.account
    : undefined
}

/** The first reason against a code: used, superseded, expired, blocked. */
const codeState = (state: State, code: number): string => {
  const found = state.codes[code]
  const account = state.accounts[found?.account ?? -1]
  if (found === undefined || account === undefined || account.gone) return "ResetCodeNotFound"
  if (found.used) return "ResetCodeUsed"
  if (account.liveCode !== code) return "ResetCodeSuperseded"
  if (found.expiresAt <= state.now) return "ResetCodeExpired"
  return account.blocked ? "AccountBlocked" : "Live"
}

const setPassword = (account: Account, password: string, now: number): void => {
  account.former.push(account.password)
  account.password = password
  account.version++
  account.changedAt = now
  account.liveCode = undefined
}

const openSession = (state: State, account: number, version: number): boolean => {
  const found = state.accounts[account]
  if (found === undefined || found.gone || found.blocked || found.version !== version) return false
  state.sessions.push({ account, version, expiresAt: state.now + sessionTtlMillis * 1000, ended: false })
  return true
}

const endSessions = (state: State, account: number, keep?: number): void => {
  for (const [index, session] of state.sessions.entries()) {
    if (session.account === account && index !== keep) session.ended = true
  }
}

type Steps = Generator<void, Outcome, void>

function* register(state: State, name: number, password: string): Steps {
  if (accountOf(state, name) !== -1) return only("AccountExists")
  const account = {
    name,
    password,
    former: [],
    version: 1,
    changedAt: state.now,
    liveCode: undefined,
    confirmed: false,
    blocked: false,
    gone: false
  }
  const index = state.accounts.push(account) - 1
  yield
  return openSession(state, index, 1) ? { _tag: "SignedIn", name } : only("Unavailable")
}

function* signIn(state: State, name: number, password: string): Steps {
  for (let time = 0; time < 2; time++) {
    const index = accountOf(state, name)
    const account = state.accounts[index]
    if (account === undefined || account.password !== password) return only("InvalidCredentials")
    if (account.blocked) return only("AccountBlocked")
    const { version } = account
    yield
    if (openSession(state, index, version)) return { _tag: "SignedIn", name }
    yield
  }
  return only("InvalidCredentials")
}

const work = (state: State): Outcome => {
  const name = state.requests[0]?.name
  if (name === undefined) return only("None")
  const mine = state.requests.filter((request) => request.name === name)
  const others = state.requests.filter((request) => request.name !== name)
  state.requests.splice(0, Number.POSITIVE_INFINITY, ...others)
  const index = accountOf(state, name)
  const account = state.accounts[index]
  const askedAt = Math.max(...mine.map((request) => request.askedAt))
  if (account === undefined || account.blocked || account.changedAt >= askedAt) return only("Dropped")
  const issued = state.codes.filter((code) => code.account === index).map(({ issuedAt }) => issuedAt)
  const cooling = issued.some((issuedAt) => issuedAt > state.now - limits.cooldownMillis * 1000)
  const lately = issued.filter((issuedAt) => issuedAt > state.now - 3_600_000_000).length
  const live = state.codes[account.liveCode ?? -1]
  const lockedOut = live === undefined || live.expiresAt <= state.now
  if (cooling || (lately >= limits.hourlyCap && !lockedOut)) return only("Dropped")
  const code = { account: index, issuedAt: state.now, expiresAt: state.now + limits.codeTtlMillis * 1000, used: false }
  account.liveCode = state.codes.push(code) - 1
  state.mails.push(account.liveCode)
  return { _tag: "Issued", name }
}

const deliver = (state: State): Outcome => {
  const mails = state.mails.splice(0, Number.POSITIVE_INFINITY).flatMap((code) => {
    const account = state.accounts[state.codes[code]?.account ?? -1]
    return account === undefined || account.gone
      ? []
      : [{ code, name: account.name, lives: codeState(state, code) === "Live" }]
  })
  return { _tag: "Delivered", mails }
}

function* reset(state: State, code: number, password: string): Steps {
  const looked = codeState(state, code)
  if (looked !== "Live") return only(looked)
  yield
  const now = codeState(state, code)
  const found = state.codes[code]
  const account = state.accounts[found?.account ?? -1]
  if (now !== "Live" || found === undefined || account === undefined) return only(now)
  setPassword(account, password, state.now)
  account.confirmed = true
  found.used = true
  endSessions(state, found.account)
  return { _tag: "Reset", name: account.name }
}

function* changePassword(state: State, session: number, current: string, password: string): Steps {
  const index = authenticated(state, session)
  const account = state.accounts[index ?? -1]
  if (index === undefined || account === undefined) return only("Unauthenticated")
  yield
  if (account.gone) return only("Unauthenticated")
  if (account.password !== current) return only("InvalidCredentials")
  const { version } = account
  yield
  if (account.gone || account.blocked || account.version !== version) return only("Unauthenticated")
  setPassword(account, password, state.now)
  endSessions(state, index, session)
  const kept = state.sessions[session]
  if (kept !== undefined) kept.version = account.version
  return { _tag: "SignedIn", name: account.name }
}

function* withSession(state: State, session: number, act: (account: number) => void): Steps {
  const index = authenticated(state, session)
  if (index === undefined) return only("Unauthenticated")
  yield
  act(index)
  return only("Done")
}

/** The steps of an operation. */
export function* steps(state: State, operation: Operation): Steps {
  switch (operation._tag) {
    case "Register":
      return yield* register(state, operation.name, operation.password)
    case "SignIn":
      return yield* signIn(state, operation.name, operation.password)
    case "Forgot":
      state.requests.push({ name: operation.name, askedAt: state.now })
      return only("Done")
    case "Work":
      return work(state)
    case "Deliver":
      return deliver(state)
    case "Check":
      return only(codeState(state, operation.code))
    case "Reset":
      return yield* reset(state, operation.code, operation.password)
    case "ChangePassword":
      return yield* changePassword(state, operation.session, operation.current, operation.password)
    case "Authenticate": {
      const index = authenticated(state, operation.session)
      return index === undefined
        ? only("Unauthenticated")
        : { _tag: "Authenticated", name: state.accounts[index]?.name }
    }
    case "SignOut":
      return yield* withSession(state, operation.session, () => {
        const session = state.sessions[operation.session]
        if (session !== undefined) session.ended = true
      })
    case "EndOthers":
      return yield* withSession(state, operation.session, (account) => endSessions(state, account, operation.session))
    case "Block": {
      const account = state.accounts[accountOf(state, operation.name)]
      if (account !== undefined) {
        // Its sessions end for good; a change of password or a sign-in that is under way counts as overtaken.
        if (operation.blocked && !account.blocked) account.version++
        account.blocked = operation.blocked
      }
      return only("Done")
    }
    case "Delete": {
      const account = state.accounts[accountOf(state, operation.name)]
      if (account !== undefined) account.gone = true
      return only("Done")
    }
    case "Pass":
      state.now += operation.seconds * 1_000_000
      return only("Done")
  }
}

/** One operation with nobody in between; what it tells. */
export const perform = (state: State, operation: Operation): Outcome =>
  performBoth(state, [operation], () => 0)[0] ?? only("")

/** Operations step by step, whoever `next` says (of those that aren't done) taking the next step; what each tells. */
export const performBoth = (
  state: State,
  operations: ReadonlyArray<Operation>,
  next: (waiting: number) => number
): ReadonlyArray<Outcome> => {
  const outcomes: Array<Outcome> = []
  const running = operations.map((operation, place) => ({ place, steps: steps(state, operation) }))
  while (running.length > 0) {
    const turn = next(running.length)
    state.now++
    const { done, value } = running[turn]?.steps.next() ?? { done: true, value: only("") }
    if (!done) continue
    const [ended] = running.splice(turn, 1)
    if (value) outcomes[ended?.place ?? 0] = value
  }
  return outcomes
}

/** All that can come of two operations at once: what both tell, and the state after it. */
export const interleavings = (
  state: State,
  operations: readonly [Operation, Operation]
): ReadonlyArray<{ readonly outcomes: ReadonlyArray<Outcome>; readonly state: State }> => {
  const results: Array<{ readonly outcomes: ReadonlyArray<Outcome>; readonly state: State }> = []
  const explore = (choices: ReadonlyArray<number>): void => {
    let open = false
    let taken = 0
    const after = structuredClone(state)
    const outcomes = performBoth(after, operations, (waiting) => {
      if (waiting === 1) return 0
      const choice = choices[taken++]
      if (choice === undefined) open = true
      return choice ?? 0
    })
    if (!open) return void results.push({ outcomes, state: after })
    explore([...choices, 0])
    explore([...choices, 1])
  }
  explore([])
  return results
}

/** What can be seen from outside without changing anything. */
export interface View {
  readonly accounts: ReadonlyArray<
    { readonly password: string; readonly confirmed: boolean; readonly blocked: boolean } | undefined
  >
  readonly codes: ReadonlyArray<string>
  readonly sessions: ReadonlyArray<number | undefined>
  readonly requests: ReadonlyArray<{ readonly name: number; readonly outdated: boolean }>
}

export const names = [0, 1] as const

export const view = (state: State): View => ({
  accounts: names.map((name) => {
    const account = state.accounts[accountOf(state, name)]
    return account && { password: account.password, confirmed: account.confirmed, blocked: account.blocked }
  }),
  codes: state.codes.map((_, code) => codeState(state, code)),
  sessions: state.sessions.map((_, session) => state.accounts[authenticated(state, session) ?? -1]?.name),
  requests: state.requests.map(({ askedAt, name }) => {
    const account = state.accounts[accountOf(state, name)]
    return { name, outdated: account !== undefined && account.changedAt >= askedAt }
  })
})
