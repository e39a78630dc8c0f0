import { type Account, oldPassword } from "./accounts.ts"
import { freshToken } from "./betterAuthAccounts.ts"
import { newPassword } from "./exchanges.ts"
import { requestText } from "./http.ts"
import type { Exchange } from "./load.ts"

const resetRequest = (token: string) => requestText("POST", "/api/auth/reset-password", { token, newPassword })

/** The owner of an account sets a new password. */
export const reset = ({ code }: Account): Exchange => ({
  request: resetRequest(code),
  isRight: ({ body, status }) => status === 200 && JSON.parse(body).status === true
})

/** Somebody tries a token that nobody was given. */
export const badCode = (): Exchange => ({
  request: resetRequest(freshToken()),
  isRight: ({ body, status }) => status === 400 && JSON.parse(body).code === "INVALID_TOKEN"
})

/** Somebody forgot the password. */
export const forgot = ({ email }: Account): Exchange => ({
  request: requestText("POST", "/api/auth/request-password-reset", { email }),
  isRight: ({ body, status }) => status === 200 && JSON.parse(body).status === true
})

/** The owner of an account signs in, before any reset. */
export const signIn = ({ email, id }: Account): Exchange => ({
  request: requestText("POST", "/api/auth/sign-in/email", { email, password: oldPassword }),
  isRight: ({ body, status }) => status === 200 && JSON.parse(body).user?.id === id
})
