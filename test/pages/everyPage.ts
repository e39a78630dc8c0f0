import { Effect } from "effect"
import type { Page } from "playwright-core"
import { type Person, Stage } from "./stage.ts"

/** Somebody at our pages, with what is needed to see each of them. */
export interface Guest extends Person {
  readonly url: string
  /** The link of a mail whose code is alive. */
  readonly link: string
  /** One whose code was used. */
  readonly usedLink: string
  /** The one that confirmed the address. */
  readonly confirmedLink: string
}

/** Somebody new who has reset a password once, and asked for another code. */
export const guest = Effect.fnUntraced(function* (named?: Partial<Person>) {
  const { forgot, mailedCode, person, reset, url } = yield* Stage
  const { confirmationCode, ...somebody } = yield* person(named)
  const code = Effect.andThen(forgot(somebody.email), mailedCode(somebody.email))
  const used = yield* code
  yield* reset(used, somebody.password)
  const link = (code: string) => `${url}/reset-password?code=${code}`
  const confirmedLink = `${url}/confirm-email?code=${confirmationCode}`
  return { ...somebody, url, link: link(yield* code), usedLink: link(used), confirmedLink } satisfies Guest
})

/** A page in a state that people see it in, and the way there. */
export interface Shown {
  readonly name: string
  open(page: Page, guest: Guest): Promise<unknown>
  /** The field that is wrong, where the page says so. */
  readonly wrong?: string
}

/** Fills a form by the names of its fields and sends it. */
export const fillIn = async (page: Page, fields: Readonly<Record<string, string>>): Promise<void> => {
  for (const [name, value] of Object.entries(fields)) await page.locator(`#${name}`).fill(value)
  await Promise.all([page.waitForEvent("load"), page.locator("form button:not([type])").first().click()])
}

/** Signed in here, once for all pages, and at one more device. */
const signedInAt =
  (path: string) =>
  async (page: Page, { password, url, username }: Guest): Promise<void> => {
    const cookies = await page.context().cookies()
    if (!cookies.some(({ name }) => name === "rekey_session")) {
      await page.goto(`${url}/sign-in`)
      await fillIn(page, { identifier: username, password })
      await fetch(`${url}/auth/local`, {
        method: "POST",
        headers: { "content-type": "application/json", "user-agent": "Mozilla/5.0 (iPhone) Version/18.1 Safari/604.1" },
        body: JSON.stringify({ identifier: username, password })
      })
    }
    await page.goto(`${url}${path}`)
  }

const at =
  (path: string) =>
  (page: Page, { url }: Guest) =>
    page.goto(`${url}${path}`)

/** A form that was sent wrongly. */
const sent =
  (path: string, fields: Readonly<Record<string, string>>) =>
  async (page: Page, { url }: Guest): Promise<void> => {
    await page.goto(`${url}${path}`)
    await fillIn(page, fields)
  }

/** The address of a code that nobody has. */
const unknownCode = `?code=${"x".repeat(43)}`

const withoutCode = async (page: Page): Promise<void> => {
  for (const name of ["rekey_reset_code", "rekey_confirmation_code"]) await page.context().clearCookies({ name })
}

/** Every page, and each state of it that looks different. */
export const everyPage: ReadonlyArray<Shown> = [
  { name: "forgot", open: at("/forgot-password") },
  { name: "forgot-wrong", open: sent("/forgot-password", { email: "ada" }), wrong: "email" },
  { name: "forgot-sent", open: at("/forgot-password/sent") },
  { name: "reset", open: (page, { link }) => page.goto(link) },
  {
    name: "reset-wrong",
    open: async (page, { link }) => {
      await page.goto(link)
      await fillIn(page, { password: "short", passwordConfirmation: "short" })
    },
    wrong: "password"
  },
  {
    name: "reset-code",
    open: async (page, { url }) => {
      await withoutCode(page)
      await page.goto(`${url}/reset-password`)
    }
  },
  { name: "reset-used", open: (page, { usedLink }) => page.goto(usedLink) },
  { name: "reset-unknown", open: at(`/reset-password${unknownCode}`) },
  { name: "reset-done", open: at("/reset-password/done") },
  { name: "register", open: at("/register") },
  {
    name: "register-wrong",
    open: sent("/register", { email: "ada", username: "a@b", password: "password" }),
    wrong: "email"
  },
  { name: "register-sent", open: at("/register/sent") },
  { name: "confirm", open: at(`/confirm-email${unknownCode}`) },
  {
    name: "confirm-code",
    open: async (page, { url }) => {
      await withoutCode(page)
      await page.goto(`${url}/confirm-email`)
    }
  },
  {
    name: "confirm-unknown",
    open: async (page, { url }) => {
      await page.goto(`${url}/confirm-email${unknownCode}`)
      await fillIn(page, {})
    }
  },
  {
    name: "confirm-used",
    open: async (page, { confirmedLink }) => {
      await page.goto(confirmedLink)
      await fillIn(page, {})
    }
  },
  { name: "confirm-again", open: at("/confirm-email/again") },
  { name: "confirm-sent", open: at("/confirm-email/sent") },
  { name: "confirm-done", open: at("/confirm-email/done") },
  { name: "sign-in", open: at("/sign-in") },
  {
    name: "sign-in-wrong",
    open: sent("/sign-in", { identifier: "ada", password: "not this one" })
  },
  { name: "account", open: signedInAt("/account?notice=session") },
  { name: "account-events", open: signedInAt("/account/events") },
  { name: "delete", open: signedInAt("/account/delete") },
  {
    name: "delete-wrong",
    open: async (page, guest) => {
      await signedInAt("/account/delete")(page, guest)
      await fillIn(page, { currentPassword: "not this one" })
    },
    wrong: "currentPassword"
  },
  { name: "deleted", open: at("/account/deleted") },
  { name: "change-password", open: signedInAt("/account/password") },
  {
    name: "change-password-wrong",
    open: async (page, guest) => {
      await signedInAt("/account/password")(page, guest)
      await fillIn(page, { currentPassword: "not this one", password: "a new long phrase", passwordConfirmation: "a" })
    },
    wrong: "passwordConfirmation"
  },
  { name: "change-email", open: signedInAt("/account/email") },
  {
    name: "change-email-wrong",
    open: async (page, guest) => {
      await signedInAt("/account/email")(page, guest)
      await fillIn(page, { email: "ada", currentPassword: "not this one" })
    },
    wrong: "email"
  },
  { name: "change-email-sent", open: at("/account/email/sent") },
  { name: "confirm-change", open: at(`/change-email/confirm${unknownCode}`) },
  { name: "confirm-change-done", open: at("/change-email/confirm/done") },
  { name: "undo-change", open: at(`/change-email/undo${unknownCode}`) },
  { name: "undo-change-done", open: at("/change-email/undo/done") }
]
