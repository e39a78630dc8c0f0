// Run by formats.test.ts on each runtime: verifies what others made and what we write, and prints what went wrong, as JSON.
import { Effect, Option, Redacted } from "effect"
import { argon2id, owaspCost } from "../../src/passwords/argon2.ts"
import { bcrypt } from "../../src/passwords/bcrypt.ts"
import { formatOf } from "../../src/passwords/formats.ts"
import { djangoPbkdf2 } from "../../src/passwords/pbkdf2.ts"
import { betterAuthScrypt } from "../../src/passwords/scrypt.ts"
import { vectors } from "../passwords/vectors.ts"

const none = Option.none()
const faults: Array<string> = []

const verify = (hash: string, password: string) =>
  Effect.runPromise(Option.getOrThrow(formatOf(hash)).verify(Redacted.make(password), none))

for (const { format, hash, password, source } of vectors) {
  if (!(await verify(hash, password))) faults.push(`${format} (${source}) doesn't fit its password`)
  if (await verify(hash, `${password}!`)) faults.push(`${format} (${source}) fits another password`)
}

const writers = [
  argon2id(owaspCost),
  bcrypt({ cost: 10, prefix: "2b" }),
  djangoPbkdf2({ iterations: 600_000 }),
  betterAuthScrypt
]
for (const { format, hash } of writers) {
  const hashed = Effect.runPromise(hash(Redacted.make("a phrase"), none))
  const timer = new Promise<string>((resolve) => setTimeout(() => resolve("timer"), 1))
  if ((await Promise.race([hashed, timer])) !== "timer") faults.push(`${format} holds the event loop while it is made`)
  const text = await hashed
  const verified = verify(text, "a phrase")
  const other = new Promise<string>((resolve) => setTimeout(() => resolve("timer"), 1))
  if ((await Promise.race([verified, other])) !== "timer")
    faults.push(`${format} holds the event loop while it is verified`)
  if (!(await verified)) faults.push(`${format} doesn't fit what it was made of`)
}

console.log(JSON.stringify(faults))
