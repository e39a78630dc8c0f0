// An application with users of better-auth, as it comes: node app.js, with DATABASE_URL and PORT.
import { createServer } from "node:http"
import { betterAuth } from "better-auth"
import { getMigrations } from "better-auth/db/migration"
import { toNodeHandler } from "better-auth/node"
import { Pool } from "pg"

const { DATABASE_URL, PORT } = process.env

const auth = betterAuth({
  baseURL: `http://127.0.0.1:${PORT}`,
  secret: "a secret of the test, long enough to be one",
  database: new Pool({ connectionString: DATABASE_URL, max: 5 }),
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false }
})

const { runMigrations } = await getMigrations(auth.options)
await runMigrations()
createServer(toNodeHandler(auth)).listen(Number(PORT), "127.0.0.1")
