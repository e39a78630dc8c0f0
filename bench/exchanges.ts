import { type Account, freshCode } from "./accounts.ts"
import { type Answer, requestText } from "./http.ts"
import type { Exchange } from "./load.ts"

export const newPassword = "a long new phrase"

const resetRequest = (code: string) =>
  requestText("POST", "/auth/reset-password", {
    code,
    password: newPassword,
    passwordConfirmation: newPassword
  })

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
