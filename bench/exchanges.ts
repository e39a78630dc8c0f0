import { type Account, freshCode, oldPassword } from "./accounts.ts"
import { type Answer, requestText } from "./http.ts"
import type { Exchange } from "./load.ts"

export const newPassword = "a long new phrase"

const resetRequest = (code: string, forwardedFor?: string) =>
  requestText(
    "POST",
    "/auth/reset-password",
    { code, password: newPassword, passwordConfirmation: newPassword },
    forwardedFor
  )

/** The owner of an account sets a new password. */
export const reset = ({ code, id }: Account): Exchange => ({
  request: resetRequest(code),
  isRight: ({ body, status }: Answer) => status === 200 && JSON.parse(body).user?.id === id
})

/** Somebody tries a code that nobody was given. */
export const badCode = (forwardedFor?: string): Exchange => ({
  request: resetRequest(freshCode(), forwardedFor),
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
