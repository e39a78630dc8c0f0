import { type Account, freshCode, oldPassword } from "./accounts.ts"
import { type Answer, requestText } from "./http.ts"
import type { Exchange } from "./load.ts"

export const newPassword = "a long new phrase"

const resetRequest = (code: string) =>
  requestText("POST", "/auth/reset-password", { code, password: newPassword, passwordConfirmation: newPassword })

/** The owner of an account sets a new password. */
export const reset = ({ code, id }: Account): Exchange => ({
  request: resetRequest(code),
  isRight: ({ body, status }: Answer) => status === 200 && JSON.parse(body).user?.id === id
})

/** Somebody tries a code that nobody was given. */
export const badCode = (): Exchange => ({
  request: resetRequest(freshCode()),
  isRight: ({ body, status }: Answer) => status === 404 && JSON.parse(body).reason === "ResetCodeNotFound"
})

/** Somebody forgot the password. */
export const forgot = ({ email }: Account): Exchange => ({
  request: requestText("POST", "/auth/forgot-password", { email }),
  isRight: ({ body, status }: Answer) => status === 200 && JSON.parse(body).ok === true
})

/** The owner of an account signs in, before any reset. */
export const signIn = ({ email, id }: Account): Exchange => ({
  request: requestText("POST", "/auth/local", { identifier: email, password: oldPassword }),
  isRight: ({ body, status }: Answer) => status === 200 && JSON.parse(body).user?.id === id
})

/** The same, after a reset. */
export const signInAfterReset = ({ email, id }: Account): Exchange => ({
  request: requestText("POST", "/auth/local", { identifier: email, password: newPassword }),
  isRight: ({ body, status }: Answer) => status === 200 && JSON.parse(body).user?.id === id
})

/** The owner follows the link, and has not typed a password yet. */
export const check = ({ code }: Account): Exchange => ({
  request: requestText("POST", "/auth/reset-password/check", { code }),
  isRight: ({ body, status }: Answer) => status === 200 && Date.parse(JSON.parse(body).expiresAt) > 0
})

/** Somebody uses a code again. */
export const resetAgain = ({ code }: Account): Exchange => ({
  request: resetRequest(code),
  isRight: ({ body, status }: Answer) => status === 403 && JSON.parse(body).reason === "ResetCodeUsed"
})

export const health: Exchange = {
  request: requestText("GET", "/health"),
  isRight: ({ status }: Answer) => status === 200
}
