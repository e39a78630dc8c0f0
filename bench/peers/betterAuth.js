// A process of its own, started by betterAuthServer.ts. JavaScript, which tsc passes over: at the root there is no better-auth to find
// types of. As it comes, but for what makes the work the same as ours: the cost of a hash, the size of the pool, and that a reset
// ends the sessions. Unlike ours it keeps its reset tokens in clear and its `sendResetPassword` sends nothing.
import { createServer } from "node:http"
import { hash, verify } from "@node-rs/argon2"
import { betterAuth } from "better-auth"
import { isAPIError } from "better-auth/api"
import { getMigrations } from "better-auth/db/migration"
import { toNodeHandler } from "better-auth/node"
import { Pool } from "pg"

const { DATABASE_URL, PORT, RATE_LIMIT } = process.env

/** `owaspCost` of src/passwords/argon2.ts. */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

const auth = betterAuth({
  baseURL: `http://127.0.0.1:${PORT}`,
  database: new Pool({ connectionString: DATABASE_URL, max: 10 }),
  emailAndPassword: {
    enabled: true,
    password: {
      hash: (password) => hash(password, cost),
      verify: ({ hash, password }) => verify(hash, password)
    },
    sendResetPassword: async () => {},
    revokeSessionsOnPasswordReset: true
  },
  // Its own limits, of a path and a client address, kept where ours are.
  rateLimit: { enabled: RATE_LIMIT !== "off", storage: "database" },
  telemetry: { enabled: false },
  // It would write a line about each token that nobody was given; what nobody foresaw is told.
  logger: { disabled: true },
  onAPIError: {
    onError: (error) => {
      if (!isAPIError(error)) console.error(error)
    }
  }
})

const { runMigrations } = await getMigrations(auth.options)
await runMigrations()

createServer(toNodeHandler(auth)).listen(Number(PORT), "127.0.0.1")
